/* SPDX-License-Identifier: MIT */
/*
 * Floods: a guest that writes one entry of a table after the other, and uses none of them, had better write
 * the table freely.
 *
 * Invariant 9: bypassed faults cannot be seen, but the hardware's A bit can. Floods come again and again:
 * where the last one was worth it, a second entry that is written before the first was used is enough.
 * One that was vain raises the bar for the next.
 *
 * An upper table that is out of sync is brought back by any INVLPG, by a pass over all of it. Where one
 * follows each write, the table is shut instead: nobody can reach its shadows, so neither a write nor an
 * INVLPG has to exit, and the first access through it brings it back. To tell which flood it is, the INVLPG
 * between the last write that is carried out and the one that would make it a flood is made to exit.
 */
#include "mm/shadow/tables.h"

/* Entries that followed one by one, at INVLPGs that exited, after which a flood was not vain. */
#define FLOOD_FOLLOWED 32

/* What a write that was not carried out has saved, exit included, in the units of mmu.work. */
#define WORK_WRITE 7

/*
 * What a flood costs beside the pass that ends it: the one that began it, and INVLPGs that exit meanwhile. Not
 * measured: chosen so that one in which three entries changed was vain.
 */
#define WORK_FLOOD 16

/* The next one takes twice as many writes, or eight times for an upper table, and so once more. */
static void was_vain(struct shadow *s)
{
	s->flood_paid = false;
	s->flood_own = false;
	s->flood_shut = false;
	if (s->role.level == 1)
		s->flood_bar = s->flood_bar ? 9 : 3;
	else
		s->flood_bar = s->flood_bar ? 189 : 21;
}

static void ask_invlpg(struct mmu *m, struct shadow *s)
{
	s->asked = m->invlpgs;
	m->ask_invlpg = true;
}

/*
 * CR3 leads to some shadow of the frame itself: whatever the guest does goes through it, so that a shut one would
 * be wanted back at once. A PD of PAE is pinned as well, but maps one GiB of four, which may rest.
 */
static bool is_root(const struct mmu *m, u64 gfn)
{
	for (u32 s = m->frames[gfn].state & FRAME_TABLES; s; s = m->shadows[s].next) {
		if (m->shadows[s].pins && m->shadows[s].role.format != GPTE_PAE)
			return true;
	}
	return false;
}

/* This write is one more than are carried out: what becomes of the table. */
static enum flood upper_flood(struct mmu *m, struct shadow *s)
{
	if (!s->flood_shut && !s->asked) {
		ask_invlpg(m, s);
		return FLOOD_NONE;
	}
	if (!s->flood_shut && s->asked == m->invlpgs)
		return FLOOD_UNSYNC;
	if (!is_root(m, s->gfn)) {
		s->flood_shut = true;
		return FLOOD_SHUT;
	}
	was_vain(s);
	s->writes = 0;
	s->asked = 0;
	return FLOOD_NONE;
}

/* With sync=never the second entry makes a flood, unless the last one was vain. */
enum flood upper_written(struct mmu *m, u32 index, u32 i)
{
	struct shadow *s = &m->shadows[index];
	u32 limit = m->sync == MMU_SYNC_NEVER && !s->flood_bar ? 0 : FLOOD_WRITES + s->flood_bar;
	bool used = last_was_used(m, s, index), again = s->flood_paid && s->writes && !used;

	/* An entry may be written in halves. */
	if (m->sync == MMU_SYNC_ALWAYS || (s->writes && i == s->last))
		return FLOOD_NONE;
	s->writes = used ? 1 : s->writes + 1;
	s->last = i;
	if (again || s->writes > limit)
		return upper_flood(m, s);
	if (s->writes == limit || s->flood_paid)
		ask_invlpg(m, s);
	return FLOOD_NONE;
}

bool flood_pays(u32 changed, u32 work)
{
	return changed * WORK_WRITE >= work + WORK_FLOOD;
}

void flood_ended(struct mmu *m, struct shadow *s, bool paid)
{
	paid |= s->lingered;
	s->lingered = false;
	s->vain = 0;
	if (s->writes && !s->stale) {
		s->flood_paid = paid;
		s->flood_own = paid;
		if (s->role.level == 1)
			m->floods_pay = paid;
		if (paid)
			s->flood_bar = 0;
		else if (s->writes < FLOOD_FOLLOWED)
			was_vain(s);
	}
	s->writes = 0;
	s->asked = 0;
}
