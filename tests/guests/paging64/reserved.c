/* SPDX-License-Identifier: MIT */
/* Reserved bits and entries that are not present: SDM vol. 3A 4.5 and 4.7. */
#include "tests/guests/paging64/paging64.h"

static u32 physical_bits(void)
{
	return cpuid(0x80000000, 0).eax >= 0x80000008 ? cpuid(0x80000008, 0).eax & 0xff : 36;
}

/* All accesses at VA must fault with this error code and the access's own bits. */
static void all_fault(const char *what, u32 error)
{
	u32 fetch = has_nx ? PFEC_I : 0;

	expect(what, sread(VA), error, VA);
	expect(what, swrite(VA), error | PFEC_W, VA + 16);
	expect(what, sfetch(VA), error | fetch, VA);
	expect(what, uread(VA), error | PFEC_U, VA);
	expect(what, uwrite(VA), error | PFEC_U | PFEC_W, VA + 16);
	expect(what, ufetch(VA), error | PFEC_U | fetch, VA);
}

static void reserved(u32 level, u64 bits)
{
	u64 good = *e[level];

	set(e[level], good | bits);
	all_fault("reserved bit", PFEC_P | PFEC_RSVD);
	/* Rights that are missing as well change nothing. */
	set(e[level], (good | bits) & ~(PTE_W | PTE_U));
	all_fault("reserved bit, no rights", PFEC_P | PFEC_RSVD);
	/* Not present comes first. */
	set(e[level], (good | bits) & ~PTE_P);
	all_fault("not present, reserved bit", 0);
	set(e[level], good);
	expect("the bit gone", sread(VA), NO_FAULT, VA);
}

static void reserved_bits(void)
{
	for (u32 level = 1; level <= paging_levels; level++)
		for (u32 bit = physical_bits(); bit < 52; bit++)
			reserved(level, BIT(bit));
	for (u32 level = 4; level <= paging_levels; level++)
		reserved(level, PTE_PS);
	if (!has_1g)
		reserved(3, PTE_PS);

	set(e[2], frame2m | LEAF | PTE_PS);
	for (u32 bit = 13; bit < 21; bit++)
		reserved(2, BIT(bit));
	fixture_reset();
	if (has_1g) {
		set(e[3], LEAF | PTE_PS);
		for (u32 bit = 13; bit < 30; bit++) {
			set(e[3], LEAF | PTE_PS | BIT(bit));
			all_fault("reserved bit of a 1G page", PFEC_P | PFEC_RSVD);
		}
		fixture_reset();
	}
}

/* NX is a reserved bit while EFER.NXE is off, and fetches are not told from reads. */
static void no_execute_off(void)
{
	u64 efer = rdmsr(MSR_EFER);

	for (u32 level = 1; level <= paging_levels; level++) {
		u64 good = *e[level];

		wrmsr(MSR_EFER, efer & ~EFER_NXE);
		reload_cr3();
		set(e[level], good | PTE_NX);
		expect("NX while NXE=0", sread(VA), PFEC_P | PFEC_RSVD, VA);
		expect("fetch, NX while NXE=0", ufetch(VA), PFEC_P | PFEC_RSVD | PFEC_U, VA);
		set(e[level], good & ~PTE_P);
		expect("fetch, not present while NXE=0", sfetch(VA), 0, VA);
		set(e[level], good | PTE_NX);
		wrmsr(MSR_EFER, efer);
		reload_cr3();
		expect("read, NX while NXE=1", sread(VA), NO_FAULT, VA);
		expect("fetch, NX while NXE=1", ufetch(VA), PFEC_P | PFEC_U | PFEC_I, VA);
		set(e[level], good);
	}
}

/* Anything may be in an entry that is not present; the fault says P=0, the entry stays. */
static void garbage(void)
{
	static const u64 patterns[] = {
		0,
		~1ULL,
		0x8000000000000000,
		0x000ffffffffff000,
		0xfff8000000000002,
		0x5555555555555554,
		0xaaaaaaaaaaaaaaaa,
		PTE_PS | PTE_W | PTE_U,
		BIT(51) | BIT(62) | PTE_G,
	};

	for (u32 level = 1; level <= paging_levels; level++) {
		u64 good = *e[level];

		for (u32 i = 0; i < ARRAY_SIZE(patterns); i++) {
			set(e[level], patterns[i]);
			all_fault("not present", 0);
			check(*e[level] == patterns[i], "level %u: %lx became %lx", level,
			      patterns[i], *e[level]);
		}
		/* Made present without a flush: no fault is allowed. */
		*(volatile u64 *)e[level] = good;
		expect("made present", swrite(VA), NO_FAULT, VA);
		check(word_at(VA) == mark(0), "page 0 says %lx", word_at(VA));
	}
	/* Garbage above hides what is below, reserved bits below included. */
	set(e[1], *e[1] | PTE_PS | BIT(51));
	set(e[2], 0xfff0000000000080);
	all_fault("not present over a reserved bit", 0);
}

/* #GP just outside the canonical halves, #PF just inside; and INVLPG minds neither. */
static void not_canonical(void)
{
	u64 bit = BIT(12 + 9 * paging_levels - 1);
	const u64 outside[] = {bit, BIT(63), ~bit - 255, ~BIT(63) - 255};
	const u64 inside[] = {bit - 16, ~(bit - 1)};

	for (u32 i = 0; i < ARRAY_SIZE(outside); i++) {
		struct probe p = sread(outside[i]);

		check(p.vector == VEC_GP && p.error == 0, "read at %lx: vector %u error %x",
		      outside[i], p.vector, p.error);
		invlpg(outside[i]);
	}
	for (u32 i = 0; i < ARRAY_SIZE(inside); i++) {
		expect("the last canonical address", sread(inside[i]), 0, inside[i]);
		expect("the last canonical address", uread(inside[i]), PFEC_U, inside[i]);
	}
}

/* An access over two pages faults at the first byte of the page that is missing. */
static void across_pages(void)
{
	volatile u64 *across = ptr(VA + PAGE_SIZE - 4);
	u64 low = ((u64 *)ptr(frame[0]))[511];

	fixture_reset();
	e[1][1] = 0;
	reload_cr3();
	/* A fetch whose second byte is on the next page. */
	((u8 *)ptr(frame[0]))[4095] = (u8)PROBE_FETCH_CODE;
	expect("fetch across pages", sfetch(VA + PAGE_SIZE - 1), has_nx ? PFEC_I : 0,
	       VA + PAGE_SIZE);
	((u64 *)ptr(frame[0]))[511] = low;
	e[1][1] = frame[1] | LEAF;
	*across = 0x1122334455667788;
	check(((u32 *)ptr(frame[0]))[1023] == 0x55667788 && *(u32 *)ptr(frame[1]) == 0x11223344,
	      "a write across pages: %x %x", ((u32 *)ptr(frame[0]))[1023], *(u32 *)ptr(frame[1]));
	*(u32 *)ptr(frame[1]) = PROBE_FETCH_CODE;
	((u64 *)ptr(frame[0]))[511] = low;
}

void test_reserved(void)
{
	fixture_reset();
	reserved_bits();
	fixture_reset();
	if (has_nx)
		no_execute_off();
	fixture_reset();
	garbage();
	fixture_reset();
	not_canonical();
	across_pages();
}
