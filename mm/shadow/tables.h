/* SPDX-License-Identifier: MIT */
/* Lists, and what is kept of tables as wholes; nothing here knows what an entry should say. */
#ifndef MM_SHADOW_TABLES_H
#define MM_SHADOW_TABLES_H

#include "mm/shadow/types.h"

/* lists.c. Adding returns the length; behind: after those that are kept, for what nobody has asked for. */
u32 list_add_behind(struct mmu *m, slot_t *head, slot_t slot);

/* These two are part of every pass over a table. */
static ALWAYS_INLINE u32 list_add(struct mmu *m, slot_t *head, slot_t slot)
{
	slot_t next = *head, length = LIST_FIRST | 1;

	if (next) {
		length = m->links[next].prev + 1;
		m->links[next].prev = slot;
	}
	m->links[slot] = (struct spte_link){.next = next, .prev = length};
	*head = slot;
	return length & ~LIST_FIRST;
}

static ALWAYS_INLINE void list_del(struct mmu *m, slot_t *head, slot_t slot)
{
	struct spte_link link = m->links[slot];

	if (link.prev & LIST_FIRST) {
		*head = link.next;
		link.prev--;
	} else {
		m->links[link.prev].next = link.next;
		m->links[*head].prev--;
	}
	if (link.next)
		m->links[link.next].prev = link.prev;
}

/* tables.c: how a table is found. */
u32 shadow_find(const struct mmu *m, u64 gfn, union role role); /* 0: there is none */
void shadow_list(struct mmu *m, u32 index);                     /* from now on it is found */
void shadow_unlist(struct mmu *m, u32 index);
u32 shadow_oldest(const struct mmu *m, u64 gfn, union role role, u32 *nr);

/* Somebody can reach it: a parent, or a virtual CPU's root. */
static inline bool shadow_in_use(const struct mmu *m, u32 index)
{
	return m->shadows[index].parents || m->shadows[index].pins;
}

/*
 * recycle.c: which table makes room for another: invariant 11.
 *
 * An operation, one call of a function of mmu.h that changes anything, has a number, op_begin(). The two
 * ways to a table's index, shadow_get() and shadow_touch(), stamp the table with it, and recycle_victim()
 * passes over what is stamped, or pinned. Links that are made on the side (prefill, resync) hold nothing: a
 * table that goes takes every entry that leads to it along. There is always a victim: SHADOWS_LEAST().
 */

/* Pinned by one virtual CPU: its PAE root, four PDs there, and the root that it is about to leave. */
#define VCPU_PINS_MAX 6
/* Got by one operation: one way down, five levels or what a large page is split into included; or the
 * four PDs of a PAE root. The last is the one that the room is for. */
#define OP_TABLES_MAX 5
/* Indices from 0 that let every operation go on; table 0 does not exist. */
#define SHADOWS_LEAST(vcpus) (1 + (vcpus)*VCPU_PINS_MAX + OP_TABLES_MAX)

u32 recycle_victim(const struct mmu *m); /* the table that goes next */
bool shadow_is_held(const struct mmu *m, u32 index);
void lru_add(struct mmu *m, u32 index); /* in use, one that is in no list */
void lru_del(struct mmu *m, u32 index); /* out of either list */
void shadow_used(struct mmu *m, u32 index);
void orphan_add(struct mmu *m, u32 index); /* one in use, that the guest has unlinked */

/* Tables that were at the front of the list so many operations ago are left where they are. */
#define RECENT_OPS 16

/* The operation holds this table from now on. */
static inline void shadow_touch(struct mmu *m, u32 index)
{
	struct shadow *s = &m->shadows[index];

	s->stamp = m->clock;
	if (m->clock - s->moved >= RECENT_OPS)
		shadow_used(m, index);
}

/* flood.c, and write.c for tables of level 1: what a write to a table means for the writes to come. */
enum flood {
	FLOOD_NONE = 0,   /* they are carried out, as this one was */
	FLOOD_UNSYNC = 1, /* the table goes out of sync */
	FLOOD_SHUT = 2    /* it is shut: an INVLPG comes with each of them */
};

/* Writes to one table, none of them used before the next, after which one more makes a flood. */
#define FLOOD_WRITES 3

/* The guest used what the last write to this table made: demand paging, not a flood. */
static inline bool last_was_used(const struct mmu *m, const struct shadow *s, u32 index)
{
	u64 spte = *spte_at(m, slot_make(index, s->last));

	return (spte & PTE_A) && !spte_is_trap(spte, m->trap_bits);
}

/*
 * The guest has written what entry i of an upper table mirrors; to be called before that entry follows, as
 * last_was_used().
 */
enum flood upper_written(struct mmu *m, u32 index, u32 i);

/* Was it worth it? changed: entries that map something else; work: what it took to find them, of mmu.work. */
bool flood_pays(u32 changed, u32 work);

/* A table that may have been flooded is in sync again; or shut, so that nothing can be told of it yet. */
void flood_ended(struct mmu *m, struct shadow *s, bool paid);

/* An entry of a table out of sync follows at an INVLPG. */
static inline void flood_followed(struct shadow *s)
{
	if (s->writes && s->writes < 1000)
		s->writes++;
}

/* flush.c. Ask every virtual CPU's hardware to forget everything. */
void need_flush(struct mmu *m);

/* flush.c. No root is a recent one any more. */
void forget_recent(struct mmu *m);

/* Something is no longer so that a load of CR3 may take this table as it is. */
static inline void forget_root(struct mmu *m, u32 index)
{
	if (unlikely(m->shadows[index].recent))
		forget_recent(m);
}

/* reach.c. An entry becomes a soft trap, or no longer; SPTE_NARROWED comes or goes. */
void reach_soft(struct mmu *m, u32 index, u64 old, u64 spte);
void reach_narrowed(struct mmu *m, u32 index, u64 spte);
void reach_link(struct mmu *m, u32 index, u32 child, int more);
void reach_dequeue(struct mmu *m, u32 index);
void reach_tell(struct mmu *m, enum reach_kind kind);

static ALWAYS_INLINE bool reach_is_told(const struct shadow *s)
{
	return s->reach[REACH_SOFT].told | s->reach[REACH_NARROWED].told;
}

/* The table goes away. It has no parents. */
static ALWAYS_INLINE void reach_forget(struct mmu *m, u32 index)
{
	const struct reach *r = m->shadows[index].reach;

	if (unlikely(r[REACH_SOFT].queued | r[REACH_NARROWED].queued))
		reach_dequeue(m, index);
}

/* A link to a table comes. */
static ALWAYS_INLINE void reach_linked(struct mmu *m, u32 index, u32 child)
{
	if (unlikely(reach_is_told(&m->shadows[child])))
		reach_link(m, index, child, 1);
}

/* It goes. */
static ALWAYS_INLINE void reach_unlinked(struct mmu *m, u32 index, u32 child)
{
	if (unlikely(reach_is_told(&m->shadows[child])))
		reach_link(m, index, child, -1);
	m->stale_ways = true;
	m->ways++;
}

/*
 * Every change of an entry is made here, but for the rights of one that stays present; and where lines.h and pass.c
 * change whole lines.
 */
static inline void entry_put(struct mmu *m, slot_t slot, u64 spte)
{
	u64 *entry = spte_at(m, slot);

	if (unlikely(m->soft_traps))
		reach_soft(m, slot_table(slot), *entry, spte);
	if (unlikely((*entry ^ spte) & SPTE_NARROWED))
		reach_narrowed(m, slot_table(slot), spte);
	shadow_at(m, slot)->lines |= line_bit(slot);
	*entry = spte;
}

/* One that was not present, and is from now on. */
static inline void entry_put_present(struct mmu *m, slot_t slot, u64 spte)
{
	struct shadow *s = shadow_at(m, slot);

	entry_put(m, slot, spte);
	s->live |= line_bit(slot);
	s->present++;
}

/* An entry of a table that may be out of sync no longer says what the copy does: invariant 24. */
static inline void copy_forget(struct shadow *s, slot_t slot)
{
	s->copied &= ~line_bit(slot);
}

#endif
