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

/* Some entry of a line is counted: reach.c. Only one that was present has SPTE_NARROWED. */
static ALWAYS_INLINE bool line_is_counted(const struct mmu *m, const struct shadow *s, slot_t first)
{
	return m->soft_traps || (s->reach[REACH_NARROWED].nr && (s->live & line_bit(first)));
}

/* None of a line's entries is present any more; all become traps, or SPTE_NOTRAP. */
static ALWAYS_INLINE void line_put(struct mmu *m, struct shadow *s, slot_t first, u64 spte)
{
	if (unlikely(line_is_counted(m, s, first))) {
		for (u32 i = 0; i < LINE_ENTRIES; i++)
			entry_put(m, first + i, spte);
	} else {
		line_fill(spte_at(m, first), spte);
	}
	s->live &= ~line_bit(first);
	if (spte)
		s->lines |= line_bit(first);
	else
		s->lines &= ~line_bit(first);
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
			leaf_drop(m, s, first + i, spte);
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
	/* Without reach.c: it forgets the table. */
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
	u32 changed; /* entries that map something else now */
	u32 work;    /* as mmu.work */
	u32 filled;  /* leaves that were filled ahead, but for those that follow() counts */
};

/* An entry of an upper table that names a frame nobody has made a table of: a trap, whatever else it says. */
static ALWAYS_INLINE bool leads_nowhere(const struct mmu *m, u64 gpte)
{
	const struct frame *f = frame_of(m, spte_gfn(gpte));

	return (gpte & (PTE_P | PTE_PS)) == PTE_P && f && !(f->state & FRAME_TABLES);
}

/* narrow: the guest's entries have 32 bits. upper: this is no table of level 1. */
static ALWAYS_INLINE void line_sync(struct mmu_vcpu *v, struct pass *p, slot_t first, bool narrow,
				    bool upper)
{
	struct mmu *m = v->mmu;
	const u64 *line = spte_at(m, first);

	p->work++;
	for (u32 k = 0; k < LINE_ENTRIES; k++) {
		u32 i = slot_entry(first) + k;
		u64 gpte = narrow ? ((const volatile u32 *)p->guest)[guest_index(p->r.role, i)]
				  : ((const volatile u64 *)p->guest)[i];
		bool was = spte_is_present(line[k], m->trap_bits);
		struct spte_want want;

		if (upper && !was && leads_nowhere(m, gpte)) {
			if (line[k] != p->r.trap)
				entry_put(m, first + k, p->r.trap);
			continue;
		}
		want = wanted(m, &p->r, gpte, i);
		if (spte_holds(line[k], want))
			continue;
		p->work += was | want.present;
		p->changed += follow(v, first + k, want) &&
			      (was || spte_is_present(line[k], m->trap_bits));
	}
}

/* line_sync() of a table of level 1 with CR0.WP=1, and 64 bits: entries that all are small leaves, or none. */
static ALWAYS_INLINE void small_line_sync(struct mmu_vcpu *v, struct pass *p, struct shadow *s,
					  slot_t first)
{
	const union role wp1 = {.level = 1, .format = GPTE_64};
	struct mmu *m = v->mmu;
	const u64 *line = spte_at(m, first);
	const volatile u64 *guest = (const volatile u64 *)p->guest + slot_entry(first);
	u32 changed = 0, filled = 0, made = 0;

	for (u32 k = 0; k < LINE_ENTRIES; k++) {
		u64 gpte = guest[k], old = line[k], spte;

		/* PS is PAT here, and decides nothing. */
		if ((gpte & p->r.judged[0]) == (PTE_P | PTE_A)) {
			spte = small_leaf(wp1, gpte);
			if (old == spte || leaf_says(old) == spte)
				continue;
			made++;
			if (likely(leaf_put(m, s, first + k, spte)))
				changed++, filled++;
			else
				changed +=
					follow(v, first + k,
					       (struct spte_want){.spte = spte, .present = true});
			continue;
		}
		spte = unusable(&p->r, gpte);
		if (old == spte)
			continue;
		if (spte_is_present(old, m->trap_bits)) {
			leaf_drop(m, s, first + k, old);
			changed++;
			made++;
		}
		entry_put(m, first + k, spte);
	}
	p->changed += changed;
	p->work += 1 + made;
	p->filled += filled;
}

/* The guest's entries of this line are all zero. */
static void empty_line_sync(struct mmu *m, struct pass *p, struct shadow *s, slot_t first)
{
	if (s->live & line_bit(first)) {
		u32 dropped = line_drop(m, first, true);

		p->changed += dropped;
		p->work += 1 + dropped;
	}
	line_put(m, s, first, p->r.empty);
}

enum kind { SMALL, UPPER, OTHER, NARROW };

/* A loop in the image for each kind of table, since every entry costs in it. */
static ALWAYS_INLINE void lines_sync(struct mmu_vcpu *v, struct pass *p, u32 index, enum kind kind)
{
	struct mmu *m = v->mmu;
	struct shadow *s = &m->shadows[index];

	for (u32 i = 0; i < SPT_ENTRIES; i += LINE_ENTRIES) {
		slot_t first = slot_make(index, i);

		if (kind == NARROW) {
			line_sync(v, p, first, true, false);
		} else if (line_is_zero((const volatile u64 *)p->guest + i)) {
			if (p->r.empty || (s->lines & line_bit(first)))
				empty_line_sync(m, p, s, first);
		} else if (kind == SMALL) {
			small_line_sync(v, p, s, first);
		} else {
			line_sync(v, p, first, false, kind == UPPER);
		}
	}
}

u32 table_sync(struct mmu_vcpu *v, u32 index)
{
	struct mmu *m = v->mmu;
	struct shadow *s = &m->shadows[index];
	struct pass p = {
		.r = rules_of(m, s->role, !table_is_unsync(m, index)),
		.guest = phys_ptr(s->gfn << PAGE_SHIFT),
		.work = WORK_TABLE,
	};

	if (s->role.format == GPTE_32)
		lines_sync(v, &p, index, NARROW);
	else if (s->role.level > 1)
		lines_sync(v, &p, index, UPPER);
	else if (s->role.wp0)
		lines_sync(v, &p, index, OTHER);
	else
		lines_sync(v, &p, index, SMALL);
	s->synced = m->operations;
	m->work += p.work;
	count_add(v->counters, mmu_prefill, p.filled);
	return p.changed;
}
