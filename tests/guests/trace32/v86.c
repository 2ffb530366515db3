/* SPDX-License-Identifier: MIT */
/* What exits, in virtual-8086 mode: SDM vol. 3B 21.2. */
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"
#include "tests/guests/trace32/segments.h"
#include "tests/guests/trace32/trace32.h"

#define VM     BIT(17)
#define IOPL_3 (3U << 12)
/* clang-format off */
#define NAMES(X) \
	X(cpuid) X(hlt) X(cli) X(sti) X(pushf) X(popf) X(iret) X(int3) X(int25) X(int1) X(into) \
	X(in64) X(in80) X(outcf8) X(ins64) X(rep_ins) X(outs_end) X(from_cr0) X(to_cr3) X(to_cr4) \
	X(clts) X(smsw) X(smsw_memory) X(lmsw) X(invlpg) X(invd) X(wbinvd) X(rdmsr) X(wrmsr) \
	X(from_dr7) X(xsetbv) X(invpcid) X(rsm) X(sgdt) X(lgdt) X(sldt) X(store) X(vmxon) X(rdpmc)
/* clang-format on */

#define DECLARE(name) extern const u8 v86_##name[], v86_##name##_end[];
NAMES(DECLARE)
#define ENTRY(name) {#name, v86_##name, v86_##name##_end},

static const struct {
	const char *name;
	const u8 *code, *end;
} codes[] = {NAMES(ENTRY)};

extern const u8 v86_gates[];

/* The frame's segments are a user's, and null in the handler: these gates load them. */
static void gates(bool on)
{
	for (u32 vector = 0; vector < VECTORS; vector++)
		exception_set_gate((u8)vector, on ? v86_gates + 16 * vector : NULL);
}

/* The user may have this page, if there is paging; `frame` is what it maps. */
static void user_page(u32 va, u64 frame)
{
	if (paging_now == PAGING_OFF)
		return;
	entry_set(entry_of(va, 1), frame | LEAF);
	invlpg(va);
}

static void all(const char *name, u32 eflags)
{
	print("trace: = V86%s\n", name);
	for (u32 i = 0; i < ARRAY_SIZE(codes); i++) {
		steps_wanted = eflags & RFLAGS_TF ? 2 : 0;
		trace_v86(codes[i].name, codes[i].code, codes[i].end, eflags);
	}
}

/* The data are a page table. */
static void table(u32 eflags)
{
	entry_t pte;

	if (paging_now == PAGING_OFF)
		return;
	pte = entry_of(COLD_VA, 1);
	entry_set(pte, page_alloc(1, PAGE_SIZE) | LEAF);
	user_page(LOW_DATA, ALIGN_DOWN(ADDR(pte), PAGE_SIZE));
	(void)*(volatile u8 *)ptr(COLD_VA);
	reload_cr3();
	(void)*(volatile u8 *)ptr(COLD_VA);
	watch(0, LOW_DATA, STORE_4);
	steps_wanted = 2;
	trace_v86(eflags & RFLAGS_TF ? "TF, table" : "table", v86_store, v86_store_end, eflags);
	print("trace: entry %x\n", (u32)entry_get(pte) & 0xffff);
	entry_set(pte, 0);
	user_page(LOW_DATA, LOW_DATA);
}

void test_v86(void)
{
	/* An interrupt of the PIT's would come at an STI. */
	out8(0x21, 0xff);
	out8(0xa1, 0xff);
	gates(true);
	user_page(LOW_CODE, LOW_CODE);
	user_page(LOW_DATA, LOW_DATA);
	user_page(LOW_STACK - PAGE_SIZE, LOW_STACK - PAGE_SIZE);
	ports_allow(false);
	all(", no ports", VM);
	all(", no ports, IOPL 3", VM | IOPL_3);
	ports_allow(true);
	all(", ports", VM);
	all(", ports, IOPL 3, TF", VM | IOPL_3 | RFLAGS_TF);
	table(VM);
	table(VM | RFLAGS_TF);
	gates(false);
}
