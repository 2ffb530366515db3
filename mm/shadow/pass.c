/* SPDX-License-Identifier: MIT */
/*
 * Passes over whole tables that make them say what the guest's do. Each costs what is in the table, not what it has
 * room for.
 */
#include "mm/shadow/pass.h"

bool leaf_add(struct mmu *m, slot_t slot, u64 spte)
{
	const struct shadow *s = shadow_at(m, slot);
	struct frame *f = frame_of(m, spte_gfn(spte));
	u32 length;

	if (!f)
		return false;
	/* Invariant 4. */
	if (spte & PTE_W)
		spte = unlikely(frame_is_tracked(f)) ? leaf_narrowed(s->role, spte)
						     : spte | SPTE_LISTED;
	if (unlikely(spte & SPTE_NARROWED))
		reach_narrowed(m, slot_table(slot), spte);
	*spte_at(m, slot) = spte;
	if (!(spte & PTE_W))
		return true;
	length = list_add(m, &f->rmap, slot);
	if (unlikely(length > m->bounds->kept))
		bound_leaves(m, &f->rmap, length);
	return true;
}

/* follow() for a leaf that is wanted. */
static ALWAYS_INLINE bool follow_leaf(struct mmu_vcpu *v, slot_t slot, u64 spte)
{
	return follow(v, slot, (struct spte_want){.spte = spte, .present = true});
}

u32 odd_entry_sync(struct mmu_vcpu *v, struct pass *p, slot_t slot, u64 spte)
{
	u32 odd;

	if (leaf_add(v->mmu, slot, spte))
		return 0;
	odd = follow_leaf(v, slot, spte);
	p->changed += odd;
	p->work += odd;
	return 1;
}

bool bare_entry_sync(struct mmu_vcpu *v, slot_t slot, u64 gpte)
{
	struct mmu *m = v->mmu;
	struct shadow *s = shadow_at(m, slot);
	struct spte_want want;
	u32 child;

	want = upper_wanted(m, s, slot, gpte);
	m->work += want.present;
	if (!want.child.word) {
		follow(v, slot, want);
		return want.present;
	}
	child = child_ahead(m, want);
	if (child)
		entry_link(m, slot, child, want.spte, false);
	else
		entry_put(m, slot, trap_entry(m, s->role));
	return child;
}

/*
 * line_sync() of an upper table's line that has nothing present, whose entries have 64 bits; traps are not counted.
 */
static ALWAYS_INLINE void bare_line_sync(struct mmu_vcpu *v, struct pass *p, struct shadow *s,
					 slot_t first)
{
	const volatile u64 *guest = p->guest + slot_entry(first);
	u64 *line = spte_at(v->mmu, first);

	s->lines |= line_bit(first);
	p->work++;
	for (u32 k = 0; k < LINE_ENTRIES; k++) {
		u64 gpte = guest[k];

		if (!(gpte & PTE_P))
			line[k] = p->r.empty;
		else if (leads_nowhere(v->mmu, gpte))
			line[k] = p->r.trap;
		else
			p->changed += bare_entry_sync(v, first + k, gpte);
	}
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

		if (upper && !was && (gpte & PTE_P) && leads_nowhere(m, gpte)) {
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

/*
 * What an entry and its leaf have in common where W alone has changed. D, where both have it: the entry's page is dirty;
 * the leaf is SPTE_LISTED, and so not narrowed.
 */
#define TURN_SAME (SMALL_LEAF | PTE_RIGHTS | PTE_PK | PTE_D)

/*
 * small_line_sync() of a line where W alone has changed, in each entry: a guest protects many pages at once, and grants
 * them again. False: something else has changed, too; the entries before that have followed.
 */
static ALWAYS_INLINE bool turned_line_sync(struct mmu *m, struct pass *p, slot_t first)
{
	const volatile u64 *guest = p->guest + slot_entry(first);
	u64 *line = spte_at(m, first), judged = p->r.judged[0] | PTE_D;
	u32 turned = 0;

	UNROLL_LINE
	for (u32 k = 0; k < LINE_ENTRIES; k++) {
		u64 gpte = guest[k], old = line[k];

		if (((gpte ^ old) & TURN_SAME) != PTE_W ||
		    (gpte & judged) != (PTE_P | PTE_A | PTE_D))
			break;
		line[k] = old ^ PTE_W;
		turned++;
	}
	if (!turned)
		return false;
	p->changed += turned;
	p->work += 1 + turned;
	p->filled += turned;
	return turned == LINE_ENTRIES;
}

/*
 * line_sync() of a table of level 1 with CR0.WP=1, and 64 bits: entries that all are small leaves, or none. Traps are
 * not counted.
 */
static ALWAYS_INLINE void small_line_sync(struct mmu_vcpu *v, struct pass *p, struct shadow *s,
					  slot_t first)
{
	struct mmu *m = v->mmu;
	const struct places at = places_of(m, first);
	u64 judged = p->r.judged[0], trap_bits = m->trap_bits, *line = at.line;
	u64 trap = p->r.trap, empty = p->r.empty;
	const volatile u64 *guest = p->guest + slot_entry(first);
	u32 added = 0, moved = 0, dropped = 0, odd = 0;

	s->lines |= line_bit(first);
	s->live |= line_bit(first);
	for (u32 k = 0; k < LINE_ENTRIES; k++) {
		u64 gpte = guest[k], old = line[k], spte, differs;

		/* PS is PAT here, and decides nothing. */
		if ((gpte & judged) != (PTE_P | PTE_A)) {
			line[k] = gpte & PTE_P ? trap : empty;
			if (!spte_is_present(old, trap_bits))
				continue;
			if (old & SPTE_LISTED)
				leaf_unmap(m, first + k, old);
			if (old & SPTE_NARROWED)
				reach_narrowed(m, slot_table(first), line[k]);
			dropped++;
			continue;
		}
		spte = plain_leaf(gpte);
		if (!spte_is_present(old, trap_bits)) {
			if (likely(quick_add(&at, k, spte) || leaf_add(m, first + k, spte)))
				added++;
			else
				odd += follow_leaf(v, first + k, spte);
			continue;
		}
		differs = (old ^ spte) & ~(PTE_A | PTE_D);
		if (!differs)
			continue;
		if (differs == PTE_W && leaf_turn(m, &at, k, old, spte)) {
			moved++;
			continue;
		}
		if (leaf_says(old) == spte)
			continue;
		if (leaf_put(m, s, first + k, spte))
			moved++;
		else
			odd += follow_leaf(v, first + k, spte);
	}
	s->present += added - dropped;
	p->changed += added + moved + dropped + odd;
	p->work += 1 + added + moved + dropped + odd;
	p->filled += added + moved;
}

/* A line that had something present, of such a table. */
static ALWAYS_INLINE void used_line_sync(struct mmu_vcpu *v, struct pass *p, struct shadow *s,
					 slot_t first)
{
	if (!turned_line_sync(v->mmu, p, first))
		small_line_sync(v, p, s, first);
}

/* The guest's entries of this line are all zero. */
static ALWAYS_INLINE void empty_line_sync(struct mmu *m, struct pass *p, struct shadow *s,
					  slot_t first, u64 bit)
{
	if (likely(!(s->live & bit) && !m->soft_traps)) {
		if (!((s->lines & bit) | p->r.empty))
			return;
		line_fill(spte_at(m, first), p->r.empty);
		s->lines = p->r.empty ? s->lines | bit : s->lines & ~bit;
		return;
	}
	if (s->live & bit) {
		u32 dropped = line_drop(m, first, true);

		p->changed += dropped;
		p->work += 1 + dropped;
	}
	line_put(m, s, first, p->r.empty);
}

/*
 * Where the copy says that a trap stands for nothing, it is notrap again. What is present is left as it is, whatever the
 * copy says: a device may have written to the table, and a leaf never goes without its list.
 */
static ALWAYS_INLINE void hole_sync(u64 *line, const u64 *copy, u32 k, const struct rules *r)
{
	if (line[k] == r->trap && !(copy[k] & PTE_P))
		line[k] = r->empty;
}

/* Invariant 24: a line that is as it was. */
static ALWAYS_INLINE bool same_line_sync(const struct mmu *m, const struct pass *p, u64 holes,
					 slot_t first)
{
	const u64 *copy = p->copy + slot_entry(first);
	u64 *line = spte_at(m, first);

	if (!line_same(copy, p->guest + slot_entry(first)))
		return false;
	if (!holes)
		return true;
	UNROLL_LINE
	for (u32 k = 0; k < LINE_ENTRIES; k++)
		hole_sync(line, copy, k, &p->r);
	return true;
}

/* Tables whose lines are brought up to date in different ways. */
enum kind { SMALL, UPPER, OTHER, NARROW };

static ALWAYS_INLINE enum kind kind_of(const struct mmu *m, union role role)
{
	if (role.format == GPTE_32)
		return NARROW;
	if (role.level > 1)
		return m->soft_traps ? OTHER : UPPER;
	return role.wp0 || m->soft_traps ? OTHER : SMALL;
}

/* A line that the guest has changed, or that nothing is known of. */
static ALWAYS_INLINE void changed_line_sync(struct mmu_vcpu *v, struct pass *p, struct shadow *s,
					    slot_t first, u64 bit, enum kind kind)
{
	if (kind == NARROW)
		line_sync(v, p, first, true, false);
	else if (line_is_empty(p->guest + slot_entry(first)))
		empty_line_sync(v->mmu, p, s, first, bit);
	else if (kind == SMALL && !(s->live & bit))
		fresh_line_sync(v, p, s, first);
	else if (kind == SMALL)
		used_line_sync(v, p, s, first);
	else if (kind == UPPER && !(s->live & bit))
		bare_line_sync(v, p, s, first);
	else
		line_sync(v, p, first, false, kind == UPPER);
}

static ALWAYS_INLINE void group_sync(struct mmu_vcpu *v, struct pass *p, struct shadow *s,
				     slot_t first, u64 bits, enum kind kind)
{
	u64 bit = bits & -bits;

	for (u32 k = 0; k < GROUP_ENTRIES; k += LINE_ENTRIES, bit <<= 1) {
		if (!(p->copied & bit) || !same_line_sync(v->mmu, p, s->holes & bit, first + k))
			changed_line_sync(v, p, s, first + k, bit, kind);
	}
}

/* A function in the image for each frequent kind, since every entry costs in it. */
static __attribute__((noinline)) void small_group_sync(struct mmu_vcpu *v, struct pass *p,
						       struct shadow *s, slot_t first, u64 bits)
{
	group_sync(v, p, s, first, bits, SMALL);
}

static __attribute__((noinline)) void upper_group_sync(struct mmu_vcpu *v, struct pass *p,
						       struct shadow *s, slot_t first, u64 bits)
{
	group_sync(v, p, s, first, bits, UPPER);
}

static __attribute__((noinline)) void other_group_sync(struct mmu_vcpu *v, struct pass *p,
						       struct shadow *s, slot_t first, u64 bits,
						       bool narrow)
{
	group_sync(v, p, s, first, bits, narrow ? NARROW : OTHER);
}

static ALWAYS_INLINE void any_group_sync(struct mmu_vcpu *v, struct pass *p, struct shadow *s,
					 slot_t first, u64 bits, enum kind kind)
{
	u32 i = slot_entry(first);

	if ((p->copied & ~s->holes & bits) == bits && group_same(p->copy + i, p->guest + i))
		p->same++;
	else if (kind == SMALL)
		small_group_sync(v, p, s, first, bits);
	else if (kind == UPPER)
		upper_group_sync(v, p, s, first, bits);
	else
		other_group_sync(v, p, s, first, bits, kind == NARROW);
}

void lines_follow(struct mmu_vcpu *v, slot_t slot, u32 lines)
{
	struct mmu *m = v->mmu;
	u32 index = slot_table(slot);
	struct shadow *s = &m->shadows[index];
	slot_t first = slot - slot % LINE_ENTRIES;
	struct pass p = pass_of(m, index);
	enum kind kind = kind_of(m, s->role);

	for (; lines; lines--, first += LINE_ENTRIES) {
		copy_forget(s, first);
		changed_line_sync(v, &p, s, first, line_bit(first), kind);
	}
	m->work += p.work;
	count_add(v->counters, mmu_prefill, p.filled);
}

/* Groups that are as they were for one unit of mmu.work. */
#define SAME_PER_WORK 2

u32 table_sync(struct mmu_vcpu *v, u32 index, const u64 *copy)
{
	struct mmu *m = v->mmu;
	struct shadow *s = &m->shadows[index];
	struct pass p = pass_of(m, index);
	enum kind kind = kind_of(m, s->role);
	u64 live = s->live, bits = group_bits(0), *table = table_of(m, index);

	/* Of a line that is not in copied nothing is compared. */
	p.copy = copy ? copy : p.guest;
	p.copied = copy ? s->copied : 0;
	/* Traps are counted; or the guest's entries are not where the shadow's are. */
	if (unlikely(m->soft_traps || kind == NARROW))
		live = ~0ULL;
	for (u32 i = 0; i < SPT_ENTRIES; i += GROUP_ENTRIES, bits <<= GROUP_LINES) {
		if ((live & bits) || !group_is_empty(p.guest + i)) {
			any_group_sync(v, &p, s, slot_make(index, i), bits, kind);
		} else if ((s->lines & bits) | p.r.empty) {
			group_fill(table + i, p.r.empty);
			s->lines = p.r.empty ? s->lines | bits : s->lines & ~bits;
		}
	}
	s->copied = 0;
	s->synced = m->operations;
	m->work += WORK_TABLE + p.work + p.same / SAME_PER_WORK;
	count_add(v->counters, mmu_prefill, p.filled);
	return p.changed;
}
