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

#define RANDOM_FRAMES 57

/* The last five: the window's tables. */
#define RANDOM_WINDOW (RANDOM_FRAMES - 5)

/* Nine frames before these: random_cow.c's pages, and the tables of its address space. */
#define RANDOM_COW (RANDOM_FRAMES - 14)

struct random_guest {
	struct sim sim;
	struct rnd *r;
	u64 frame[RANDOM_FRAMES]; /* physical addresses; the last ones hold the window's tables */
	u64 page[4];              /* linear addresses in use */
	u32 audit_period;
	bool allow_5level;
	bool tidy;     /* D is set where W is, as most kernels do */
	bool pressure; /* random_pressure.c's operations are among the others */
	u32 next_root;
};

static inline u64 now_and_then(struct random_guest *g, u64 bits, u32 n)
{
	return one_in(g->r, n) ? bits : 0;
}

/* Choose a machine; tiny pools recycle all the time. */
void random_config(struct rnd *r, struct sim_config *c);

/* Set up the machine and the guest's first tables. */
void random_start(struct random_guest *g, const struct sim_config *c, struct rnd *r);

/* One random operation. */
void random_step(struct random_guest *g);

/* random_pressure.c: one operation that is there to use up shadow tables. */
void random_press(struct random_guest *g);

/* random_device.c: a device writes to a page table. */
void random_device(struct random_guest *g);

/* random_large.c: large pages are changed one by one, each with an INVLPG. */
void random_change_large(struct random_guest *g);

/* random_table.c: a page table of small pages is written to, flushed, and its pages are read. */
void random_table(struct random_guest *g);

/* random_turn.c: a page is written, a page table, and a page again; its mapping may be another by then. */
void random_turn(struct random_guest *g);

/* The same: have a page table at this page for an address, and use it. Where the link to it is; 0: it cannot be. */
u64 random_use_as_table(struct random_guest *g, u64 gva, u64 page);

/* random_protect.c: pages side by side lose W, and have it again. */
void random_protect(struct random_guest *g);

/* random_around.c: pages around a fault are mapped, and used. */
void random_around(struct random_guest *g);

/* random_table.c: an entry of one table is copied, changed as kernels do, to another. */
void random_copy_entry(struct random_guest *g);

/* random_modes.c: through paging off, as a real CPU must, into another mode or the same; a bit of CR0, CR4 or EFER; CR3. */
void random_switch_mode(struct random_guest *g);
void random_toggle(struct random_guest *g);
void random_load_cr3(struct random_guest *g);

/* random_window.c: the window's tables, at the start; and stored again, should they be spoilt. */
void random_set_window(struct random_guest *g);
void random_mend_window(struct random_guest *g);

/* The same: a frame that may be a root in any mode. */
u32 random_low_root(struct random_guest *g);

/* random_entry.c: where an entry may lead. */
u64 random_address(struct random_guest *g);

/* One of a table's entries: the first and last ones more often. */
u32 random_index(struct rnd *r, u32 entries);

/* random_cow.c: run in an address space that hardly anything else is done to; its first pages have a table. */
bool random_own_process(struct random_guest *g);

/* random_cow.c: a user writes to pages that are not his to write, and the kernel copies them. */
void random_copy_on_write(struct random_guest *g);

/* Change one of the entries on the way to an address. */
void random_change_way(struct random_guest *g, u64 gva);

/* Give a table what a root of this mode needs, the window above all. False: it could not be written. */
bool random_prepare_root(struct random_guest *g, u32 root, enum ref_mode mode);

/* random_space.c: an address space begins with another's tables, or ends. */
void random_space(struct random_guest *g);

/* A frame that is a root with the window from now on; RANDOM_FRAMES where that cannot be. */
u32 random_new_root(struct random_guest *g);

/*
 * Where the entry for an address is in its table of this level; what leads there is made where it is missing.
 * 0: there is none that the window shows.
 */
u64 random_lead_to(struct random_guest *g, u64 gva, int level);

/* The guest stores an entry through the window; false when that faults, or the window does not show it. */
bool random_store(struct random_guest *g, u64 gpa, u64 value);

/* What such operations are made of: an address in use, one in the window; a frame, an entry; CR4 bits. */
u64 random_gva(struct random_guest *g);
u64 random_window(const struct random_guest *g, u32 frame);
u64 random_mask(const struct random_guest *g);
u64 random_frame(struct random_guest *g);
u64 random_entry(struct random_guest *g);
u64 random_cr4(const struct random_guest *g, u64 cr4);

/* Its tables have entries of 4 bytes. */
bool random_is_32(const struct random_guest *g);

/* Read or write at an address, as whoever may; as far as the model's TLB has room. */
void random_touch(struct random_guest *g, u64 gva, bool write);

/* Which of its frames holds an address; RANDOM_FRAMES: none. */
u32 random_frame_index(const struct random_guest *g, u64 gpa);

/* Store to one of its frames through the window; false when that faults. */
bool random_store_at(struct random_guest *g, u32 frame, u32 offset, u64 value, u32 size);

/* The guest's handler: mends the entry that the walk ends at. */
bool random_mend(struct random_guest *g, const struct ref_access *a);

#endif
