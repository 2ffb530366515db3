/* SPDX-License-Identifier: MIT */
/*
 * A bits ahead. A guest that has cleared them in many entries, as fork and page aging do, and reads these pages
 * in sequence would exit for each. After two in a row, those behind get A at once, to the line's end: a CPU
 * sets A whenever it uses an entry for a translation, of an access that it only speculates on too (SDM vol. 3A
 * 4.8 and 4.10.2.3).
 */
#include "mm/shadow/settle.h"

void accessed_ahead(struct mmu_vcpu *v, slot_t slot, u64 read)
{
	const struct mmu *m = v->mmu;
	struct shadow *s = shadow_at(m, slot);
	bool in_sequence = s->next_read && s->next_read == slot_entry(slot);
	/* The access that was made could be made to such an entry's page as well. */
	u64 alike = PTE_P | PTE_U | PTE_NX | PTE_PK, judged = alike | PTE_A;

	s->next_read = slot_entry(slot) + 1;
	if (!in_sequence || s->role.format == GPTE_32 || !frame_of(m, s->gfn))
		return;
	judged |= m->guest->reserved[gpte_kind(s->role.format, s->role.nxe, s->role.pse)][1][0];
	for (; s->next_read % LINE_ENTRIES; s->next_read++) {
		u64 gpte = gpte_read(s->gfn, s->role.format, s->next_read);

		if ((gpte & judged) != (read & alike) ||
		    !guest_cmpxchg((s->gfn << PAGE_SHIFT) + s->next_read * sizeof(gpte), gpte,
				   gpte | PTE_A, sizeof(gpte)))
			break;
	}
	lines_follow(v, slot, 1);
}
