/* SPDX-License-Identifier: MIT */
/*
 * Passes over whole tables. Each costs what is in the table, not what it has room for: invariant 20 tells which
 * lines of eight entries have something in them.
 */
#include "mm/shadow/mirror.h"

static ALWAYS_INLINE bool line_is_zero(const volatile u64 *line)
{
	return !(line[0] | line[1] | line[2] | line[3] | line[4] | line[5] | line[6] | line[7]);
}

static ALWAYS_INLINE void line_fill(u64 *line, u64 spte)
{
	line[0] = spte, line[1] = spte, line[2] = spte, line[3] = spte;
	line[4] = spte, line[5] = spte, line[6] = spte, line[7] = spte;
}

/* None of a line's entries is present; all become traps, or SPTE_NOTRAP. */
static ALWAYS_INLINE void line_put(struct mmu *m, struct shadow *s, slot_t first, u64 spte)
{
	if (unlikely(m->soft_traps)) {
		for (u32 i = 0; i < LINE_ENTRIES; i++)
			entry_put(m, first + i, spte);
	} else {
		line_fill(spte_at(m, first), spte);
	}
	s->live &= ~line_bit(first);
	s->lines |= line_bit(first);
	s->lines ^= spte ? 0 : line_bit(first);
}

/* Those of a line's entries that are present are about to go: out of their lists. Returns how many they are. */
static u32 line_drop(struct mmu *m, slot_t first, bool by_guest)
{
	struct shadow *s = shadow_at(m, first);
	u32 dropped = 0;

	for (u32 i = 0; i < LINE_ENTRIES; i++) {
		u64 spte = *spte_at(m, first + i);

		if (!spte_is_present(spte, m->trap_bits))
			continue;
		dropped++;
		if (s->role.level > 1)
			entry_drop(m, first + i, by_guest);
		else if (!s->role.direct)
			leaf_drop(m, first + i, spte);
	}
	/* No list has small leaves of a direct table. */
	if (s->role.direct && s->role.level == 1) {
		s->present -= dropped;
		m->stale_writable = true;
	}
	return dropped;
}

void table_clear(struct mmu *m, u32 index, bool by_guest)
{
	struct shadow *s = &m->shadows[index];
	slot_t first = slot_make(index, 0);

	for (u64 live = s->live; live && s->present; live &= live - 1)
		line_drop(m, first + (u32)__builtin_ctzll(live) * LINE_ENTRIES, by_guest);
	/* Without soft.c: it forgets the table. */
	for (u64 lines = s->lines; lines; lines &= lines - 1)
		line_fill(spte_at(m, first + (u32)__builtin_ctzll(lines) * LINE_ENTRIES),
			  SPTE_NOTRAP);
	s->lines = 0;
	s->live = 0;
}

void table_trap(struct mmu *m, u32 index, bool all)
{
	struct shadow *s = &m->shadows[index];
	u64 trap = trap_entry(m, s->role);

	for (slot_t first = slot_make(index, 0); first < slot_make(index + 1, 0);
	     first += LINE_ENTRIES) {
		const u64 *line = spte_at(m, first);

		for (u32 i = 0; all && (s->live & line_bit(first)) && i < LINE_ENTRIES; i++) {
			if (spte_is_present(line[i], m->trap_bits))
				entry_trap(m, first + i);
		}
		if (!(s->lines & line_bit(first))) {
			line_put(m, s, first, trap);
			continue;
		}
		for (u32 i = 0; i < LINE_ENTRIES; i++) {
			if (spte_is_notrap(line[i]))
				entry_put(m, first + i, trap);
		}
	}
}

/* A pass of table_sync(). */
struct pass {
	struct rules r;
	const volatile void *guest;
	u32 first, half; /* as guest_index() has it */
	u32 changed;     /* entries that map something else now */
	u32 work;
	u32 filled;
};

/* An entry of an upper table that names a frame nobody has made a table of: a trap, whatever else it says. */
static ALWAYS_INLINE bool leads_nowhere(const struct mmu *m, u64 gpte)
{
	const struct frame *f = frame_of(m, spte_gfn(gpte));

	return (gpte & (PTE_P | PTE_PS)) == PTE_P && f && !(f->state & FRAME_TABLES);
}

/*
 * Make an entry follow that does not say what is wanted. plain: in a table of small leaves, which few others
 * than these are wanted in.
 */
static ALWAYS_INLINE void entry_follow(struct mmu_vcpu *v, struct pass *p, slot_t slot, u64 old,
				       struct spte_want want, bool plain)
{
	struct mmu *m = v->mmu;
	bool was = spte_is_present(old, m->trap_bits);

	p->work += was | want.present;
	if (!plain || (want.present && !leaf_put(m, slot, want.spte))) {
		p->changed += follow(v, slot, want) &&
			      (was || spte_is_present(*spte_at(m, slot), m->trap_bits));
		return;
	}
	p->changed += was | want.present;
	p->filled += want.present;
	if (want.present)
		return;
	if (was)
		leaf_drop(m, slot, old);
	entry_put(m, slot, want.spte);
}

/* narrow: the guest's entries have 32 bits. plain: a table of level 1 with CR0.WP=1. */
static ALWAYS_INLINE void line_sync(struct mmu_vcpu *v, struct pass *p, slot_t first, bool narrow,
				    bool plain)
{
	struct mmu *m = v->mmu;
	const u64 *line = spte_at(m, first);
	u64 trap = trap_entry(m, p->r.role);

	p->work++;
	for (u32 k = 0; k < LINE_ENTRIES; k++) {
		u32 i = slot_entry(first) + k;
		u64 old = line[k];
		u64 gpte = narrow ? ((const volatile u32 *)p->guest)[p->first + (i >> p->half)]
				  : ((const volatile u64 *)p->guest)[i];
		struct spte_want want;

		if (!narrow && !plain && p->half && leads_nowhere(m, gpte) &&
		    !spte_is_present(old, m->trap_bits)) {
			if (old != trap)
				entry_put(m, first + k, trap);
			continue;
		}
		want = wanted(m, &p->r, gpte, i);
		if (!spte_holds(old, want))
			entry_follow(v, p, first + k, old, want, plain);
	}
}

/* A loop in the image for each kind of table, since every entry costs in it. */
static ALWAYS_INLINE void lines_sync(struct mmu_vcpu *v, struct pass *p, u32 index, bool narrow,
				     bool plain)
{
	struct mmu *m = v->mmu;
	struct shadow *s = &m->shadows[index];

	if (plain) {
		p->r.role.level = 1;
		p->r.role.wp0 = 0;
		p->r.judged[1] = p->r.judged[0];
	}
	for (u32 i = 0; i < SPT_ENTRIES; i += LINE_ENTRIES) {
		slot_t first = slot_make(index, i);

		if (narrow || !line_is_zero((const volatile u64 *)p->guest + i)) {
			line_sync(v, p, first, narrow, plain);
			continue;
		}
		if (s->live & line_bit(first)) {
			u32 dropped = line_drop(m, first, true);

			p->changed += dropped;
			p->work += 1 + dropped;
		}
		if (p->r.empty || (s->lines & line_bit(first)))
			line_put(m, s, first, p->r.empty);
	}
}

u32 table_sync(struct mmu_vcpu *v, u32 index)
{
	struct mmu *m = v->mmu;
	struct shadow *s = &m->shadows[index];
	struct pass p = {
		.r = rules_of(m, s->role, !table_is_unsync(m, index)),
		.guest = phys_ptr(s->gfn << PAGE_SHIFT),
		.first = guest_index(s->role, 0),
		.half = s->role.level > 1,
		.work = WORK_TABLE,
	};

	if (s->role.format == GPTE_32)
		lines_sync(v, &p, index, true, false);
	else if (s->role.level == 1 && !s->role.wp0)
		lines_sync(v, &p, index, false, true);
	else
		lines_sync(v, &p, index, false, false);
	s->synced = m->operations;
	m->work += p.work;
	count_add(v->counters, mmu_prefill, p.filled);
	return p.changed;
}
