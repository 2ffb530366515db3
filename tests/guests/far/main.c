/* SPDX-License-Identifier: MIT */
/*
 * Reads one word in each GiB of physical addresses, up to the CPU's last: more than any hypervisor's
 * tables for them hold at once. Between two reads come an INT 80h or a page fault, through an IDT that
 * nothing else near by keeps mapped: none may be lost, doubled or changed.
 */
#include "arch/string.h"
#include "guest/builtin/lib/64/idt.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"
#include "guest/builtin/lib/probe.h"

#define WINDOW   (1ULL << 39)
#define ABSENT   (1ULL << 40)
#define FIRST    4            /* GiB: below are devices that mind */
#define MOST     (1ULL << 10) /* GiB: a CPU may have addresses for months */
#define ROUNDS   2
#define CANARIES 16
#define PATTERN  0x6e6f20777269746eULL

static u64 canary[CANARIES];

/* Give the IDT 2 MiB of its own. */
static void move_idt(void)
{
	struct table_pointer idt;
	u64 page = page_alloc(1, PAGE_2M);

	__asm__ volatile("sidt %0" : "=m"(idt));
	memcpy(ptr(page), ptr(idt.base), idt.limit + 1u);
	idt.base = page;
	__asm__ volatile("lidt %0" : : "m"(idt));
}

static u64 last_gib(void)
{
	u64 gib = 1ULL << ((cpuid(0x80000008, 0).eax & 0xff) - 30);

	return gib < MOST ? gib : MOST;
}

static const char *try_gib(u64 gib, bool fault)
{
	u64 va = WINDOW + gib * PAGE_2M, gone = ABSENT + gib * PAGE_SIZE, faults = page_faults;
	struct probe p;

	*entry_of(paging_root, va, 2) = gib * GIB(1) | PTE_P | PTE_W | PTE_PS;
	if (!fault) {
		p = probe(ACCESS_READ, false, va, 0);
		return p.vector == VECTOR_DONE && page_faults == faults ? NULL : "INT 80h is lost";
	}
	(void)*(volatile u64 *)ptr(va);
	p = probe(ACCESS_WRITE, false, gone, 0);
	return p.vector == 14 && p.error == 2 && p.cr2 == gone && page_faults == faults + 1
		       ? NULL
		       : "a page fault is not what it should be";
}

const char *guest_main(void)
{
	u64 last = last_gib(), x = 1;

	move_idt();
	for (u32 i = 0; i < CANARIES; i++) {
		canary[i] = page_alloc(1, PAGE_2M);
		*(u64 *)ptr(canary[i]) = PATTERN * (i + 1);
	}
	for (u32 round = 0; round < ROUNDS; round++) {
		for (u64 gib = FIRST; gib < last; gib++) {
			const char *wrong;

			x = x * 6364136223846793005ULL + 1442695040888963407ULL;
			wrong = try_gib(gib, x >> 63);
			if (wrong)
				return wrong;
			if (*(u64 *)ptr(canary[gib % CANARIES]) != PATTERN * (gib % CANARIES + 1))
				return "the guest's own memory has changed";
		}
	}
	print("far: gib=%lu rounds=%u faults=%lu\n", last - FIRST, ROUNDS, page_faults);
	return page_faults ? NULL : "no page fault was tried";
}
