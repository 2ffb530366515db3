/* SPDX-License-Identifier: MIT */
/* Two-level and PAE tables of a 32-bit kernel; both exist at once, one of them is in use. */
#include "guest/builtin/lib/paging.h"

#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"

#define FLAGS_UPPER (PTE_P | PTE_W | PTE_U | PTE_A)
#define FLAGS_LEAF  (PTE_P | PTE_W | PTE_A | PTE_D)

u64 paging_root;
enum paging paging_now;

static enum paging kind; /* of the tables at paging_root */
static u64 roots[3];

static u32 entry_size(void)
{
	return kind == PAGING_PAE ? 8 : 4;
}

static u32 index_of(reg va, u32 level)
{
	if (kind == PAGING_PAE)
		return va >> (12 + 9 * (level - 1)) & (level == 3 ? 3 : 511);
	return va >> (12 + 10 * (level - 1)) & 1023;
}

u64 entry_get(entry_t entry)
{
	return kind == PAGING_PAE ? *(volatile u64 *)entry : *(volatile u32 *)entry;
}

void entry_set(entry_t entry, u64 value)
{
	volatile u32 *half = entry;

	if (kind == PAGING_PAE) {
		if (half[1] != (u32)(value >> 32)) {
			half[0] = 0;
			half[1] = (u32)(value >> 32);
		}
	}
	half[0] = (u32)value;
}

entry_t entry_of(reg va, u32 level)
{
	u32 top = kind == PAGING_PAE ? 3 : 2;
	u32 table = (u32)paging_root;

	for (u32 l = top;; l--) {
		entry_t e = ptr(table + index_of(va, l) * entry_size());

		if (l == level)
			return e;
		if (!(entry_get(e) & PTE_P)) {
			/* A PDPTE has no rights of its own: those bits are reserved. */
			entry_set(e, page_alloc(1, PAGE_SIZE) | (l == 3 ? PTE_P : FLAGS_UPPER));
			if (l == 3 && paging_now == PAGING_PAE)
				reload_cr3();
		} else if (l == 2 && entry_get(e) & PTE_PS) {
			guest_fail("a large page covers %lx", va);
		}
		table = (u32)(entry_get(e) & PTE_ADDR);
	}
}

void map_identity(u64 start, u64 size)
{
	if (paging_now == PAGING_OFF)
		return;
	for (u64 pa = ALIGN_DOWN(start, PAGE_SIZE); pa < start + size; pa += PAGE_SIZE) {
		u64 pde = entry_get(entry_of((reg)pa, 2));

		if (!(pde & PTE_P && pde & PTE_PS))
			entry_set(entry_of((reg)pa, 1), pa | FLAGS_LEAF);
	}
}

static void map_range(u64 start, u64 end)
{
	u64 pa = ALIGN_UP(start, PAGE_SIZE);

	end = ALIGN_DOWN(end < GIB(4) ? end : GIB(4), PAGE_SIZE);
	while (pa < end) {
		/* Two-level tables have no large pages, so that CR4.PSE may go off. */
		bool large = kind == PAGING_PAE && pa % PAGE_2M == 0 && end - pa >= PAGE_2M;

		entry_set(entry_of((reg)pa, large ? 2 : 1), pa | FLAGS_LEAF | (large ? PTE_PS : 0));
		pa += large ? PAGE_2M : PAGE_SIZE;
	}
}

static void build(void)
{
	paging_root = roots[kind];
	if (paging_root)
		return;
	paging_root = roots[kind] = page_alloc(1, PAGE_SIZE);
	for (u32 i = 0; i < memory_ranges; i++)
		if (memory_map[i].type == MEMORY_RAM)
			map_range(memory_map[i].start, memory_map[i].end);
}

void paging_switch(enum paging to)
{
	reg cr4 = read_cr4();

	/* This code, its stack and its tables are at their physical addresses either way. */
	if (paging_now != PAGING_OFF)
		write_cr0(read_cr0() & ~CR0_PG);
	paging_now = PAGING_OFF;
	paging_root = 0;
	if (to == PAGING_OFF)
		return;
	kind = to;
	build();
	write_cr4(to == PAGING_PAE ? cr4 | CR4_PAE : (cr4 & ~CR4_PAE) | CR4_PSE);
	if (to == PAGING_PAE && cpuid(0x80000001, 0).edx & CPUID_80000001_EDX_NX)
		wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
	write_cr3((reg)paging_root);
	write_cr0(read_cr0() | CR0_PG | CR0_WP);
	paging_now = to;
}

void paging_init(void)
{
}
