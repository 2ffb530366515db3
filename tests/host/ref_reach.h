/* SPDX-License-Identifier: MIT */
/* What the guest's tables lead to, over all linear addresses. */
#ifndef TESTS_HOST_REF_REACH_H
#define TESTS_HOST_REF_REACH_H

#include "tests/host/ref_walk.h"

/* The walk of some linear address ends at the entry of a small page that is at gpa, as memory is now. */
bool ref_leads_to_page(const struct ref_cpu *cpu, u64 gpa);

#endif
