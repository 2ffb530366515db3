/* SPDX-License-Identifier: MIT */
/* Every exception of INVPCID in 64-bit code, and what is none: SDM vol. 2A INVPCID. */
#include "tests/guests/pcid/pcid.h"

#include "arch/string.h"
#include "guest/builtin/lib/notrap.h"

#define NON_CANONICAL 0x800000000000ULL
#define PAGES         (VA + MIB(64)) /* mapped, not present, mapped */
#define USER_PAGE     (VA + MIB(66))

static u64 *pte(u64 va)
{
	return entry_of(paging_root, va, 1);
}

static void test_operands(void)
{
	bool pcide = read_cr4() & CR4_PCIDE;

	for (u64 type = ADDRESS; type <= ALL; type++) {
		bool names_pcid = type <= SINGLE;

		expect_done("INVPCID", invpcid(type, 0, VA));
		expect_exception("reserved descriptor bit 12", invpcid(type, BIT(12), VA), VEC_GP);
		expect_exception("reserved descriptor bit 63", invpcid(type, BIT(63), VA), VEC_GP);
		if (names_pcid && !pcide)
			expect_exception("a PCID without PCIDE", invpcid(type, 5, VA), VEC_GP);
		else
			expect_done("a PCID", invpcid(type, 0xfff, VA));
		if (type == ADDRESS)
			expect_exception("an address that is none", invpcid(type, 0, NON_CANONICAL),
					 VEC_GP);
		else
			expect_done("an address that does not matter",
				    invpcid(type, 0, NON_CANONICAL));
	}
	expect_exception("type 4", invpcid(4, 0, 0), VEC_GP);
	/* Bochs itself looks at the low half only; with nested paging it is Bochs that executes it. */
	if (notrap_present() && !(notrap_info() & NOTRAP_INFO_NESTED))
		expect_exception("type 2^32", invpcid(BIT(32), 0, 0), VEC_GP);
}

static void test_descriptor(void)
{
	u64 hole = PAGES + PAGE_SIZE;
	u64 frame = page_alloc(1, PAGE_SIZE);

	*pte(PAGES) = frame | LEAF;
	*pte(hole) = 0;
	*pte(hole + PAGE_SIZE) = frame | LEAF;
	invlpg(hole);
	expect_done("a descriptor at a page's end", invpcid_at(ALL, ptr(hole - 16)));
	expect_page_fault("a descriptor that is not there", invpcid_at(ALL, ptr(hole)), 0, hole);
	expect_page_fault("half a descriptor", invpcid_at(ALL, ptr(hole - 8)), 0, hole);
	expect_page_fault("a descriptor behind a hole", invpcid_at(ALL, ptr(hole + PAGE_SIZE - 8)),
			  0, hole + PAGE_SIZE - 8);
	/* Type and descriptor are looked at once it is there. */
	expect_page_fault("type 4, not there", invpcid_at(4, ptr(hole)), 0, hole);
	/* Across two pages, neither used yet. */
	*pte(hole) = (frame + 0) | PTE_P;
	expect_done("a descriptor across pages", invpcid_at(ALL, ptr(hole - 8)));
	check(*pte(hole) == (frame | PTE_P | PTE_A), "the descriptor's PTE is %lx", *pte(hole));

	expect_exception("a descriptor at no address", invpcid_at(ALL, ptr(NON_CANONICAL)), VEC_GP);
	expect_exception("a descriptor that ends at no address",
			 invpcid_at(ALL, ptr(NON_CANONICAL - 8)), VEC_GP);
	expect_exception("a descriptor at no address of the stack",
			 ATTEMPT("xchg %%rbp, %[d]\n\tmovq $2f, %[resume]\n\t"
				 "invpcid (%%rbp), %[t]\n2:\txchg %%rbp, %[d]",
				 [d] "c"(NON_CANONICAL), [t] "d"((u64)ALL)),
			 VEC_SS);
}

static void test_forms(void)
{
	static const struct descriptor d;

	expect_done("INVPCID with FS",
		    ATTEMPT("invpcid %%fs:(%[d]), %[t]", [d] "r"(&d), [t] "r"((u64)ALL)));
	expect_done("INVPCID with index and displacement",
		    ATTEMPT("invpcid 8(%[d], %[i], 4), %[t]", [d] "r"((uintptr_t)&d - 16),
			    [i] "r"(2ULL), [t] "r"((u64)ALL)));
	expect_done("INVPCID with 32-bit addresses",
		    ATTEMPT("addr32 invpcid (%k[d]), %[t]",
			    [d] "r"((uintptr_t)&d | 0xffffffff00000000), [t] "r"((u64)ALL)));
	expect_exception("INVPCID of a register", ATTEMPT(".byte 0x66, 0x0f, 0x38, 0x82, 0xc0"),
			 VEC_UD);
	expect_exception("INVPCID without its prefix",
			 ATTEMPT(".byte 0x0f, 0x38, 0x82, 0x01", "c"(&d)), VEC_UD);
	expect_exception("LOCK INVPCID",
			 ATTEMPT(".byte 0xf0, 0x66, 0x0f, 0x38, 0x82, 0x01", "c"(&d)), VEC_UD);
	expect_exception("UD2", ATTEMPT("ud2"), VEC_UD);
}

/* From a page that a user runs: INVPCID is the supervisor's, UD2 is nobody's. */
static void test_user(void)
{
	static const u8 code[] = {0x66, 0x0f, 0x38, 0x82, 0x02, 0xcd, 0x80}; /* (%rdx), %rax */
	static const u8 undefined[] = {0x0f, 0x0b, 0xcd, 0x80};
	u64 frame = page_alloc(1, PAGE_SIZE);
	struct probe got;

	*pte(USER_PAGE) = frame | LEAF | PTE_U;
	probe_set_user(USER_PAGE, ptr(frame));
	/* Two pages, so that the probe's own code stays. */
	frame = page_alloc(1, PAGE_SIZE);
	*pte(USER_PAGE + PAGE_SIZE) = frame | LEAF | PTE_U;
	invlpg(USER_PAGE);
	invlpg(USER_PAGE + PAGE_SIZE);
	memcpy(ptr(frame), code, sizeof(code));
	got = probe(ACCESS_FETCH, true, USER_PAGE + PAGE_SIZE, 0);
	check(got.vector == VEC_GP && got.error == 0, "a user's INVPCID: vector %u error %x",
	      got.vector, got.error);
	memcpy(ptr(frame), undefined, sizeof(undefined));
	got = probe(ACCESS_FETCH, true, USER_PAGE + PAGE_SIZE, 0);
	check(got.vector == VEC_UD, "a user's UD2: vector %u error %x", got.vector, got.error);
}

void test_faults(void)
{
	test_operands();
	test_descriptor();
	test_forms();
	test_user();
}
