/* SPDX-License-Identifier: MIT */
/* A few instructions that belong together, most often an operand's value and what uses it. */
#include "tests/guests/crashme/crashme.h"

#include "guest/builtin/lib/paging.h"

#define CPUID   "\x0f\xa2"
#define RDTSC   "\x0f\x31"
#define RDPMC   "\x0f\x33"
#define RDTSCP  "\x0f\x01\xf9"
#define XSETBV  "\x0f\x01\xd1"
#define CLI     "\xfa"
#define STI     "\xfb"
#define HLT     "\xf4"
#define NOP     "\x90"

#define MOV_MEM 0xa3 /* MOV of EAX to an address */

static void cpuid_leaf(void)
{
	/* Those whose answer is the bare CPU's. */
	static const u32 leaves[] = {0,          2,          4,          5,
				     6,          0x80000000, 0x80000002, 0x80000004,
				     0x80000006, 0x80000008, 0x12345678};

	mov_eax(leaves[pick(ARRAY_SIZE(leaves))]);
	mov_register(CX, pick(3));
	OP(CPUID);
}

/* An interrupt to itself, and when it comes. */
static void interrupt(void)
{
	bool sleep = !stream.edge && !stream.user && !pick(3);

	/* The APIC is at an address, which is an offset where the base is 0. */
	if (stream.odd)
		return;
	if (sleep)
		OP(CLI);
	mov_eax(ICR_ASSERT | VECTOR);
	insn();
	emit_wide(OPSIZE);
	emit_wide(ADSIZE);
	emit8(MOV_MEM);
	emit(APIC + APIC_ICR_LOW, stream.compat ? 4 : 8);
	/* What an STI holds interrupts off for must not fault: Bochs forgets the STI at an exit. */
	if (!stream.edge && pick(2)) {
		OP(STI);
		OP(NOP);
	}
	if (sleep) {
		OP(STI);
		OP(HLT);
	}
	if (!pick(3))
		general();
}

/* Their values are not the same: they are cleared. RDPMC alone where a fault may come before that. */
static void counters(void)
{
	switch (stream.edge ? 1 : pick(3)) {
	case 0:
		OP(RDTSC);
		break;
	case 1:
		mov_register(CX, pick(2) ? pick(3) : rnd());
		OP(RDPMC);
		break;
	default:
		OP(RDTSCP);
	}
	mov_eax(0);
	mov_register(DX, 0);
	mov_register(CX, pick(4));
}

/* Of a kind that the stream uses. */
static u64 random_page(void)
{
	static const u64 pages[] = {TABLE_VA, TABLE_VA,  DATA_VA, RO_VA,
				    UPPER_VA, KERNEL_VA, COLD_VA};
	u64 page;

	do
		page = pages[pick(ARRAY_SIZE(pages))];
	while ((page == COLD_VA && !stream.cold) ||
	       ((page == TABLE_VA || page == UPPER_VA) && !stream.table));
	return page == KERNEL_VA ? KERNEL_VA + PAGE_SIZE : page;
}

/* Pointers and a count for string instructions that follow. */
static void strings(void)
{
	mov_register(CX, pick(6));
	for (u32 i = SI; i <= DI; i++) {
		u64 page = random_page();

		mov_register((u8)i, page + random_disp());
	}
}

/* 0F 01 with ModRM.mod 3: all but VMCALL, VMMCALL, MWAIT, RDTSCP, MWAITX. */
static void group_7(void)
{
	static const u8 modrm[] = {0xc0, 0xc2, 0xc3, 0xc4, 0xc8, 0xca, 0xcb, 0xcf, 0xd0, 0xd1,
				   0xd2, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xda, 0xdb, 0xdc, 0xdd,
				   0xde, 0xdf, 0xe0, 0xe8, 0xee, 0xf8, 0xfa, 0xfc, 0xfd};

	insn();
	if (!pick(3))
		emit_prefix();
	emit8(0x0f);
	emit8(0x01);
	emit8(modrm[pick(ARRAY_SIZE(modrm))]);
}

static void xsetbv(void)
{
	mov_eax(pick(9));
	mov_register(DX, pick(8) == 0);
	mov_register(CX, pick(4) == 0);
	OP(XSETBV);
}

void group(void)
{
	static void (*const groups[])(void) = {
		cpuid_leaf, control_register, control_register, msr,    port,    port,
		interrupt,  counters,         group_7,          xsetbv, strings, strings};

	groups[pick(ARRAY_SIZE(groups))]();
}
