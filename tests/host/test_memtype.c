/* SPDX-License-Identifier: MIT */
/* What MTRRs make of a range of memory, and how many bits an address has without a key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* arch/console.h has one too */

#include "guest/machine/memtype.h"
#include "tests/host/rnd.h"

/* In the place of arch/insn.h and arch/safe.h. */
#define ARCH_INSN_H
#define ARCH_SAFE_H
struct cpuid {
	u32 eax, ebx, ecx, edx;
};
static struct cpuid cpuid(u32 leaf, u32 subleaf);
static bool rdmsr_safe(u32 msr, u64 *value);
#include "guest/start/phys_bits.c"

#define BITS 36

static struct cpuid basic, structured, largest, sizes;
static u64 tme_activate;

static struct cpuid cpuid(u32 leaf, u32 subleaf)
{
	(void)subleaf;
	switch (leaf) {
	case 0:
		return basic;
	case 7:
		return structured;
	case 0x80000000:
		return largest;
	default:
		assert_int_equal(leaf, 0x80000008);
		return sizes;
	}
}

static bool rdmsr_safe(u32 msr, u64 *value)
{
	assert_int_equal(msr, MSR_TME_ACTIVATE);
	*value = tme_activate;
	return true;
}

static struct mtrrs set;

static void pair(u64 base, u64 size, enum memtype type)
{
	set.var[set.nr].base = base | type;
	set.var[set.nr].mask = (GENMASK(BITS - 1, 12) & ~(size - 1)) | MTRR_MASK_VALID;
	set.nr++;
}

static enum memtype type(u64 start, u64 end)
{
	return mtrr_memtype(&set, start, end, BITS);
}

static void one_range(void **state)
{
	(void)state;
	set = (struct mtrrs){.def_type = MTRR_DEF_TYPE_E | MEMTYPE_UC};
	pair(0, GIB(2), MEMTYPE_WB);
	assert_int_equal(type(MIB(1), GIB(2)), MEMTYPE_WB);
	assert_int_equal(type(GIB(2), GIB(4)), MEMTYPE_UC);
	assert_int_equal(type(GIB(2) - PAGE_SIZE, GIB(2) + PAGE_SIZE), MEMTYPE_MIXED);
	set.var[0].mask &= ~MTRR_MASK_VALID;
	assert_int_equal(type(MIB(1), GIB(2)), MEMTYPE_UC);
	set.var[0].mask |= MTRR_MASK_VALID;
	set.def_type = MEMTYPE_WB;
	assert_int_equal(type(MIB(1), GIB(2)), MEMTYPE_UC);
	/* A mask of no bits is all of memory. */
	set.def_type = MTRR_DEF_TYPE_E | MEMTYPE_UC;
	set.var[0].mask = MTRR_MASK_VALID;
	assert_int_equal(type(MIB(1), GIB(60)), MEMTYPE_WB);
}

static void ranges_over_another(void **state)
{
	(void)state;
	set = (struct mtrrs){.def_type = MTRR_DEF_TYPE_E | MEMTYPE_UC};
	pair(0, GIB(4), MEMTYPE_WB);
	pair(GIB(3), GIB(1), MEMTYPE_UC);
	pair(MIB(256), MIB(16), MEMTYPE_WT);
	pair(MIB(512), MIB(16), MEMTYPE_WC);
	assert_int_equal(type(MIB(1), MIB(256)), MEMTYPE_WB);
	assert_int_equal(type(GIB(3), GIB(4)), MEMTYPE_UC);
	assert_int_equal(type(MIB(256), MIB(272)), MEMTYPE_WT);
	assert_int_equal(type(MIB(512), MIB(513)), MEMTYPE_MIXED);
	assert_int_equal(type(MIB(200), MIB(300)), MEMTYPE_MIXED);
	assert_int_equal(type(MIB(272), MIB(512)), MEMTYPE_WB);
}

/* Page by page, as the manual has it for one address: SDM vol. 3A 12.11.3. */
static enum memtype of_page(u64 at)
{
	enum memtype type = MEMTYPE_MIXED;
	u32 found = 0;

	for (u32 i = 0; i < set.nr; i++) {
		u64 mask = set.var[i].mask & GENMASK(BITS - 1, 12);
		enum memtype own = (enum memtype)(set.var[i].base & 0xff);

		if (!(set.var[i].mask & MTRR_MASK_VALID) || ((at ^ set.var[i].base) & mask))
			continue;
		if (!found++)
			type = own;
		else if (type == MEMTYPE_UC || own == MEMTYPE_UC)
			type = MEMTYPE_UC;
		else if (type != own)
			type = type + own == MEMTYPE_WT + MEMTYPE_WB ? MEMTYPE_WT : MEMTYPE_MIXED;
	}
	return found ? type : (enum memtype)(set.def_type & 0xff);
}

static void compared_page_by_page(void **state)
{
	static const enum memtype types[] = {MEMTYPE_UC, MEMTYPE_WC, MEMTYPE_WT, MEMTYPE_WP,
					     MEMTYPE_WB};
	struct rnd r;
	u32 mixed = 0;

	(void)state;
	rnd_seed(&r, 7);
	for (u32 round = 0; round < 20000; round++) {
		u64 start = MIB(1) + (u64)rnd(&r, 64) * PAGE_SIZE, end;
		enum memtype expected;

		set = (struct mtrrs){.def_type = MTRR_DEF_TYPE_E | types[rnd(&r, 5)]};
		for (u32 n = rnd(&r, 4); n; n--) {
			u64 size = (u64)PAGE_SIZE << rnd(&r, 7);

			pair(MIB(1) + (u64)rnd(&r, 64) * PAGE_SIZE, size, types[rnd(&r, 5)]);
		}
		end = start + (1 + (u64)rnd(&r, 32)) * PAGE_SIZE;
		expected = of_page(start);
		for (u64 at = start; at < end; at += PAGE_SIZE)
			if (of_page(at) != expected)
				expected = MEMTYPE_MIXED;
		mixed += expected == MEMTYPE_MIXED;
		assert_int_equal(type(start, end), expected);
	}
	assert_in_range(mixed, 1000, 19000);
}

static void address_bits(void **state)
{
	(void)state;
	assert_int_equal(phys_bits_without_keys(46, false, ~0ULL), 46);
	assert_int_equal(phys_bits_without_keys(46, true, 0), 46);
	assert_int_equal(phys_bits_without_keys(52, true, 6ULL << 32 | 3), 46);
	assert_int_equal(phys_bits_without_keys(46, true, 15ULL << 32), 31);
	/* TDX's share is a part of them. */
	assert_int_equal(phys_bits_without_keys(52, true, 0x36ULL << 32 | 3), 46);

	basic.eax = 1;
	largest.eax = 0x80000007;
	assert_int_equal(phys_bits(), 36);
	largest.eax = 0x80000008;
	sizes.eax = 0x3934;
	structured.ecx = CPUID_7_0_ECX_TME;
	tme_activate = 6ULL << 32 | 3;
	assert_int_equal(phys_bits(), 52);
	basic.eax = 7;
	assert_int_equal(phys_bits(), 46);
	structured.ecx = 0;
	assert_int_equal(phys_bits(), 52);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_range),
		cmocka_unit_test(ranges_over_another),
		cmocka_unit_test(compared_page_by_page),
		cmocka_unit_test(address_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
