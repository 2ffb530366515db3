/* SPDX-License-Identifier: MIT */
/* Emulated writes to guest tables: memory first, then every shadow of the table, at once. */
#include "mm/shadow/settle.h"

/* Writes to one table, none of them used before the next, that make a flood. */
#define FLOOD_WRITES 3

/* The guest used what the last write to this table made: demand paging, not a flood. */
static bool last_was_used(const struct mmu *m, u32 index)
{
	u64 spte = *spte_at(m, slot_make(index, m->shadows[index].last));

	return spte_is_present(spte, m->trap_bits) && (spte & PTE_A);
}

/*
 * Invariant 9: bypassed faults cannot be seen, but the hardware's A bit can. Floods come again and
 * again: where the last one was worth it, a second entry that is written before the first was used
 * is enough.
 */
static bool is_flooded(struct mmu *m, u32 index, u32 i)
{
	struct shadow *s = &m->shadows[index];
	bool used = last_was_used(m, index), again = s->flood_paid && s->writes && i != s->last;

	s->writes = used ? 1 : s->writes + 1;
	s->last = i;
	return m->sync == MMU_SYNC_HYBRID && (s->writes > FLOOD_WRITES || (again && !used));
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
	*first = (guest & 255) * 2;
	return guest >> 8 == role.quadrant ? 2 : 0;
}

/* Bring the shadows of the entries at [gpa, gpa + size) up to date. */
static void table_written(struct mmu_vcpu *v, u64 gpa, u32 size)
{
	struct mmu *m = v->mmu;
	struct frame *f = frame_of(m, gpa >> PAGE_SHIFT);
	u32 offset = gpa & (PAGE_SIZE - 1);
	bool flooded = false, updated = false;

	if (!frame_is_tracked(f))
		return;
	count(v->counters, mmu_pte_write);
	for (u32 s = f->state & FRAME_TABLES; s; s = m->shadows[s].next) {
		union role role = m->shadows[s].role;
		u32 entry = gpte_size(role.format), first, n;

		for (u32 g = offset / entry; g <= (offset + size - 1) / entry; g++) {
			n = shadow_entries(role, g, &first);
			if (n)
				flooded |= is_flooded(m, s, first);
			for (u32 i = 0; i < n; i++)
				updated |= entry_sync(v, slot_make(s, first + i));
		}
	}
	if (updated)
		count(v->counters, mmu_pte_updated);
	if (flooded) {
		count(v->counters, mmu_flooded);
		frame_unsync(v, gpa >> PAGE_SHIFT);
	}
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
