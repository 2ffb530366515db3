/* SPDX-License-Identifier: MIT */
/* The hypervisor's own page tables: SDM vol. 3A 4.5. boot/entry.asm makes the first ones. */
#include "mm/phys/map.h"
#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/symbols.h"
#include "mm/phys/phys.h"

#define INDEX(va, lv) \
	((va) >> LEVEL_SHIFT((lv) + 1) & (TABLE_ENTRIES - 1)) /* lv: 0 PTE .. 3 PML4E */

/* The linker defines it at the first byte behind the image, so sizes come from differences. */
#define IMAGE_SIZE ((u64)(_image_end - _image_start))

u64 map_image_hpa;

/* Set by map_extend(). */
static u64 direct_end = GIB(4);

/* The image's part of the direct map, in 4 KiB pages; 2 MiB more where it is not 2 MiB aligned. */
#define IMAGE_MAX    MIB(8)
#define SPLIT_TABLES (IMAGE_MAX / MIB(2) + 1)
static u64 split[SPLIT_TABLES][TABLE_ENTRIES] __attribute__((aligned(PAGE_SIZE)));

u64 phys_addr(const void *ptr)
{
	u64 offset = (u64)ptr - (u64)_image_start;

	if (offset < IMAGE_SIZE)
		return map_image_hpa + offset;
	return (u64)ptr - MAP_DIRECT;
}

u64 map_end(void)
{
	return direct_end;
}

static u64 *root(void)
{
	return phys_ptr(read_cr3() & PTE_ADDR);
}

/* The entry for va at a level; the tables above it are there. */
static u64 *entry_of(u64 va, int level)
{
	u64 *table = root();

	for (int above = 3; above > level; above--)
		table = phys_ptr(table[INDEX(va, above)] & PTE_ADDR);
	return &table[INDEX(va, level)];
}

void map_guard(const void *page)
{
	*entry_of((u64)page, 0) = 0;
	invlpg(page);
}

/* Replace the 2 MiB page of the direct map at hpa by 4 KiB pages with the same rights. */
static void split_2m(u64 hpa, u64 *pt)
{
	for (u64 i = 0; i < TABLE_ENTRIES; i++)
		pt[i] = (hpa + i * PAGE_SIZE) | PTE_W | PTE_P;
	*entry_of(MAP_DIRECT + hpa, 1) = phys_addr(pt) | PTE_W | PTE_P;
}

void map_identity(bool on)
{
	root()[0] = on ? root()[INDEX(MAP_DIRECT, 3)] & ~PTE_NX : 0;
	write_cr3(read_cr3());
}

void map_init(void)
{
	u64 start = ALIGN_DOWN(map_image_hpa, MIB(2));

	for (u32 i = 0; start + i * MIB(2) < map_image_hpa + IMAGE_SIZE; i++)
		split_2m(start + i * MIB(2), split[i]);

	for (u64 offset = 0; offset < IMAGE_SIZE; offset += PAGE_SIZE) {
		const u8 *page = _image_start + offset;
		u64 *pte = entry_of((u64)page, 0);
		u64 *alias = entry_of(MAP_DIRECT + map_image_hpa + offset, 0);

		if (page < _data_start) {
			*pte &= ~PTE_W;
			*alias &= ~PTE_W;
		}
		if (page >= _rodata_start)
			*pte |= PTE_NX;
	}
	map_identity(false);
}

/* The table that an entry points to; a new one where there is none. NULL: no page. */
static u64 *next_table(u64 *entry, u64 (*alloc)(void *ctx), void *ctx)
{
	if (!(*entry & PTE_P)) {
		u64 hpa = alloc(ctx);

		if (hpa == ~0ULL)
			return NULL;
		*entry = hpa | PTE_W | PTE_P;
	}
	return phys_ptr(*entry & PTE_ADDR);
}

/* Map the GiB at hpa. Returns false when alloc has no page. */
static bool map_gib(u64 hpa, bool pages_1g, u64 (*alloc)(void *ctx), void *ctx)
{
	u64 va = MAP_DIRECT + hpa;
	u64 *pml4e = &root()[INDEX(va, 3)];
	u64 *pdpt = next_table(pml4e, alloc, ctx);
	u64 *pdpte, *pd;

	if (!pdpt)
		return false;
	*pml4e |= PTE_NX;
	pdpte = &pdpt[INDEX(va, 2)];
	if (pages_1g) {
		*pdpte = hpa | PTE_PS | PTE_W | PTE_P;
		return true;
	}
	pd = next_table(pdpte, alloc, ctx);
	if (!pd)
		return false;
	for (u64 i = 0; i < TABLE_ENTRIES; i++)
		pd[i] = (hpa + i * MIB(2)) | PTE_PS | PTE_W | PTE_P;
	return true;
}

int map_extend(const struct memmap *map, u64 (*alloc)(void *ctx), void *ctx)
{
	bool pages_1g = cpuid(0x80000001, 0).edx & CPUID_80000001_EDX_PAGE1GB;
	u64 end = ALIGN_UP(memmap_ram_end(map), GIB(1));

	if (end > MAP_DIRECT_MAX)
		return fail("the firmware says that RAM ends at %lx; notrap maps %llu TiB", end,
			    MAP_DIRECT_MAX >> 40);
	for (u64 hpa = direct_end; hpa < end; hpa += GIB(1)) {
		if (!map_gib(hpa, pages_1g, alloc, ctx))
			return fail("no memory for the map of RAM above %lu GiB; give the machine "
				    "more RAM below 4 GiB",
				    hpa >> 30);
		direct_end = hpa + GIB(1);
	}
	return 0;
}

int map_uncached(u64 hpa, u64 size, u64 (*alloc)(void *ctx), void *ctx)
{
	for (u64 at = hpa; at < hpa + size; at += PAGE_SIZE) {
		u64 *pde = entry_of(MAP_DIRECT + at, 1);

		if (*pde & PTE_PS) {
			u64 pt = alloc(ctx);

			if (pt == ~0ULL)
				return fail("no memory for the map of registers at %lx", at);
			split_2m(ALIGN_DOWN(at, MIB(2)), phys_ptr(pt));
		}
		*entry_of(MAP_DIRECT + at, 0) |= PTE_PCD | PTE_PWT;
	}
	write_cr3(read_cr3());
	/* What was read while they were cacheable. */
	wbinvd();
	return 0;
}
