/* SPDX-License-Identifier: MIT */
/*
 * Tables of level 1 that stay out of sync when they are used.
 *
 * A kernel that maps the pages around each fault writes a dozen entries at once, and a dozen more at the next fault
 * nearby. To take their table back in between, and let it go again, takes three exits, and as much work as ten writes
 * that are carried out. While it stays out of sync, two exits are left: the guest's own fault, and the first access to
 * what it has mapped, at which the lines around follow.
 *
 * So a table stays whose own last flood was worth it. It comes back as soon as
 * - the guest has mapped more than these lines, which it will use one by one;
 * - it maps one page at a time, which takes less in sync. A fault by rights of its own is most likely of that kind: it
 *   copies the page.
 */
#include "mm/shadow/lives.h"
#include "mm/shadow/mirror.h"

/* What a kernel fills around a fault: Linux' 64 KiB, aligned. */
#define AROUND_LINES   2
#define AROUND_ENTRIES (AROUND_LINES * LINE_ENTRIES)

/* So many exits in a row have found no more than one page: two that were mapped one at a time. */
#define LINGER_VAIN 4

/* What a fault by rights counts as; s->vain has room for one at LINGER_VAIN - 1. */
#define VAIN_RIGHTS 2

/* Faults by rights, at other tables, that exit for it before nothing lingers any more. */
#define HINDERED_MAX 4

/* The one shadow of a frame out of sync, where that stays so. NULL: it has come back; or with sync=never. */
static struct shadow *lingers(struct mmu_vcpu *v, u64 gfn)
{
	struct mmu *m = v->mmu;
	struct shadow *s = &m->shadows[m->frames[gfn].state & FRAME_TABLES];

	if (m->sync == MMU_SYNC_NEVER)
		return NULL;
	if (s->flood_own && s->vain < LINGER_VAIN && !s->next && is_common(s->role) &&
	    !m->soft_traps)
		return s;
	frame_resync(v, gfn);
	return NULL;
}

/* The guest's entry may be used, and the shadow's does not follow it. */
static bool is_behind(const struct mmu *m, const struct shadow *s, slot_t slot)
{
	return (gpte_read(s->gfn, GPTE_64, slot_entry(slot)) & s->judged) == (PTE_P | PTE_A) &&
	       !spte_is_present(*spte_at(m, slot), m->trap_bits);
}

static bool neighbour_is_behind(const struct mmu *m, const struct shadow *s, slot_t first)
{
	u32 i = slot_entry(first);

	return (i > 0 && is_behind(m, s, first - 1)) ||
	       (i + AROUND_ENTRIES < SPT_ENTRIES && is_behind(m, s, first + AROUND_ENTRIES));
}

void unsync_used(struct mmu_vcpu *v, u64 gfn, u64 gva)
{
	struct mmu *m = v->mmu;
	struct shadow *s = lingers(v, gfn);
	slot_t first;
	u32 before;

	if (!s)
		return;
	first = slot_make((u32)(s - m->shadows), ALIGN_DOWN(spt_index(1, gva), AROUND_ENTRIES));
	before = s->present;
	lines_follow(v, first, AROUND_LINES);
	if (neighbour_is_behind(m, s, first)) {
		frame_resync(v, gfn);
	} else if (s->present > before + 1) {
		s->lingered = true;
		s->vain = 0;
		m->hindered = 0;
	} else {
		s->vain++;
	}
}

void unsync_faulted(struct mmu_vcpu *v, u64 gfn, u32 pfec)
{
	struct shadow *s = lingers(v, gfn);

	if (s)
		s->vain += pfec & PFEC_P ? VAIN_RIGHTS : 1;
}

void unsync_hinders(struct mmu_vcpu *v)
{
	struct mmu *m = v->mmu;

	if (!m->nr_unsync || !v->filter.user || m->sync == MMU_SYNC_NEVER ||
	    ++m->hindered < HINDERED_MAX)
		return;
	m->hindered = 0;
	resync_some(v);
}
