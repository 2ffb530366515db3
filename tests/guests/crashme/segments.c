/* SPDX-License-Identifier: MIT */
/* Segments: the GDT, code of each size, and data whose offsets are not addresses. */
#include "tests/guests/crashme/crashme.h"

#include "arch/string.h"
#include "guest/builtin/lib/64/idt.h"
#include "guest/builtin/lib/paging.h"

#define DESC_DATA     (0x93ULL << 40) /* present, writable, accessed */
#define DESC_ACCESSED BIT(40)
#define DESC_DOWN     BIT(42) /* expand-down: offsets are above the limit */
#define DESC_DPL_3    (3ULL << 45)
#define DESC_BIG      BIT(54) /* 32 bits; of a stack, ESP */
#define DESC_PAGES    BIT(55) /* the limit counts pages */

static u64 own_gdt[SELECTORS] __attribute__((aligned(16)));
static struct table_pointer gdt_pointer = {sizeof(own_gdt) - 1, ADDR(own_gdt)};

/* guest/builtin/lib's, with code of 32 bits for users, and of 16. No load of a segment writes it. */
void segments_init(void)
{
	extern u64 gdt[];

	memcpy(own_gdt, gdt, SEL_USER_CODE32 / 8 * sizeof(own_gdt[0]));
	own_gdt[SEL_USER_CODE32 / 8] = gdt[SEL_CODE32 / 8] | DESC_DPL_3;
	own_gdt[SEL_CODE16 / 8] = gdt[SEL_CODE32 / 8] & ~DESC_BIG;
	own_gdt[SEL_USER_CODE16 / 8] = own_gdt[SEL_CODE16 / 8] | DESC_DPL_3;
	for (u32 i = 1; i < ARRAY_SIZE(own_gdt); i++)
		if (i != SEL_TSS / 8 && i != SEL_TSS / 8 + 1)
			own_gdt[i] |= DESC_ACCESSED;
}

void segments_restore(void)
{
	__asm__ volatile("lgdt %0" : : "m"(gdt_pointer));
	__asm__ volatile("lldt %w0" : : "r"(0));
	__asm__ volatile("mov %0, %%fs; mov %0, %%gs"
			 :
			 : "r"(stream.user ? SEL_USER_DATA : SEL_DATA));
	/* Different ones, so that SWAPGS and loads of FS and GS are seen. */
	wrmsr(MSR_FS_BASE, 0x40);
	wrmsr(MSR_GS_BASE, 0x10);
	wrmsr(MSR_KERNEL_GS_BASE, 0x18);
}

static void set_descriptor(u32 base, u32 last, u64 flags)
{
	u64 d = DESC_DATA | flags | (u64)(base & 0xffffff) << 16 | (u64)(base >> 24) << 56;

	if (last >> 20) {
		d |= DESC_PAGES;
		last >>= PAGE_SHIFT;
	}
	d |= (last & 0xffff) | (u64)(last >> 16) << 48;
	own_gdt[SEL_ODD / 8] = d;
	own_gdt[SEL_USER_ODD / 8] = d | DESC_DPL_3;
}

/* The pointers are addresses in half of the streams, and offsets in the others. */
static void set_odd(struct registers *r)
{
	static const u32 bases[] = {0, PAGE_SIZE, 0xfffff000, 2 * PAGE_SIZE, 8,
				    4, 0U - 2,    TABLE_VA,   COLD_VA};
	static const u32 lasts[] = {~0U,
				    ~0U,
				    TABLE_VA + PAGE_SIZE - 1,
				    DATA_VA + PAGE_SIZE - 1,
				    TABLE_VA + PAGE_SIZE / 2 - 1,
				    COLD_VA + 3 * PAGE_SIZE - 1,
				    0x3f,
				    0xfffff};
	static const u8 pointers[] = {BX, BP, DX, SI, DI};
	u32 base = bases[pick(ARRAY_SIZE(bases))];
	u16 selector = stream.user ? SEL_USER_ODD : SEL_ODD;

	set_descriptor(base, lasts[pick(ARRAY_SIZE(lasts))],
		       (pick(4) ? 0 : DESC_DOWN) | (pick(3) ? DESC_BIG : 0));
	if (pick(4))
		r->data = selector;
	if (!pick(3))
		r->ss = selector;
	for (u32 i = 0, offsets = pick(2); offsets && i < ARRAY_SIZE(pointers); i++)
		r->gpr[pointers[i]] -= base;
	if (pick(2))
		r->rsp = (u32)(r->rsp - base);
}

/* FS and GS that lead elsewhere, and out of what is canonical. */
static void set_fs_gs(void)
{
	static const u64 bases[] = {PAGE_SIZE,
				    0 - PAGE_SIZE,
				    0 - 8ULL,
				    0 - 4ULL,
				    0 - BIT(47),
				    BIT(47) - DATA_VA,
				    BIT(47) - TABLE_VA - 0x18};
	u64 base = bases[pick(ARRAY_SIZE(bases))];

	wrmsr(MSR_FS_BASE, base);
	wrmsr(MSR_GS_BASE, base + 8);
}

void segments_set(struct registers *r)
{
	r->ss = stream.user ? SEL_USER_DATA : SEL_DATA;
	r->data = r->ss;
	if (stream.code16)
		r->cs = stream.user ? SEL_USER_CODE16 : SEL_CODE16;
	else if (stream.compat)
		r->cs = stream.user ? SEL_USER_CODE32 : SEL_CODE32;
	else
		r->cs = stream.user ? SEL_USER_CODE : SEL_CODE;
	if (stream.odd)
		set_odd(r);
	else if (!stream.compat && !pick(3))
		set_fs_gs();
}
