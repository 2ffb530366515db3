/* SPDX-License-Identifier: MIT */
/*
 * A device (QEMU's edu) writes to a page table of the guest's, which is no store that faults. What the
 * hypervisor then knows of that table is wrong, and it must live with that.
 *
 * mode=0: a large page that is split has become a table. mode=1: by way of that, registers that are
 * watched would become writable (q35: the ISA bridge's, in ECAM).
 */
#include "arch/string.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/notrap.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/pci.h"
#include "guest/builtin/lib/print.h"
#include "guest/builtin/lib/probe.h"

#define EDU_ID     0x11e81234
#define EDU_BUFFER 0x40000

static volatile u64 *edu;

static void copy(u64 from, u64 to, u64 way)
{
	edu[0x80 / 8] = from;
	edu[0x88 / 8] = to;
	edu[0x90 / 8] = 1024;
	edu[0x98 / 8] = 1 | way;
	while (edu[0x98 / 8] & 1)
		in8(0x61);
}

/* 1 KiB of a page of ours, by DMA. */
static void dma(u64 from, u64 to)
{
	copy(from, EDU_BUFFER, 0);
	copy(EDU_BUFFER, to, 2);
}

static void open_edu(void)
{
	u32 bdf = pci_find(0, 0, EDU_ID, ~0U), bar;

	if (bdf == PCI_NONE)
		guest_fail("no edu");
	bar = pci_read(bdf, 0x10) & ~15U;
	pci_write(bdf, 4, 6);
	map_identity(bar, MIB(1));
	edu = ptr(bar);
}

/* One entry of a table that the MMU has write-protected, or its first 128. */
static void dma_entry(u64 *e, u64 value)
{
	static u64 image;
	u64 table = (uintptr_t)e & ~4095UL;

	image = image ? image : page_alloc(1, PAGE_SIZE);
	memcpy(ptr(image), ptr(table), PAGE_SIZE);
	((u64 *)ptr(image))[((uintptr_t)e & 4095) / 8] = value;
	dma(image, table);
	print("dma: entry is %lx\n", *e);
}

/* The tables that split the large page are still linked where the table is to be. */
static const char *large_page(void)
{
	u64 va = 5ULL << 39, gib = guest_option_number("gib", 3),
	    at = guest_option_number("at", 0x1f7) * PAGE_2M;
	u64 *e = entry_of(paging_root, va, 3);
	u64 pd = page_alloc(1, PAGE_SIZE), pt = page_alloc(1, PAGE_SIZE),
	    data = page_alloc(1, PAGE_SIZE);
	struct probe p;

	/* A 1 GiB page, read-only. */
	*e = gib << 30 | PTE_P | PTE_U | PTE_PS | PTE_A;
	p = probe(ACCESS_READ, false, va + at, 0);
	print("dma: read %lx: vector %u\n", va + at, p.vector);
	((u64 *)ptr(pd))[table_index(va + at, 2)] = pt | PTE_P | PTE_W | PTE_U | PTE_A;
	((u64 *)ptr(pt))[0] = data | PTE_P | PTE_W | PTE_U | PTE_A | PTE_D;
	dma_entry(e, pd | PTE_P | PTE_W | PTE_U | PTE_A);
	p = probe(ACCESS_WRITE, false, va + at, 0);
	print("dma: write: vector %u error %x\n", p.vector, p.error);
	return NULL;
}

/* A 2 MiB region with RAM at its start and memory that is hidden at its end. */
static u64 find_region(void)
{
	for (u64 pa = MIB(4); pa < memory_end(); pa += PAGE_2M) {
		if (memory_is_ram(pa, pa + 16 * PAGE_SIZE) && !memory_is_ram(pa, pa + PAGE_2M))
			return pa;
	}
	guest_fail("no region");
}

/*
 * An entry of a split large page, for RAM, would be made to map the registers, read-only; then the RAM's
 * page becomes a page table and is given up again, which makes its mappings writable.
 */
static const char *watched(void)
{
	u64 va = 5ULL << 39, va2 = 6ULL << 39, r = find_region(), i = 3, f = r + i * PAGE_SIZE;
	u64 x = pci_window() + (0x1fULL << 15);
	u64 *e = entry_of(paging_root, va, 2), *e2 = entry_of(paging_root, va2, 2);
	u64 pt = page_alloc(1, PAGE_SIZE), data = page_alloc(1, PAGE_SIZE),
	    code = page_alloc(1, PAGE_SIZE);
	volatile u32 *reg;
	struct probe p;
	u32 before, after;

	/* Instructions for user mode. */
	*entry_of(paging_root, 7ULL << 39, 1) = code | PTE_P | PTE_W | PTE_U;
	probe_set_user(7ULL << 39, ptr(code));

	*e = r | PTE_P | PTE_W | PTE_PS | PTE_A | PTE_D;
	p = probe(ACCESS_READ, false, va + i * PAGE_SIZE, 0);
	print("dma: region %lx: vector %u\n", r, p.vector);
	((u64 *)ptr(pt))[i] = x | PTE_P | PTE_W | PTE_U | PTE_A | PTE_D;
	dma_entry(e, pt | PTE_P | PTE_W | PTE_U | PTE_A);
	p = probe(ACCESS_READ, true, va + i * PAGE_SIZE, 0);
	print("dma: a user's read: vector %u error %x\n", p.vector, p.error);
	reg = ptr(va + i * PAGE_SIZE);
	print("dma: there is %x\n", reg[0]);

	/* The RAM's page as a page table, and no more. */
	memset(ptr(f), 0, PAGE_SIZE);
	((u64 *)ptr(f))[0] = data | PTE_P | PTE_W;
	*e2 = f | PTE_P | PTE_W | PTE_U;
	probe(ACCESS_READ, false, va2, 0);
	*e2 = 0;
	write_cr3(read_cr3());
	memset(ptr(f), 0, PAGE_SIZE);
	write_cr3(read_cr3());
	before = pci_read(PCI_BDF(0x1f, 0), 0x40);
	reg[0x40 / 4] = 0x701;
	after = pci_read(PCI_BDF(0x1f, 0), 0x40);
	print("dma: PMBASE was %x, is %x\n", before, after);
	return before == after ? NULL : "PMBASE has moved";
}

const char *guest_main(void)
{
	open_edu();
	return guest_option_number("mode", 0) ? watched() : large_page();
}
