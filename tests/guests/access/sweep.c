/* SPDX-License-Identifier: MIT */
/* All combinations, in an order that changes control registers least. */
#include "tests/guests/access/access.h"

#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"
#include "guest/builtin/lib/test.h"

#define ENTRIES_MAX 160

/* Candidates for each entry. */
static u64 pdes[ENTRIES_MAX], ptes[ENTRIES_MAX];
static u32 nr_pdes, nr_ptes;

static u64 hash;
static u32 probes;

static void add(u64 *list, u32 *n, u64 base, u64 optional, u64 rsvd)
{
	u64 choice = 0;

	/* Every subset of the optional bits, with and without the reserved one. */
	do {
		list[(*n)++] = base | choice;
		if (rsvd)
			list[(*n)++] = base | choice | rsvd;
		choice = (choice - optional) & optional;
	} while (choice);
}

static void make_entries(const struct format *f)
{
	u64 nx = f->has_nx ? PTE_NX : 0, key = f->has_pk ? (u64)KEY << 59 : 0;

	nr_pdes = nr_ptes = 0;
	/* Not present, with garbage. */
	add(pdes, &nr_pdes, 0, PTE_W | PTE_PS, f->rsvd_large);
	add(pdes, &nr_pdes, f->table | PTE_P, PTE_W | PTE_U | PTE_A | nx, f->rsvd_pde);
	add(pdes, &nr_pdes, f->frame_large | PTE_P | PTE_PS | key,
	    PTE_W | PTE_U | PTE_A | PTE_D | nx, f->rsvd_large);
	add(ptes, &nr_ptes, 0, PTE_W | PTE_D, f->rsvd_pte);
	add(ptes, &nr_ptes, f->frame | PTE_P | key, PTE_W | PTE_U | PTE_A | PTE_D | nx,
	    f->rsvd_pte);
}

static void wrpkru(u32 value)
{
	__asm__ volatile(".byte 0x0f, 0x01, 0xef" : : "a"(value), "c"(0), "d"(0));
}

static void enter(const struct format *f, const struct mode *m)
{
	reg cr0 = read_cr0(), cr4 = read_cr4();

	cr0 = m->wp ? cr0 | CR0_WP : cr0 & ~CR0_WP;
	cr4 = m->smep ? cr4 | CR4_SMEP : cr4 & ~CR4_SMEP;
	cr4 = m->smap ? cr4 | CR4_SMAP : cr4 & ~CR4_SMAP;
	if (f->has_pse)
		cr4 = m->pse ? cr4 | CR4_PSE : cr4 & ~CR4_PSE;
	if (f->has_pk)
		cr4 = m->pkru & 4 ? cr4 & ~CR4_PKE : cr4 | CR4_PKE;
	if (f->has_nx) {
		u64 efer = rdmsr(MSR_EFER);

		wrmsr(MSR_EFER, m->nxe ? efer | EFER_NXE : efer & ~(u64)EFER_NXE);
	}
	write_cr0(cr0);
	write_cr4(cr4);
	if (f->has_pk && !(m->pkru & 4))
		wrpkru((m->pkru & 3) << 2 * KEY);
	reload_cr3();
}

static void record(u64 value)
{
	hash = (hash ^ value) * 0x100000001b3;
}

/* One access: its outcome, and what it did to the entries. */
static void access_once(const struct format *f, const struct mode *m, u64 pde, u64 pte,
			enum access access, bool user)
{
	static const char *const names[] = {"read", "write", "fetch"};
	struct answer a = architecture(f, m, pde, pte, access, user);
	reg va = access == ACCESS_WRITE ? f->va + 16 : f->va;
	/* The CPU may set A on the way to a fault; it must not set D. */
	u64 mask = a.error == NO_FAULT ? ~0ULL : ~(u64)PTE_A;
	u64 pde_now, pte_now;
	struct probe p;

	p = probe(access, user, va, m->ac ? RFLAGS_AC : 0);
	probes++;
	expect(names[access], p, a.error, va);
	pde_now = f->get(f->pde);
	pte_now = f->get(f->pte);
	check(!((pde_now ^ (pde | a.set_pde)) & mask), "%s: PDE %llx became %llx", names[access],
	      (unsigned long long)pde, (unsigned long long)pde_now);
	check(!((pte_now ^ (pte | a.set_pte)) & mask), "%s: PTE %llx became %llx", names[access],
	      (unsigned long long)pte, (unsigned long long)pte_now);
	if (check_failed())
		print("  %s: pde %llx pte %llx wp %u smep %u smap %u ac %u nxe %u pse %u pkru %u user %u\n",
		      f->name, (unsigned long long)pde, (unsigned long long)pte, m->wp, m->smep,
		      m->smap, m->ac, m->nxe, m->pse, m->pkru, user);
	record(p.vector);
	record(p.vector == VEC_PF ? p.error : (pde_now ^ pte_now << 1) & GENMASK(8, 0));
}

/* Entries as they were, and nothing in the TLB. */
static void arrange(const struct format *f, u64 pde, u64 pte)
{
	if (f->get(f->pde) != pde)
		f->set(f->pde, pde);
	if (f->get(f->pte) != pte)
		f->set(f->pte, pte);
	invlpg(f->va);
}

static void access_again(const struct format *f, const struct mode *m, enum access access,
			 bool user)
{
	access_once(f, m, f->get(f->pde), f->get(f->pte), access, user);
}

static void try_entries(const struct format *f, const struct mode *m, u64 pde, u64 pte)
{
	struct mode strict = *m;

	strict.ac = false;
	for (u32 kind = 0; kind < 6; kind++) {
		arrange(f, pde, pte);
		access_once(f, m, pde, pte, kind % 3, kind >= 3);
		/* The second time on what the first left. */
		access_again(f, m, kind % 3, kind >= 3);
		/* What let a supervisor write lets nobody else do more, nor him without RFLAGS.AC. */
		if (kind == ACCESS_WRITE) {
			access_again(f, &strict, ACCESS_READ, false);
			access_again(f, m, ACCESS_WRITE, false);
			access_again(f, m, ACCESS_WRITE, true);
			access_again(f, &strict, ACCESS_WRITE, false);
		}
	}
}

/* Numbers from a count: the next of `n` choices, taken off it. */
static u32 choose(u32 *count, u32 n)
{
	u32 choice = *count % n;

	*count /= n;
	return choice;
}

/* The modes, one after the other; false past the last. */
static bool make_mode(const struct format *f, u32 i, struct mode *m)
{
	bool seven = cpuid(0, 0).eax >= 7;
	u32 ebx = seven ? cpuid(7, 0).ebx : 0, smap;

	m->wp = choose(&i, 2);
	m->smep = choose(&i, ebx & CPUID_7_0_EBX_SMEP ? 2 : 1);
	smap = choose(&i, ebx & CPUID_7_0_EBX_SMAP ? 3 : 1);
	m->smap = smap > 0;
	m->ac = smap == 2;
	m->nxe = f->has_nx && choose(&i, 2);
	m->pse = !f->has_pse || choose(&i, 2);
	m->pkru = f->has_pk ? choose(&i, 5) : 4;
	return i == 0;
}

void sweep(const struct format *f, u32 stride, u32 first)
{
	struct mode m;
	u32 at = first % stride, combinations = 0, total = 0;

	hash = 0xcbf29ce484222325;
	probes = 0;
	make_entries(f);
	for (u32 i = 0; make_mode(f, i, &m); i++) {
		enter(f, &m);
		for (u32 d = 0; d < nr_pdes; d++) {
			u64 pde = pdes[d];
			bool table = pde & PTE_P && !(pde & PTE_PS && m.pse);

			/* CR4.PSE=0: PS is ignored, and the address is a table's. */
			if (table && pde & PTE_PS)
				pde = f->table | (pde & GENMASK(11, 0));

			for (u32 t = 0; t < (table ? nr_ptes : 1); t++, total++) {
				if (total != at)
					continue;
				at += stride;
				combinations++;
				try_entries(f, &m, pde, ptes[t]);
			}
		}
	}
	make_mode(f, 1, &m);
	enter(f, &m);
	print("access: %s combinations=%u of=%u probes=%u hash=%llx\n", f->name, combinations,
	      total, probes, (unsigned long long)hash);
}
