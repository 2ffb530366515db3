/* SPDX-License-Identifier: MIT */
/*
 * A bits ahead. A guest that has cleared them in many entries, as fork and page aging do, and reads these pages
 * in sequence would exit for each. After two in a row, those behind get A at once, to the line's end: a CPU
 * sets A whenever it uses an entry for a translation, of an access that it only speculates on too (SDM vol. 3A
 * 4.8 and 4.10.2.3).
 */
#include "mm/shadow/settle.h"

/* The access that was made could be made to this entry's page as well. */
static bool is_alike(const struct mmu *m, union role role, u64 gpte, u64 read)
{
	const u64 *bad = m->guest->reserved[gpte_kind(role.format, role.nxe, role.pse)][1];

	return (gpte & (PTE_P | PTE_A)) == PTE_P && !(gpte & bad[0]) &&
	       !((gpte ^ read) & (PTE_U | PTE_NX | PTE_PK));
}

void accessed_ahead(struct mmu_vcpu *v, slot_t slot, u64 read)
{
	const struct mmu *m = v->mmu;
	struct shadow *s = shadow_at(m, slot);
	bool in_sequence = s->next_read && s->next_read == slot_entry(slot);

	s->next_read = slot_entry(slot) + 1;
	if (!in_sequence || s->role.format == GPTE_32 || !frame_of(m, s->gfn))
		return;
	for (; s->next_read % LINE_ENTRIES; s->next_read++) {
		u64 gpte = gpte_read(s->gfn, s->role.format, s->next_read);

		if (!is_alike(m, s->role, gpte, read) ||
		    !guest_cmpxchg((s->gfn << PAGE_SHIFT) + s->next_read * sizeof(gpte), gpte,
				   gpte | PTE_A, sizeof(gpte)))
			break;
	}
	line_follow(v, slot);
}
