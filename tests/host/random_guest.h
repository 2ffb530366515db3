/* SPDX-License-Identifier: MIT */
/*
 * A guest that does random things with its page tables, on a simulated machine.
 *
 * It works with a few dozen page frames, which it uses as tables of any level, as data and as both;
 * it writes them through a window that each of its address spaces should have.
 */
#ifndef TESTS_HOST_RANDOM_GUEST_H
#define TESTS_HOST_RANDOM_GUEST_H

#include "tests/host/sim.h"

#define ENGINE_FRAMES 57

struct engine {
	struct sim sim;
	struct rnd *r;
	u64 frame[ENGINE_FRAMES]; /* physical addresses; the last ones hold the window's tables */
	u64 page[4];              /* linear addresses in use */
	u32 audit_period;
	bool allow_5level;
	bool tidy;     /* D is set where W is, as most kernels do */
	bool pressure; /* random_pressure.c's operations are among the others */
	u32 next_root;
};

/* Choose a machine; tiny pools recycle all the time. */
void engine_config(struct rnd *r, struct sim_config *c);

/* Set up the machine and the guest's first tables. */
void engine_start(struct engine *e, const struct sim_config *c, struct rnd *r);

/* One random operation. */
void engine_step(struct engine *e);

/* random_pressure.c: one operation that is there to use up shadow tables. */
void engine_press(struct engine *e);

/* random_device.c: a device writes to a page table. */
void engine_device(struct engine *e);

/* What such operations are made of: an address in use, one in the window; a frame, an entry; CR4 bits. */
u64 engine_gva(struct engine *e);
u64 engine_window(const struct engine *e, u32 frame);
u64 engine_mask(const struct engine *e);
u64 engine_frame(struct engine *e);
u64 engine_entry(struct engine *e);
u64 engine_cr4(const struct engine *e, u64 cr4);

/* The guest's handler: mends the entry that the walk ends at. */
bool engine_mend(struct engine *e, const struct ref_access *a);

#endif
