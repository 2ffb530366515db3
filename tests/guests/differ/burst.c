/* SPDX-License-Identifier: MIT */
/* What operating systems do to a page table: fill it on demand, share it, empty it. */
#include "tests/guests/differ/differ.h"

#include "arch/string.h"
#include "guest/builtin/lib/guest.h"

#define PAGES      48
#define FAULTS_MAX 2000

static struct path path;
static u32 faults;

static u64 burst_entry(reg va)
{
	u32 index = (u32)(va >> PAGE_SHIFT) & (entries() - 1);

	return entry_pa(path.table, index);
}

static u64 data_frame(void)
{
	u32 f = pick(FRAMES);

	while (kind[f] != KIND_DATA)
		f = (f + 1) % FRAMES;
	return frame[f];
}

/* The page-fault handler: map what is not there, allow what is. */
static bool on_fault(struct frame *f)
{
	reg va = read_cr2();
	u64 pa = burst_entry(va), e = entry_at(pa);

	note(va);
	note(f->error);
	if (++faults > FAULTS_MAX)
		guest_fail("step %u: no end of faults at %lx, error %lx, entry %" X64, step_now, va,
			   f->error, e);
	if (!(f->error & PFEC_P)) {
		check(!(e & PTE_P), "step %u: not-present fault at %lx, entry %" X64, step_now, va,
		      e);
		entry_put(pa, data_frame() | PTE_P | (chance(75) ? PTE_W : 0) |
				      (chance(50) ? PTE_U : 0) | (chance(70) ? PTE_A : 0) |
				      (chance(50) ? PTE_D : 0));
		return true;
	}
	check(e & PTE_P && !(e & PTE_W) && f->error & PFEC_W,
	      "step %u: protection fault at %lx, error %lx, entry %" X64, step_now, va, f->error,
	      e);
	entry_put(pa, e | PTE_W);
	invlpg(va);
	return true;
}

static void touch(u32 page, bool write)
{
	reg va = va_of(path.index) + page * (reg)PAGE_SIZE;
	volatile u32 *word = ptr(va + 128 + page * 8);

	if (write)
		*word = (u32)rnd();
	else
		note(*word);
	note(entry_at(burst_entry(va)));
}

static void protect(void)
{
	for (u32 i = 0; i < PAGES; i++) {
		u64 pa = burst_entry(va_of(path.index) + i * (reg)PAGE_SIZE), e = entry_at(pa);

		if (e & PTE_P)
			entry_put(pa, e & ~PTE_W);
	}
	reload_cr3();
}

static void one_round(void)
{
	for (u32 i = 0; i < PAGES; i++)
		touch(i, pick(2));
	if (chance(70)) {
		protect();
		for (u32 i = 0; i < PAGES; i++)
			touch(i, chance(80));
	}
	if (chance(50)) {
		/* Map ahead of the first touch: not present to present, so nothing is flushed. */
		memset(ptr(frame[path.table]), 0, PAGE_SIZE);
		reload_cr3();
		for (u32 i = 0; i < PAGES; i++)
			entry_put(burst_entry(va_of(path.index) + i * (reg)PAGE_SIZE),
				  data_frame() | PTE_P | PTE_W);
		for (u32 i = 0; i < PAGES; i++)
			touch(i, pick(2));
	}
	memset(ptr(frame[path.table]), 0, PAGE_SIZE);
	reload_cr3();
}

void burst(void)
{
	path = link_path();
	/* The pages that are touched are the table's first. */
	path.index[format.levels - 1] = 0;
	memset(ptr(frame[path.table]), 0, PAGE_SIZE);
	write_cr4(read_cr4() ^ CR4_PGE);
	write_cr4(read_cr4() ^ CR4_PGE);
	reload_cr3();
	faults = 0;
	exception_handle(VEC_PF, on_fault);
	if (has_smap)
		__asm__ volatile("stac" : : : "memory");
	for (u32 rounds = 1 + pick(3); rounds; rounds--)
		one_round();
	if (has_smap)
		__asm__ volatile("clac" : : : "memory");
	exception_handle(VEC_PF, NULL);
}
