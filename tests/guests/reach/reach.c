/* SPDX-License-Identifier: MIT */
/*
 * Reaches for memory that the guest was not given: maps every page below the machine's top that
 * is no RAM in its map, by 4K, 2M and 1G pages, reads it, writes it, reads it again, and uses it
 * as page tables. Nothing of the hypervisor may be read, and nothing may break.
 *
 * On the bare machine the same pages are firmware tables and holes: that run shows that the
 * sweep itself is sound.
 */
#include "arch/string.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/notrap.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"
#include "guest/builtin/lib/probe.h"

#define SWEEP_START MIB(1)
#define DEVICES     0xe0000000ULL /* local APIC, flash and most devices' registers are above */
#define BEYOND_KIB  4096          /* what the map leaves out at its end is swept as well */

/* One part of the address space (a root entry) for each size of page. */
#define WINDOW(level) ((u64)(level) << 39)

#define WORDS         (PAGE_SIZE / sizeof(u64))
#define PATTERN       0x6e6f20777269746eULL
#define CANARY_PAGES  2048

struct tally {
	u64 pages, uniform, other, hash;
};

static u64 canary;

/* beyond=: KiB past the map's end. Under KVM each read there is an exit to the program that uses it. */
static u64 sweep_end(void)
{
	u64 end = 0, beyond = (u64)guest_option_number("beyond", BEYOND_KIB) << 10;

	for (u32 i = 0; i < memory_ranges; i++)
		if (memory_map[i].end <= DEVICES && memory_map[i].end > end)
			end = memory_map[i].end;
	end = ALIGN_UP(end, PAGE_2M) + ALIGN_UP(beyond, PAGE_SIZE);
	return end < DEVICES ? end : DEVICES;
}

/*
 * ACPI tables are other people's data: read them, do not write them. firmware=: where they begin on
 * a machine whose map calls them reserved, as if they were nobody's.
 */
static bool firmware(u64 pa)
{
	if (pa >= guest_option_number("firmware", ~0U))
		return true;
	for (u32 i = 0; i < memory_ranges; i++)
		if (memory_map[i].type > 2 && pa >= ALIGN_DOWN(memory_map[i].start, PAGE_SIZE) &&
		    pa < memory_map[i].end)
			return true;
	return false;
}

static void map(u64 pa, u32 level)
{
	u64 size = PAGE_SIZE << 9 * (level - 1);
	u64 *e = entry_of(paging_root, WINDOW(level) + pa, level);

	*e = ALIGN_DOWN(pa, size) | PTE_P | PTE_W | (level > 1 ? PTE_PS : 0);
}

/* Words of a page that is not all one value; such a page has contents, and contents have an owner. */
static void look(const volatile u64 *page, u64 pa, struct tally *tally)
{
	static const char secret[] = {'n', 'o', 't', 'r', 'a', 'p', ':', ' '};
	static u64 copy[WORDS];
	bool uniform = true;

	for (u32 i = 0; i < WORDS; i++) {
		copy[i] = page[i];
		uniform &= copy[i] == copy[0];
	}
	tally->pages++;
	if (uniform) {
		tally->uniform++;
		tally->hash = (tally->hash ^ copy[0]) * 0x100000001b3;
		return;
	}
	tally->other++;
	for (u32 i = 0; i < WORDS; i++)
		tally->hash = (tally->hash ^ copy[i]) * 0x100000001b3;
	for (u32 i = 0; i + sizeof(secret) <= PAGE_SIZE; i++)
		if (!memcmp((const u8 *)copy + i, secret, sizeof(secret)))
			guest_fail("read the hypervisor's text at %lx", pa + i);
	if (notrap_present() && !firmware(pa))
		guest_fail("read contents at %lx: %lx %lx", pa, copy[0], copy[1]);
}

/* Read, write, read again; what can be written is put back as it was. */
static void try_page(u64 pa, u32 level, struct tally *tally)
{
	volatile u64 *page = ptr(WINDOW(level) + pa);
	u64 first, last;

	look(page, pa, tally);
	/* Across the edge, from whatever is before. */
	(void)*(volatile u64 *)((uintptr_t)page - 4);
	if (firmware(pa))
		return;
	first = page[0];
	last = page[WORDS - 1];
	page[0] = PATTERN;
	page[WORDS - 1] = ~PATTERN;
	__asm__ volatile("lock incq %0" : "+m"(page[1]));
	__asm__ volatile("lock decq %0" : "+m"(page[1]));
	(void)page[0];
	(void)page[WORDS - 1];
	page[0] = first;
	page[WORDS - 1] = last;
	look(page, pa, tally);
}

static void sweep(u64 start, u64 end, u32 level, struct tally *tally)
{
	for (u64 pa = start; pa < end; pa += PAGE_SIZE) {
		if (memory_is_ram(pa, pa + PAGE_SIZE))
			continue;
		map(pa - PAGE_SIZE, level);
		map(pa, level);
		try_page(pa, level, tally);
	}
}

/* The same pages as page tables of each level: a walk reads them and may set bits in them. */
static void walk_through(u64 start, u64 end)
{
	u64 va = WINDOW(8);

	for (u64 pa = start; pa < end; pa += PAGE_SIZE) {
		if (memory_is_ram(pa, pa + PAGE_SIZE) || firmware(pa))
			continue;
		for (u32 level = 2; level <= 4; level++) {
			u64 *e = entry_of(paging_root, va + ((u64)level << 40), level);
			u64 old = *e;

			*e = pa | PTE_P | PTE_W;
			invlpg(va + ((u64)level << 40));
			/* Which exception is the machine's affair; that there is an end is not. */
			probe(ACCESS_READ, false, va + ((u64)level << 40), 0);
			probe(ACCESS_WRITE, false, va + ((u64)level << 40) + 8, 0);
			*e = old;
			invlpg(va + ((u64)level << 40));
		}
	}
}

static void canary_set(void)
{
	canary = page_alloc(CANARY_PAGES, PAGE_SIZE);
	for (u64 i = 0; i < CANARY_PAGES * WORDS; i++)
		((u64 *)ptr(canary))[i] = i * PATTERN;
}

static const char *canary_check(void)
{
	for (u64 i = 0; i < CANARY_PAGES * WORDS; i++)
		if (((u64 *)ptr(canary))[i] != i * PATTERN)
			return "the guest's own memory has changed";
	return NULL;
}

static void print_holes(u64 end)
{
	u64 from = 0;

	for (u64 pa = SWEEP_START; pa <= end; pa += PAGE_SIZE) {
		bool hole = pa < end && !memory_is_ram(pa, pa + PAGE_SIZE);

		if (hole && !from)
			from = pa;
		if (!hole && from) {
			print("reach: no RAM at %lx-%lx\n", from, pa);
			from = 0;
		}
	}
}

const char *guest_main(void)
{
	u32 levels = cpuid(0x80000001, 0).edx & CPUID_80000001_EDX_PAGE1GB ? 3 : 2;
	u64 end = sweep_end();

	print_holes(end);
	canary_set();
	for (u32 level = 1; level <= levels; level++) {
		struct tally tally = {0};

		sweep(SWEEP_START, end, level, &tally);
		print("reach: level=%u pages=%lu uniform=%lu other=%lu hash=%lx\n", level,
		      tally.pages, tally.uniform, tally.other, tally.hash);
		if (!tally.pages)
			return "there was nothing to reach for";
	}
	/* Under an emulator that walks tables outside RAM for itself, this can stop the emulator. */
	if (notrap_present())
		walk_through(SWEEP_START, end);
	return canary_check();
}
