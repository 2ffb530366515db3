/* SPDX-License-Identifier: MIT */
/* Emulated writes to guest tables: memory first, then every shadow of the table, at once. */
#include "mm/shadow/mirror.h"
#include "mm/shadow/settle.h"

/*
 * The guest has written what entry i of a table mirrors; the entry does not follow yet. Invariant 9: floods come
 * again and again; where the last one was worth it, a second entry that is written before the first was
 * used is enough.
 */
static ALWAYS_INLINE enum flood leaf_written(const struct mmu *m, struct shadow *s, u32 index,
					     u32 i)
{
	bool used = last_was_used(m, s, index);
	bool again = s->flood_paid && s->writes && i != s->last;

	s->last = i;
	if (used) {
		s->writes = 1;
		return FLOOD_NONE;
	}
	s->writes++;
	if (m->sync == MMU_SYNC_HYBRID && (s->writes > FLOOD_WRITES + s->flood_bar || again))
		return FLOOD_UNSYNC;
	return FLOOD_NONE;
}

static enum flood flood_written(struct mmu *m, u32 index, u32 i)
{
	struct shadow *s = &m->shadows[index];

	return likely(s->role.level == 1) ? leaf_written(m, s, index, i)
					  : upper_written(m, index, i);
}

/* The first shadow entry, and their number, that mirror a guest entry; 0 when another quadrant does. */
static u32 shadow_entries(union role role, u32 guest, u32 *first)
{
	*first = guest;
	if (role.format != GPTE_32)
		return 1;
	if (role.level == 1) {
		*first = guest % SPT_ENTRIES;
		return guest / SPT_ENTRIES == role.quadrant;
	}
	*first = guest % (SPT_ENTRIES / 2) * 2;
	return guest / (SPT_ENTRIES / 2) == role.quadrant ? 2 : 0;
}

/*
 * What floods, bits of enum flood, mean for the table at gpa, whose entry there was written last. updated: that has
 * changed some shadow.
 */
static void flooded(struct mmu_vcpu *v, u64 gpa, u32 floods, bool updated)
{
	count(v->counters, mmu_flooded);
	if (floods & FLOOD_SHUT) {
		root_let_go(v, gpa >> PAGE_SHIFT);
		frame_let_go(v, gpa >> PAGE_SHIFT);
	} else if (!updated || !frame_unmapped(v, gpa)) {
		frame_unsync(v, gpa >> PAGE_SHIFT);
	}
}

/*
 * entry_sync() for what was written. True when a page directory has lost a page table by it, or what may be one
 * without a shadow.
 */
static ALWAYS_INLINE bool written_sync(struct mmu_vcpu *v, slot_t slot, bool *updated)
{
	const struct mmu *m = v->mmu;
	u64 old = *spte_at(m, slot);
	bool pd = shadow_at(m, slot)->role.level == 2, trap = spte_is_trap(old, m->trap_bits);
	bool had = pd && spte_is_link(2, old) && !m->shadows[spte_child(m, old)].role.direct;

	*updated |= entry_sync(v, slot);
	return (had && !spte_is_present(*spte_at(m, slot), m->trap_bits)) ||
	       (pd && trap && spte_is_notrap(*spte_at(m, slot)));
}

/* Bring the shadows of the entries at [gpa, gpa + size) up to date. */
static void table_written(struct mmu_vcpu *v, u64 gpa, u32 size)
{
	struct mmu *m = v->mmu;
	struct frame *f = frame_of(m, gpa >> PAGE_SHIFT);
	u32 offset = gpa & (PAGE_SIZE - 1);
	u32 floods = 0, went = 0;
	bool updated = false;

	if (!frame_is_tracked(f))
		return;
	count(v->counters, mmu_pte_write);
	for (u32 s = f->state & FRAME_TABLES; s; s = m->shadows[s].next) {
		union role role = m->shadows[s].role;
		u32 shift = role.format == GPTE_32 ? 2 : 3, first, n;

		for (u32 g = offset >> shift; g <= (offset + size - 1) >> shift; g++) {
			n = shadow_entries(role, g, &first);
			if (n)
				floods |= flood_written(m, s, first);
			for (u32 i = 0; i < n; i++) {
				if (written_sync(v, slot_make(s, first + i), &updated))
					went = s;
			}
		}
	}
	if (updated)
		count(v->counters, mmu_pte_updated);
	if (unlikely(went))
		page_table_went(v, went);
	if (floods)
		flooded(v, gpa, floods, updated);
}

/* What mmu_fault() and mmu_write() do for one entry with one shadow, where that is no common table. */
static __attribute__((noinline)) void other_written(struct mmu_vcpu *v,
						    const struct mmu_straight *w)
{
	struct mmu *m = v->mmu;
	bool updated = false, went;
	u32 flood;

	m->in_operation = true;
	flood = flood_written(m, slot_table(w->slot), slot_entry(w->slot));
	went = written_sync(v, w->slot, &updated);
	if (updated)
		count(v->counters, mmu_pte_updated);
	if (unlikely(went))
		page_table_went(v, slot_table(w->slot));
	if (unlikely(flood))
		flooded(v, w->gpa, flood, updated);
	settle(v);
}

/* The same of a common table, for which flood is known. */
static __attribute__((noinline)) void common_written(struct mmu_vcpu *v,
						     const struct mmu_straight *w, u32 flood)
{
	struct mmu *m = v->mmu;
	struct shadow *s = shadow_at(m, w->slot);
	bool updated = common_sync(v, s, w->slot, *(const volatile u64 *)phys_ptr(w->gpa & ~7ULL),
				   empty_entry(m, s->role, true));

	if (updated)
		count(v->counters, mmu_pte_updated);
	if (unlikely(flood)) {
		m->in_operation = true;
		flooded(v, w->gpa, flood, updated);
		settle(v);
	} else {
		settle_leaf(v);
	}
}

void mmu_written_straight(struct mmu_vcpu *v, const struct mmu_straight *w)
{
	struct mmu *m = v->mmu;
	struct counters *c = v->counters;
	slot_t slot = w->slot;
	struct shadow *s = shadow_at(m, slot);
	u32 flood;

	count(c, pf_taken);
	count(c, pf_emulate);
	count(c, mmu_pte_write);
	m->work = 0;
	/* One operation to find it, one to write: whatever goes by their number is as ever. */
	m->clock += 2;
	m->operations += 2;
	if (unlikely(!is_common(s->role) || m->soft_traps)) {
		other_written(v, w);
		return;
	}
	flood = leaf_written(m, s, slot_table(slot), slot_entry(slot));
	if (unlikely(flood) ||
	    unlikely(!quick_sync(v, s, slot, *(const volatile u64 *)phys_ptr(w->gpa & ~7ULL),
				 SPTE_NOTRAP)))
		common_written(v, w, flood);
	else
		count(v->counters, mmu_pte_updated);
}

void mmu_write(struct mmu_vcpu *v, u64 gpa, const void *data, u32 size)
{
	if (!frame_of(v->mmu, gpa >> PAGE_SHIFT))
		return;
	op_begin(v->mmu);
	guest_store(gpa, data, size);
	table_written(v, gpa, size);
	settle(v);
}

bool mmu_cmpxchg(struct mmu_vcpu *v, u64 gpa, u64 old, u64 new, u32 size)
{
	bool done;

	if (!frame_of(v->mmu, gpa >> PAGE_SHIFT))
		return false;
	op_begin(v->mmu);
	done = guest_cmpxchg(gpa, old, new, size);
	if (done)
		table_written(v, gpa, size);
	settle(v);
	return done;
}

void mmu_let_unsync(struct mmu_vcpu *v, u64 gpa)
{
	op_begin(v->mmu);
	frame_unsync(v, gpa >> PAGE_SHIFT);
	settle(v);
}
