/* SPDX-License-Identifier: MIT */
/* The counters' report on the console. */
#ifndef GUEST_MACHINE_REPORT_H
#define GUEST_MACHINE_REPORT_H

#include "guest/machine/vcpu.h"

/*
 * One counter by its index, as the live interfaces give it: pf_bypassed is computed, and ~0 while it is
 * not known.
 */
u64 counter_read(const struct counters *set, u32 index);

/*
 * Count the exits since the last call as the present filter's: to be called before that changes, and before
 * the counters are read. With nested paging there is none.
 */
void count_filter(struct vcpu *v);

/*
 * Print all counters, "name = value" a line between "counters begin" and "counters end"
 * (docs/counters.md). pf_bypassed is computed here; its value is "unknown" when the guest did not report
 * its faults.
 */
void report_counters(const struct counters *sum);

#endif
