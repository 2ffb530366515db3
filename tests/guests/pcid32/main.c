/* SPDX-License-Identifier: MIT */
/*
 * INVPCID in 32-bit code, in every mode of paging that has no PCIDs, and CR4.PCIDE, which is not to
 * be had there: SDM vol. 2A INVPCID, vol. 3A 4.10.1. For the bare machine and for notrap alike.
 */
#include "arch/string.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/test.h"

#define VA        0xd0000000
#define LEAF      (PTE_P | PTE_W | PTE_A | PTE_D)
#define NOTHING   0xff
#define SEL_SMALL 0x38 /* 16 bytes, of a descriptor */
#define SEL_DOWN  0x40 /* all but the first page */
#define TYPES     4    /* address, PCID, all and global, all */

struct descriptor {
	u64 pcid, va;
};

struct outcome {
	u32 vector, error, cr2;
};

static struct outcome outcome;
static u32 resume;
static bool has_invpcid;
static struct descriptor zero;

extern u64 gdt[];
static u64 own_gdt[9];

static bool on_exception(struct frame *f)
{
	outcome = (struct outcome){f->vector, f->error, read_cr2()};
	f->eip = resume;
	return true;
}

/* Run assembly that may fault; `...` are its input operands, by name. */
#define ATTEMPT(text, ...)                                               \
	({                                                               \
		outcome = (struct outcome){.vector = NOTHING};           \
		__asm__ volatile("movl $1f, %[resume]\n\t" text "\n1:\n" \
				 : [resume] "=m"(resume)                 \
				 : __VA_ARGS__                           \
				 : "memory", "cc");                      \
		*(volatile struct outcome *)&outcome;                    \
	})

static struct outcome invpcid_at(u32 type, u32 descriptor)
{
	return ATTEMPT("invpcid (%[d]), %[t]", [d] "r"(descriptor), [t] "r"(type));
}

static struct outcome invpcid(u32 type, u64 pcid, u64 va)
{
	struct descriptor d = {pcid, va};

	return invpcid_at(type, (uintptr_t)&d);
}

static struct outcome invpcid_fs(u32 sel, u32 offset)
{
	__asm__ volatile("mov %w0, %%fs" : : "r"(sel));
	return ATTEMPT("invpcid %%fs:(%[d]), %[t]", [d] "r"(offset), [t] "r"(TYPES - 1));
}

static void expect_vector(const char *what, struct outcome got, u32 vector)
{
	check(got.vector == vector && (vector == NOTHING || got.error == 0),
	      "%s, paging %u: vector %u error %x, not vector %u", what, paging_now, got.vector,
	      got.error, vector);
}

static void test_operands(void)
{
	for (u32 type = 0; type < TYPES; type++) {
		expect_vector("INVPCID", invpcid(type, 0, VA), NOTHING);
		expect_vector("a PCID", invpcid(type, 1, VA), type < 2 ? VEC_GP : NOTHING);
		expect_vector("a reserved bit", invpcid(type, BIT(40), VA), VEC_GP);
		expect_vector("an address that is none", invpcid(type, 0, BIT(47)),
			      type == 0 ? VEC_GP : NOTHING);
	}
	expect_vector("type 4", invpcid(4, 0, 0), VEC_GP);
}

static void test_segments(void)
{
	expect_vector("within the limit", invpcid_fs(SEL_SMALL, 0), NOTHING);
	expect_vector("over the limit", invpcid_fs(SEL_SMALL, 1), VEC_GP);
	expect_vector("far over the limit", invpcid_fs(SEL_SMALL, ~0U), VEC_GP);
	expect_vector("no segment", invpcid_fs(0, 0), VEC_GP);
	expect_vector("above an expand-down limit", invpcid_fs(SEL_DOWN, (uintptr_t)&zero),
		      NOTHING);
	expect_vector("below an expand-down limit", invpcid_fs(SEL_DOWN, 0xff8), VEC_GP);
	__asm__ volatile("mov %w0, %%fs" : : "r"(SEL_USER_DATA));
}

/* A page changes, and each type of INVPCID makes the change show. */
static void test_invalidation(void)
{
	u64 frame[2] = {page_alloc(1, PAGE_SIZE), page_alloc(1, PAGE_SIZE)};
	entry_t pte = entry_of(VA, 1);

	for (u32 i = 0; i < 2; i++)
		*(u32 *)ptr(frame[i]) = i;
	for (u32 i = 0; i < 4 * TYPES; i++) {
		u32 type = i / 4;

		entry_set(pte, frame[i & 1] | LEAF);
		expect_vector("INVPCID", invpcid(type, 0, VA), NOTHING);
		check(*(volatile u32 *)ptr(VA) == (i & 1), "type %u, paging %u: a stale page", type,
		      paging_now);
	}
	entry_set(pte, 0);
	expect_vector("INVPCID", invpcid(0, 0, VA), NOTHING);

	struct outcome got = invpcid_at(TYPES - 1, VA);

	check(got.vector == VEC_PF && got.error == 0 && got.cr2 == VA,
	      "a descriptor that is not there: vector %u error %x cr2 %x", got.vector, got.error,
	      got.cr2);
}

static void test_mode(enum paging mode)
{
	paging_switch(mode);
	expect_vector("CR4.PCIDE outside of long mode",
		      ATTEMPT("movl %[v], %%cr4", [v] "r"(read_cr4() | (reg)CR4_PCIDE)), VEC_GP);
	if (!has_invpcid) {
		expect_vector("INVPCID without INVPCID", invpcid(0, 0, 0), VEC_UD);
		return;
	}
	test_operands();
	test_segments();
	if (mode != PAGING_OFF)
		test_invalidation();
}

/* Data segments with limits of their own: SDM vol. 3A 3.4.5. */
static void set_up_segments(void)
{
	struct __attribute__((packed)) {
		u16 limit;
		u32 base;
	} pointer = {sizeof(own_gdt) - 1, (uintptr_t)own_gdt};
	u64 base = (uintptr_t)&zero;

	memcpy(own_gdt, gdt, 7 * sizeof(u64));
	own_gdt[SEL_SMALL / 8] = 0x004093000000000f | (base & 0xffffff) << 16 | (base >> 24) << 56;
	own_gdt[SEL_DOWN / 8] = 0x00c0970000000000;
	__asm__ volatile("lgdt %0" : : "m"(pointer));
}

const char *guest_main(void)
{
	static const u8 vectors[] = {VEC_UD, VEC_SS, VEC_GP, VEC_PF};

	for (u32 i = 0; i < ARRAY_SIZE(vectors); i++)
		exception_handle(vectors[i], on_exception);
	has_invpcid = cpuid(0, 0).eax >= 7 && cpuid(7, 0).ebx & CPUID_7_0_EBX_INVPCID;
	set_up_segments();
	test_mode(PAGING_OFF);
	test_mode(PAGING_TWO_LEVEL);
	test_mode(PAGING_PAE);
	test_mode(PAGING_TWO_LEVEL);
	return check_end("pcid32");
}
