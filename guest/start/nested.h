/* SPDX-License-Identifier: MIT */
/* Nested paging, set up in place of the self-test and the shadow tables. */
#ifndef GUEST_START_NESTED_H
#define GUEST_START_NESTED_H

#include "guest/machine/backend.h"

/* config: what a shadow MMU would get. 0, or -1 after a fail() line. */
int prepare_nested(struct vcpu *v, const struct mmu_config *config);
/* Bytes of pool for it. */
u64 nested_memory(const struct memmap *guest_map);

#endif
