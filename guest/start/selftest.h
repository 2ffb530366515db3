/* SPDX-License-Identifier: MIT */
/*
 * The boot self-test: which shadow entries this CPU really faults on, and how, proved by taking each
 * fault inside a guest context. What CPUID says about the width of addresses is not trusted.
 */
#ifndef GUEST_START_SELFTEST_H
#define GUEST_START_SELFTEST_H

#include "guest/machine/vcpu.h"
#include "guest/options.h"

struct selftest_result {
	/* Guests have tables with traps of these levels, from 1 on. */
	int levels[NR_SPTE_FORMATS];
	/* Entries of 0, at every level: the fault reached the guest's own handler without an exit, with
	 * the right CR2 and error code. Without a filter (SVM): it exited with P=0. */
	bool notrap;
	/* The user filter lets a user's own faults go to the guest's handler, protection faults included,
	 * and no other. Never without a filter. */
	bool user_filter;
	/* Trap entries that exited with RSVD=1, by format and level. */
	bool address[NR_SPTE_FORMATS][PAGING_LEVELS];
	bool structural[NR_SPTE_FORMATS][PAGING_LEVELS];
};

/*
 * Run the self-test on a virtual CPU whose backend is enabled and set up, before any other guest. One
 * line on the console says what was proved. Overwrites every register of the guest's and leaves the
 * filter at PF_FILTER_ALL.
 *
 * Returns 0 and the result, which may be that nothing is proved; -1 after a fail() line when the
 * guest context itself does not work.
 */
int selftest_traps(struct vcpu *v, struct selftest_result *out);

/* For selftest_traps(), once it has the traps: prove_filter.c. */
bool prove_user_filter(struct vcpu *v, const struct selftest_result *proved);

/*
 * Pick trap entries from what is proved: the address encoding where both are, unless told otherwise. 0 at
 * the levels that no guest has.
 */
void selftest_choose(const struct selftest_result *result, enum opt_trap trap, u8 maxphyaddr,
		     struct spte_traps *traps);

#endif
