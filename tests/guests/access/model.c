/* SPDX-License-Identifier: MIT */
/* The architecture's answer, written down as plainly as it goes. */
#include "tests/guests/access/access.h"

#include "guest/builtin/lib/test.h"

static bool key_forbids(const struct mode *m, enum access access, bool user)
{
	if (m->pkru & 4 || access == ACCESS_FETCH)
		return false;
	if (m->pkru & 1)
		return true;
	return m->pkru & 2 && access == ACCESS_WRITE && (user || m->wp);
}

static bool reserved(const struct format *f, const struct mode *m, u64 entry, u64 bits)
{
	return entry & bits || (f->has_nx && !m->nxe && entry & PTE_NX);
}

struct answer architecture(const struct format *f, const struct mode *m, u64 pde, u64 pte,
			   enum access access, bool user)
{
	bool large = pde & PTE_PS && m->pse;
	u64 leaf = large ? pde : pte;
	u64 both = large ? pde : pde & pte;
	u64 any = large ? pde : pde | pte;
	bool user_page = both & PTE_U, writable = both & PTE_W;
	bool allowed = true;
	struct answer a = {.error = 0, .large = large};

	if (access == ACCESS_WRITE)
		a.error |= PFEC_W;
	if (user)
		a.error |= PFEC_U;
	if (access == ACCESS_FETCH && (m->nxe || m->smep))
		a.error |= PFEC_I;

	if (!(pde & PTE_P))
		return a;
	if (reserved(f, m, pde, large ? f->rsvd_large : f->rsvd_pde)) {
		a.error |= PFEC_P | PFEC_RSVD;
		return a;
	}
	if (!(leaf & PTE_P))
		return a;
	a.error |= PFEC_P;
	if (!large && reserved(f, m, pte, f->rsvd_pte)) {
		a.error |= PFEC_RSVD;
		return a;
	}

	if (user && !user_page)
		allowed = false;
	if (access == ACCESS_WRITE && !writable && (user || m->wp))
		allowed = false;
	if (access == ACCESS_FETCH && m->nxe && any & PTE_NX)
		allowed = false;
	if (access == ACCESS_FETCH && !user && user_page && m->smep)
		allowed = false;
	if (access != ACCESS_FETCH && !user && user_page && m->smap && !m->ac)
		allowed = false;
	if (f->has_pk && user_page && key_forbids(m, access, user)) {
		allowed = false;
		a.error |= PFEC_PK;
	}
	if (!allowed)
		return a;

	a.error = NO_FAULT;
	a.set_pde = PTE_A | (large && access == ACCESS_WRITE ? PTE_D : 0);
	a.set_pte = large ? 0 : PTE_A | (access == ACCESS_WRITE ? PTE_D : 0);
	return a;
}
