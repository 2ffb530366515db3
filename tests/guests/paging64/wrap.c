/* SPDX-License-Identifier: MIT */
/*
 * Compatibility mode: EIP has 32 bits, and wraps after an instruction that exits, and before one that does,
 * too. Not on the bare machine: Bochs raises #GP there.
 */
#include "tests/guests/paging64/paging64.h"

#include "guest/builtin/lib/notrap.h"

#define LAST_PAGE  0xfffff000
#define SEL_COMPAT 0x48
#define CODE_32    0x00cf9b000000ffff /* flat, D=1, L=0, DPL 0 */
#define CPUID_CODE 0xa20f             /* the two bytes before 4 GiB */
#define XOR_CODE   0xc031             /* or XOR EAX, EAX */
#define RETF_CODE  0xcb               /* the byte at 0 */
#define STORE_CODE 0xcb0189           /* MOV [ECX], EAX; a far return */

struct __attribute__((packed)) gdt_pointer {
	u16 limit;
	u64 base;
};

static u64 own_gdt[SEL_COMPAT / 8 + 1];

/* Compatibility mode at this offset in the last page below 4 GiB, until a far return. */
static void run_far(u64 *rax, u64 *rcx, u32 offset)
{
	__asm__ volatile(
		"sub $8, %%rsp\n\t"
		"lea 1f(%%rip), %%rdx\n\t"
		"mov %%edx, (%%rsp)\n\t"
		"movl %[code64], 4(%%rsp)\n\t"
		"push %[code32]\n\t"
		"mov %[at], %%edx\n\t"
		"push %%rdx\n\t"
		"lretq\n\t"
		"1:"
		: "+a"(*rax), "+c"(*rcx)
		: [code64] "i"(SEL_CODE), [code32] "i"(SEL_COMPAT), [at] "r"(LAST_PAGE + offset)
		: "rbx", "rdx", "memory", "cc");
}

/* Two bytes at 0xfffffffe, then a far return at 0; what they made of EAX. */
static u32 run_to_the_end(u32 eax, u16 code)
{
	u64 rax = eax, rcx = 0;

	*(volatile u16 *)ptr(frame[0] + 0xffe) = code;
	run_far(&rax, &rcx, 0xffe);
	return (u32)rax;
}

/*
 * A store to a page table, which is carried out, in the last eight bytes: what is read of code behind it is none
 * of the page at 4 GiB, which 32-bit code cannot name.
 */
static void store_at_the_end(u64 *table)
{
	u64 *beyond = entry_of(paging_root, GIB(4), 1), *entry = &table[512 - 2], rax = 0x5a, rcx;

	*(volatile u64 *)ptr(frame[0] + 0xff8) = STORE_CODE;
	*(volatile u64 *)beyond = frame[1] | (LEAF & ~(u64)PTE_A);
	invlpg(GIB(4));
	__asm__ volatile("mov %0, %%ds" : : "r"(SEL_DATA));
	rcx = (uintptr_t)entry;
	run_far(&rax, &rcx, 0xff8);
	check((u32)*entry == 0x5a, "a store before 4 GiB makes %lx", *entry);
	check(!(*(volatile u64 *)beyond & PTE_A),
	      "a store before 4 GiB has used the page behind it");
	*(volatile u64 *)entry = 0;
	*(volatile u64 *)beyond = 0;
	invlpg(GIB(4));
}

void test_wrap(void)
{
	u64 *last = entry_of(paging_root, LAST_PAGE, 1);
	struct gdt_pointer old, own = {sizeof(own_gdt) - 1, (uintptr_t)own_gdt};
	volatile u8 *first_byte = ptr(0);
	u64 *first = entry_of(paging_root, 0, 2);
	u8 was = *first_byte;
	u32 got;

	if (!notrap_present())
		return;
	__asm__ volatile("sgdt %0" : "=m"(old));
	for (u32 i = 0; i <= old.limit / 8u; i++)
		own_gdt[i] = ((u64 *)ptr(old.base))[i];
	own_gdt[SEL_COMPAT / 8] = CODE_32;
	__asm__ volatile("lgdt %0" : : "m"(own));

	*(volatile u64 *)last = frame[0] | LEAF;
	invlpg(LAST_PAGE);
	*first_byte = RETF_CODE;
	got = run_to_the_end(0, CPUID_CODE);
	check(got == cpuid(0, 0).eax, "CPUID before 4 GiB says %x", got);
	/* No exit there, but at the fetch that follows: Bochs has gone on to 4 GiB. */
	*(volatile u64 *)first &= ~(u64)PTE_A;
	invlpg(0);
	got = run_to_the_end(1, XOR_CODE);
	check(!got, "XOR before 4 GiB makes %x", got);

	store_at_the_end(ptr(ALIGN_DOWN((uintptr_t)last, PAGE_SIZE)));

	*first_byte = was;
	*(volatile u64 *)last = 0;
	invlpg(LAST_PAGE);
	__asm__ volatile("lgdt %0" : : "m"(old));
}
