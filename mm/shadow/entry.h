/* SPDX-License-Identifier: MIT */
/* One entry: what it should say, and making it so. */
#ifndef MM_SHADOW_ENTRY_H
#define MM_SHADOW_ENTRY_H

#include "mm/shadow/wp0.h"

/* What an entry should say. Decided by spte_wanted() alone, done by spte_set() alone. */
struct spte_want {
	/* A link: with the guest's table's address. A leaf: as if its page were neither hidden nor a table. */
	u64 spte;
	union role child; /* of a link; else 0 */
	bool present; /* a link or a leaf: even one of the topmost page frame, which looks like a trap */
};

/* The first frame that a link, or a leaf at level 1, leads to. */
static inline u64 spte_gfn(u64 spte)
{
	return (spte & PTE_ADDR) >> PAGE_SHIFT;
}

/*
 * mirror.c: what a guest entry asks for. For entry i of a shadow table of this role; synced: its frame is not
 * out of sync; gpte: the guest's entry. Changes nothing, and does not look at the shadow entry.
 */
struct spte_want spte_wanted(const struct mmu *m, union role role, bool synced, u64 gpte, u32 i);

/* Make an entry say what the guest's says now, as far as that needs no new table. True when it changed. */
bool entry_sync(struct mmu_vcpu *v, slot_t slot);

/*
 * pass.c: entry_sync() for a whole table. copy: what its frame's table said when it went out of sync, or NULL; lines
 * that are as they were then are left as they are. Returns how many entries map something else now.
 */
u32 table_sync(struct mmu_vcpu *v, u32 index, const u64 *copy);

/* fill.c. The same for a table that has just been made, all zeros, and is listed. */
void table_fill(struct mmu_vcpu *v, u32 index);

/* pass.c. The same for some lines, eight entries each, from a slot's on; its table is a shadow of RAM. */
void lines_follow(struct mmu_vcpu *v, slot_t slot, u32 lines);

/*
 * clear.c. Nothing in this table may go to the guest any more: its notrap entries become traps. all: those that are
 * present as well, so the table is right whatever the guest's says.
 */
void table_trap(struct mmu *m, u32 index, bool all);

/* The same for a table that goes out of sync: what the guest's says is copied, as far as a resync will want it. */
void table_lag(struct mmu *m, u32 index, u64 *copy);

/* Every entry goes: the table is all zeros. by_guest: as entry_drop(). */
void table_clear(struct mmu *m, u32 index, bool by_guest);

/* entry.c: making it so. */

/* A writable leaf, made read-only for the hypervisor's own sake. */
static inline u64 leaf_narrowed(union role role, u64 spte)
{
	bool users = (spte & PTE_U) && !role.direct && !role.wp0;

	return (spte & ~(PTE_W | SPTE_LISTED)) | (role.level == 1 ? SPTE_PROTECTED : 0) |
	       (users ? SPTE_NARROWED : 0);
}

/*
 * A leaf as what is wanted would be written. Fewer rights than the guest grants are right too where the
 * page is a table: the next write mends them.
 */
static ALWAYS_INLINE u64 leaf_says(u64 spte)
{
	if (spte & SPTE_PROTECTED)
		spte = (spte & ~SPTE_NARROWED) | PTE_W;
	return spte & ~(PTE_A | PTE_D | SPTE_PROTECTED);
}

/* True when an entry that should be this leaf, or this trap, needs no change. */
static ALWAYS_INLINE bool leaf_holds(u64 spte, u64 want)
{
	return spte == want || leaf_says(spte) == want;
}

/* True when an entry that should not be a link needs no change. */
static ALWAYS_INLINE bool spte_holds(u64 spte, struct spte_want want)
{
	return !want.child.word && leaf_holds(spte, want.spte);
}

/* The table that an entry leads to, if it is the one that should be there; else 0. */
static inline u32 linked_child(const struct mmu *m, slot_t slot, struct spte_want want)
{
	u64 spte = *spte_at(m, slot);
	u32 child;

	if (!spte_is_link(shadow_at(m, slot)->role.level, spte))
		return 0;
	child = spte_child(m, spte);
	return m->shadows[child].gfn == spte_gfn(want.spte) &&
			       m->shadows[child].role.word == want.child.word
		       ? child
		       : 0;
}

/* Take an entry that is present out of its lists and counts; its value stays, for the caller to replace. */
void entry_drop(struct mmu *m, slot_t slot, bool by_guest);
/* The part of spte_set() for an entry that is to be present. */
bool entry_install(struct mmu_vcpu *v, slot_t slot, struct spte_want want, u32 child, bool asked);

/* Make an entry a trap, or SPTE_NOTRAP. True when it was present. */
static ALWAYS_INLINE bool spte_clear(struct mmu *m, slot_t slot, u64 spte)
{
	bool was = spte_is_present(*spte_at(m, slot), m->trap_bits);

	if (was)
		entry_drop(m, slot, true);
	entry_put(m, slot, spte);
	return was;
}

/*
 * Make an entry say what is wanted: its lists, the counts, and the flushes that follow from it.
 *
 * child: the table that a link is to lead to; 0: none, and the entry traps. asked: a fault needs it now;
 * else it is filled ahead, or follows what the guest has written, for which the guest owes the flush.
 * Returns true when the entry changed.
 */
static inline bool spte_set(struct mmu_vcpu *v, slot_t slot, struct spte_want want, u32 child,
			    bool asked)
{
	u64 old = *spte_at(v->mmu, slot);

	if (asked)
		copy_forget(shadow_at(v->mmu, slot), slot);
	if (want.present)
		return entry_install(v, slot, want, child, asked);
	spte_clear(v->mmu, slot, want.spte);
	return old != want.spte;
}

/* Cut: an entry that is present becomes a trap, though the guest's own is as before. */
void entry_trap(struct mmu *m, slot_t slot);
/* The limits of invariant 12: of a reverse map that has grown by one; of a table's links. */
void bound_leaves(struct mmu *m, slot_t *head, u32 length);
u32 most_parents(const struct mmu *m, u32 child);

/* There is room for a link to a table that nobody has asked for yet. */
static inline bool may_have_parent(const struct mmu *m, u32 child)
{
	u32 length = list_length(m, m->shadows[child].parents);

	return likely(length < m->bounds->kept) || length < most_parents(m, child);
}

/* Make an entry that is not present a link, or a leaf, and put it into the lists it belongs to. */
void entry_link(struct mmu *m, slot_t slot, u32 child, u64 bits, bool asked);
void entry_leaf(struct mmu_vcpu *v, slot_t slot, u64 spte);

/* direct.c */
union role direct_role(union role parent, u64 gpte, int level, u64 rights);
struct spte_want direct_wanted(const struct mmu *m, union role role, u64 gfn);
void direct_fill(struct mmu_vcpu *v, u32 index);
bool must_split(const struct mmu *m, int level, u64 gfn, u64 rights);

/* protect.c: which frames the guest may write itself. */
void track(struct mmu_vcpu *v, u64 gfn);
void untrack(struct mmu *m, u64 gfn);
/* Out of sync no longer. Returns the copy of it, which stays until a frame goes out of sync; NULL: it was shut. */
const u64 *unsync_forget(struct mmu *m, u64 gfn);
void frame_reopen(struct mmu_vcpu *v, u64 gfn);

#endif
