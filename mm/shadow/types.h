/* SPDX-License-Identifier: MIT */
/*
 * What the files of the shadow MMU share, and nobody else includes. They stand in an order, low to high, that
 * tools/check.mk names and `make check` proves. docs/mmu.md has the states and the invariants by their numbers.
 */
#ifndef MM_SHADOW_TYPES_H
#define MM_SHADOW_TYPES_H

#include "arch/console.h"
#include "mm/phys/phys.h"
#include "mm/shadow/mmu.h"

/*
 * A reverse map has the leaf, which is from when it becomes writable until it maps something else, or is narrowed:
 * invariant 14. It is the D bit, which is the hypervisor's own to use: W is never without it, so that the CPU sets none.
 * Leaves of direct tables, which are in no list, have it with W as well. (With CR4.CET, which no guest has, a page with D
 * and without W would be a shadow stack.)
 */
#define SPTE_LISTED PTE_D

/*
 * A software bit: the leaf is read-only only because the page is, or was, a tracked table, is watched, or
 * has writable leaves enough. In a table in sync, the guest's entry lets it be written.
 */
#define SPTE_PROTECTED BIT(9)

/* A software bit: the page is lent, see mmu_lend(). */
#define SPTE_LENT BIT(10)

/*
 * A software bit: a user's write may fault here that the guest allows. A user's leaf that is read-only for the
 * hypervisor's own sake, D=0 included; or a link by which users may write the parts of a split page. Not with
 * CR0.WP=0, for no filter goes by it there.
 */
#define SPTE_NARROWED BIT(11)

#define SPT_ENTRIES   TABLE_ENTRIES
#define PTE_RIGHTS    (PTE_W | PTE_U | PTE_NX)

/* A shadow entry's name: its table's index and its place in that, 31 bits. 0 is none: so is table 0. */
typedef u32 slot_t;

static inline slot_t slot_make(u32 table, u32 entry)
{
	return table * SPT_ENTRIES + entry;
}

static inline u32 slot_table(slot_t slot)
{
	return slot / SPT_ENTRIES;
}

static inline u32 slot_entry(slot_t slot)
{
	return slot % SPT_ENTRIES;
}

/* What a shadow table is a shadow of, beside its frame: invariant 5. */
union role {
	u32 word;
	struct {
		u32 level : 3;
		u32 format : 2;   /* enum gpte_format of the guest table */
		u32 quadrant : 2; /* GPTE_32: which part of the guest table this covers */
		u32 direct : 1;   /* no guest table: maps gfn, gfn + 1, ... */
		u32 nxe : 1, pse : 1;
		u32 wp0 : 1; /* guest CR0.WP=0: leaf rights depend on the three bits below */
		u32 smep : 1, inherited_w : 1, inherited_u : 1;
		u32 strict : 1; /* with wp0: a user's page is never the supervisor's, unless lent */
		u32 pwt : 1, pcd : 1, pat : 1, global : 1, pk : 4; /* direct: the leaf's */
	};
};

/*
 * What is kept of 4 KiB of guest-physical memory. state: in FRAME_TABLES the first of the shadow tables that
 * were made of it (0: the guest has not used it as a table), in the bits above flags.
 */
struct frame {
	/* Writable 4K leaves of guest tables that map it; of a tracked frame, a leaf that was one, or 0: untrack(). */
	slot_t rmap;
	u32 state;
};

#define FRAME_TABLES  GENMASK(23, 0)
#define FRAME_SHUT    BIT(28) /* with FRAME_UNSYNC: nobody can reach its shadows, see frame_shut() */
#define FRAME_UNSYNC  BIT(29) /* its shadows may lag behind it; it is writable */
#define FRAME_HIDDEN  BIT(30) /* the hypervisor's */
#define FRAME_NOT_RAM BIT(31)

/* 2 MiB of guest-physical memory. */
#define REGION_FRAMES TABLE_ENTRIES
#define REGION_SIZE   (REGION_FRAMES * PAGE_SIZE)

struct region {
	slot_t rmap; /* writable 2M leaves that map it */
	u32 direct;  /* direct level-1 tables that map it, linked by shadow.region_next */
	u16 tracked; /* frames in it that are write-protected as tables */
	bool apart;  /* overlaps a hidden or watched range */
};

/* What is counted of a table and of all that it leads to: reach.c. */
enum reach_kind { REACH_SOFT, REACH_NARROWED, NR_REACH };

struct reach {
	u16 nr;
	bool told; /* what the parents' counts say of this table */
	bool queued;
	u32 next, prev;
};

/* A shadow table's description; its SPT_ENTRIES entries are at table_of(). */
struct shadow {
	u64 gfn;
	union role role;
	u32 next;                 /* same frame, direct tables of the same bucket, free list */
	slot_t parents;           /* entries that link here */
	u32 list_next, list_prev; /* in mmu.lru, or mmu.orphans: see recycle.c */
	u32 stamp;                /* the last operation that held it: invariant 11 */
	u32 moved;                /* the operation that last put it at the front of mmu.lru */
	u32 region_next;          /* see struct region */
	/* Invariant 20: lines that may be other than zero; and that may have a present entry. */
	u64 lines, live;
	/* Invariant 24: lines as the frame's copy has them; of these, with traps that stand for notrap. */
	u64 copied, holes;
	u16 present;   /* entries that are present: links and leaves */
	u16 pins;      /* roots in use, PDs of a PAE root */
	u16 writes;    /* emulated writes since the table was last seen in use */
	u16 last;      /* the entry that the last of them filled */
	u16 next_read; /* ahead.c: behind the last entry that a read set A in; 0: none did */
	bool orphan; /* the guest has unlinked it, as when it frees a page table: in mmu.orphans */
	bool stale;  /* has no parents and no pins, and may lag behind: see sync.c */
	bool recent : 1;     /* it may be in some virtual CPU's `recent` */
	bool flood_paid : 1; /* flood.c: the last flood was worth it, */
	bool flood_own : 1;  /* ... and it was this table's own */
	bool lingered : 1;   /* linger.c: to stay out of sync was worth it; */
	u8 vain : 3;         /* ... exits in a row that it was not worth */
	bool flood_shut : 1; /* flood.c: the table was last shut for a flood, */
	u8 flood_bar;        /* ... and so many writes more make the next one; */
	u8 asked; /* ... mmu.invlpgs when the next INVLPG was made to exit; 0: it was not */
	struct reach reach[NR_REACH];
	u64 synced; /* mmu.operations when it last was as the guest's table */
	u64 judged; /* of a guest's entry without PS, as struct rules has it */
};

/* An index becomes an address by a shift. */
_Static_assert(sizeof(struct shadow) == 128, "struct shadow has grown: is it worth it?");

/* Tables linked by list_next and list_prev. */
struct shadow_list {
	u32 first, last;
};

/* A frame out of sync: copy, what the guest's table said then, of its shadows' lines in `copied`. */
struct unsync {
	u64 gfn;
	u64 *copy;
};

/*
 * Neighbours in the list that an entry is in: a child's parents, a frame's or region's rmap. The first
 * has none before it: there, prev is LIST_FIRST and the list's length.
 */
struct spte_link {
	slot_t next, prev;
};

#define LIST_FIRST    BIT(31)

#define MMU_VCPUS_MAX 16

struct mmu {
	const struct guest_paging *guest;
	struct spte_traps traps;
	bool bypass;
	bool soft_traps; /* some trap is not present */
	u32 soft_exits; /* the guest's own not-present faults that exited for that, up to bounds->soften_after */
	enum mmu_sync sync;
	u32 (*read_pkru)(void);
	u64 trap_bits; /* for the predicates of spte.h */

	struct frame *frames;
	u64 nr_frames;
	struct region *regions;
	u64 nr_regions;
	/* Ranges that are hidden or watched, ranges.c, and in reach of frames and regions marked there. */
	struct tables_config config;
	u32 *direct; /* a hash of all direct tables: direct_bucket() */
	u32 direct_mask;
	u32 blank; /* the first shadow of what is not RAM (NO_GFN), all traps; shadow.next leads on */

	struct shadow *shadows;
	u64 *tables;
	u64 tables_hpa;
	struct spte_link *links;
	u32 nr_shadows; /* indices 1 .. nr_shadows - 1 */
	u32 free, nr_free;
	struct shadow_list lru, orphans; /* every table that is not free is in one of them */
	u32 clock;                       /* the number of the operation under way: invariant 11 */
	bool in_operation;
	u64 operations; /* as clock, but it never wraps: shadow.synced may be of long ago */

	/* All but those that are shut; behind nr_unsync, copies that are free. */
	struct unsync unsync[MMU_UNSYNC_MAX];
	u32 nr_unsync;
	u32 vain_invlpg; /* INVLPG exits since one was for a table out of sync */
	u8 invlpgs;      /* INVLPG exits, from 1 to 255 and on from 1 */
	bool ask_invlpg; /* the next one exits, to tell that it comes: flood.c */

	bool floods_pay; /* flood.c: the last flood on a page table was worth it */
	u8 hindered;     /* linger.c: faults that have exited since that was worth it */

	/* A listed leaf was dropped or narrowed, and a TLB may still hold one that is writable. */
	bool stale_writable;
	/* A table with an upper level is out of sync: an old link there may lead to a notrap entry. */
	bool upper_unsync;
	/* Some virtual CPU's `recent` may have a root. */
	bool recents;
	/* A table was linked below which some table is out of sync: refresh_all() before the guest runs. */
	bool relinked;

	const struct mmu_bounds *bounds;
	/* What this exit has done, in units of about 300 instructions: may_work(). */
	u32 work;
	u32 reach_queue[NR_REACH]; /* tables whose parents have to be told, see reach.c */
	/* From 1 on, how often a link went or got other rights, or a table went: invariant 23. */
	u64 ways;
	/* A CPU may hold links that are gone, or leaves that were narrowed: reach.c. need_flush() ends it. */
	bool stale_ways;
	enum mmu_user_filter user_filter;

	struct mmu_vcpu *vcpu[MMU_VCPUS_MAX];
	u32 nr_vcpus, max_vcpus;
};

/* What must hold whatever the guest does; cheap, so it is checked in the hypervisor too. */
#define INVARIANT(number, holds)                                                     \
	do {                                                                         \
		if (unlikely(!(holds)))                                              \
			die("shadow MMU: invariant " #number " is broken: " #holds); \
	} while (0)

/* A pass over a table that has nothing in it. Each line that has is 1 more, and so is each entry that is made. */
#define WORK_TABLE 4
/* Entries that are taken away, out of their lists, for one. */
#define TAKEN_PER_WORK 4

static inline bool may_work(const struct mmu *m)
{
	return m->work < m->bounds->work;
}

static inline u32 list_length(const struct mmu *m, slot_t head)
{
	return head ? m->links[head].prev & ~LIST_FIRST : 0;
}

static inline struct frame *frame_of(const struct mmu *m, u64 gfn)
{
	if (gfn >= m->nr_frames || (m->frames[gfn].state & (FRAME_NOT_RAM | FRAME_HIDDEN)))
		return NULL;
	return &m->frames[gfn];
}

static inline struct region *region_of(const struct mmu *m, u64 gfn)
{
	return gfn / REGION_FRAMES < m->nr_regions ? &m->regions[gfn / REGION_FRAMES] : NULL;
}

/* ranges.c: what is not RAM, and yet not the guest's alone. */
bool far_is_hidden(const struct mmu *m, u64 gfn);
bool far_is_watched(const struct mmu *m, u64 gfn);
bool far_is_apart(const struct mmu *m, u64 gfn);

static inline bool gfn_is_watched(const struct mmu *m, u64 gfn)
{
	return unlikely(!frame_of(m, gfn)) && far_is_watched(m, gfn);
}

/* True when the 2 MiB at gfn may not be one leaf, since they overlap such a range. */
static inline bool region_is_apart(const struct mmu *m, u64 gfn)
{
	const struct region *r = region_of(m, gfn);

	return likely(r) ? r->apart : far_is_apart(m, gfn);
}

static inline bool gfn_is_hidden(const struct mmu *m, u64 gfn)
{
	if (likely(gfn < m->nr_frames && !(m->frames[gfn].state & FRAME_NOT_RAM)))
		return m->frames[gfn].state & FRAME_HIDDEN;
	return far_is_hidden(m, gfn);
}

static inline bool frame_is_tracked(const struct frame *f)
{
	return f && (f->state & FRAME_TABLES) && !(f->state & FRAME_UNSYNC);
}

/* RAM that is no table, and in no leaf that is in a list. */
static ALWAYS_INLINE bool frame_is_idle(const struct frame *f)
{
	u64 all;

	_Static_assert(sizeof(all) == sizeof(*f), "it is all of it");
	__builtin_memcpy(&all, f, sizeof(all));
	return !all;
}

/* A shadow of a guest's table that may lag behind it. Direct tables mirror none. */
static inline bool table_is_unsync(const struct mmu *m, u32 index)
{
	const struct shadow *s = &m->shadows[index];
	const struct frame *f = frame_of(m, s->gfn);

	return f && !s->role.direct && (f->state & FRAME_UNSYNC);
}

static inline u64 *table_of(const struct mmu *m, u32 index)
{
	return m->tables + (u64)index * SPT_ENTRIES;
}

static inline u64 *spte_at(const struct mmu *m, slot_t slot)
{
	return m->tables + slot;
}

static inline struct shadow *shadow_at(const struct mmu *m, slot_t slot)
{
	return &m->shadows[slot_table(slot)];
}

/* Eight entries, what the CPU's caches hold at once: the passes over tables go by lines. */
#define LINE_ENTRIES 8

/* The bit of a slot's line in the maps of its table. */
static inline u64 line_bit(slot_t slot)
{
	return BIT(slot_entry(slot) / LINE_ENTRIES);
}

static inline u64 table_hpa(const struct mmu *m, u32 index)
{
	return m->tables_hpa + (u64)index * PAGE_SIZE;
}

/* Traps of the upper levels have PS set too. */
static inline bool spte_is_link(int level, u64 spte)
{
	return level > 1 && (spte & (PTE_P | PTE_PS)) == PTE_P;
}

static inline u32 spte_child(const struct mmu *m, u64 spte)
{
	return ((spte & PTE_ADDR) - m->tables_hpa) >> PAGE_SHIFT;
}

static inline u64 trap_entry(const struct mmu *m, union role role)
{
	enum spte_format f = role.format == GPTE_64 ? SPTE_FORMAT_64 : SPTE_FORMAT_PAE;

	return m->traps.entry[f][role.level];
}

/* The index of a guest virtual address in a shadow table of this level. */
static inline u32 spt_index(int level, u64 gva)
{
	return (gva >> LEVEL_SHIFT(level)) % SPT_ENTRIES;
}

/* The guest table's entry that a shadow entry mirrors. */
static inline u32 guest_index(union role role, u32 i)
{
	if (role.format != GPTE_32)
		return i;
	return role.level == 1 ? role.quadrant * SPT_ENTRIES + i
			       : role.quadrant * (SPT_ENTRIES / 2) + i / 2;
}

#endif
