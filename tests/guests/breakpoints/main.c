/* SPDX-License-Identifier: MIT */
/*
 * Sets breakpoints all over the addresses that notrap is linked at, and makes an exit with each: none of them
 * may be hit there. Its own go on being hit afterwards.
 */
#include "guest/builtin/lib/exception.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/print.h"

#define IMAGE      0xffffffff80200000ULL /* linker.ld */
#define IMAGE_SIZE KIB(640)
#define TEXT_SIZE  KIB(192)

#define CODE       (DR7_NONE | 0xaa)
#define ACCESS_8   (DR7_NONE | 0xaa | 0xbbbb0000UL)
#define STORE_8    (DR7_NONE | 0x02 | 0x00090000UL)

/* An odd number of bytes, so that most instructions' first bytes are met in the end. */
#define CODE_STEP 7

static volatile u64 hits, word;

static bool hit(struct frame *frame)
{
	(void)frame;
	hits++;
	return true;
}

static void set(u64 at, u64 step, u64 dr7)
{
	__asm__ volatile("mov %0, %%dr0" : : "r"(at));
	__asm__ volatile("mov %0, %%dr1" : : "r"(at + step));
	__asm__ volatile("mov %0, %%dr2" : : "r"(at + 2 * step));
	__asm__ volatile("mov %0, %%dr3" : : "r"(at + 3 * step));
	__asm__ volatile("mov %0, %%dr7" : : "r"(dr7));
}

static void sweep(u64 size, u64 step, u64 dr7)
{
	for (u64 at = 0; at < size; at += 4 * step) {
		set(IMAGE + at, step, dr7);
		cpuid(0, 0);
	}
}

const char *guest_main(void)
{
	exception_handle(VEC_DB, hit);
	sweep(IMAGE_SIZE, 8, ACCESS_8);
	sweep(TEXT_SIZE, CODE_STEP, CODE);
	if (hits)
		return "breakpoints at notrap's addresses are hit";
	set((uintptr_t)&word, 8, STORE_8);
	cpuid(0, 0);
	word = 1;
	__asm__ volatile("mov %0, %%dr7" : : "r"((u64)DR7_NONE));
	print("breakpoints: %lu of the guest's own\n", hits);
	return hits == 1 ? NULL : "a breakpoint of the guest's own is not hit";
}
