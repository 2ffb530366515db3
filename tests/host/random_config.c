/* SPDX-License-Identifier: MIT */
/* The machines that the random guest runs on; see random_guest.h. */
#include "tests/host/random_guest.h"

/* So little may be done at once, and so few entries be in a list, that it happens all the time. */
static void tight_bounds(struct rnd *r, struct mmu_bounds *b)
{
	u32 kept = 1 + rnd(r, 3);

	*b = (struct mmu_bounds){
		.kept = kept,
		.frame_leaves = kept + rnd(r, 4),
		.region_leaves = kept + rnd(r, 4),
		.unsync_parents = kept + rnd(r, 2),
		.parents = kept + 2 + rnd(r, 4),
		.unsync = 1 + rnd(r, 6),
		.frame_shadows = 1 + rnd(r, 4),
		.bucket = 1 + rnd(r, 3),
		.work = 1 + rnd(r, 100),
		.soften_after = rnd(r, 4),
	};
}

void random_config(struct rnd *r, struct sim_config *c)
{
	static const u8 widths[] = {36, 39, 40, 46, 52, 52};

	*c = (struct sim_config){
		.features.maxphyaddr = widths[rnd(r, ARRAY_SIZE(widths))],
		.features.nx = !one_in(r, 8),
		.features.pages_1g = !one_in(r, 4),
		.features.pse36 = !one_in(r, 4),
		.features.amd = one_in(r, 8),
		.traps = rnd(r, 4) % NR_SIM_TRAPS,
		.sync = rnd(r, 3),
		.user_filter = rnd(r, 5) % 3,
		.bypass = !one_in(r, 4),
		.vpid = !one_in(r, 4),
		.high_ram = one_in(r, 4),
		.faults_keep = one_in(r, 4),
		.pdptes_keep = one_in(r, 2),
		.clock_wraps = one_in(r, 4),
		.tight = one_in(r, 2),
		.devices = one_in(r, 4),
	};
	if (c->tight)
		tight_bounds(r, &c->bounds);
}
