/* SPDX-License-Identifier: MIT */
/* The kernel's own tables: RAM at its physical address, by 2M pages where they fit. */
#include "guest/builtin/lib/paging.h"

#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"

#define FLAGS_UPPER (PTE_P | PTE_W | PTE_U | PTE_A)
#define FLAGS_LEAF  (PTE_P | PTE_W | PTE_A | PTE_D)

u64 paging_root;
u32 paging_levels = 4;

void paging_reload(u64 root, u64 la57);

u64 *entry_of(u64 root, u64 va, u32 level)
{
	u64 *table = ptr(root);

	for (u32 l = paging_levels; l > level; l--) {
		u64 *e = &table[table_index(va, l)];

		if (!(*e & PTE_P))
			*e = page_alloc(1, PAGE_SIZE) | FLAGS_UPPER;
		else if (l < 4 && *e & PTE_PS)
			guest_fail("a large page covers %lx", va);
		table = ptr(*e & PTE_ADDR);
	}
	return &table[table_index(va, level)];
}

void map_identity(u64 start, u64 size)
{
	for (u64 pa = ALIGN_DOWN(start, PAGE_SIZE); pa < start + size; pa += PAGE_SIZE) {
		const u64 *pde = entry_of(paging_root, pa, 2);

		if (!(*pde & PTE_P && *pde & PTE_PS))
			*entry_of(paging_root, pa, 1) = pa | FLAGS_LEAF;
	}
}

void paging_use_levels(u32 levels)
{
	static u64 root4;

	if (levels == paging_levels)
		return;
	if (levels == 5) {
		root4 = paging_root;
		paging_root = page_alloc(1, PAGE_SIZE);
		*(u64 *)ptr(paging_root) = root4 | FLAGS_UPPER;
	} else {
		paging_root = root4;
	}
	if (paging_root >> 32)
		guest_fail("a root table at %lx is out of 32-bit code's reach", paging_root);
	paging_levels = levels;
	paging_reload(paging_root, levels == 5 ? CR4_LA57 : 0);
}

u64 new_root(void)
{
	u64 root = page_alloc(1, PAGE_SIZE);

	*(u64 *)ptr(root) = *(const u64 *)ptr(paging_root);
	return root;
}

static void map_range(u64 start, u64 end)
{
	u64 pa = ALIGN_UP(start, PAGE_SIZE);

	end = ALIGN_DOWN(end, PAGE_SIZE);
	while (pa < end) {
		if (pa % PAGE_2M == 0 && end - pa >= PAGE_2M) {
			*entry_of(paging_root, pa, 2) = pa | FLAGS_LEAF | PTE_PS;
			pa += PAGE_2M;
		} else {
			*entry_of(paging_root, pa, 1) = pa | FLAGS_LEAF;
			pa += PAGE_SIZE;
		}
	}
}

void paging_init(void)
{
	paging_root = page_alloc(1, PAGE_SIZE);
	for (u32 i = 0; i < memory_ranges; i++) {
		const struct memory_range *r = &memory_map[i];

		if (r->type == MEMORY_RAM && r->start < GIB(512))
			map_range(r->start, r->end < GIB(512) ? r->end : GIB(512));
	}
	write_cr3(paging_root);
}
