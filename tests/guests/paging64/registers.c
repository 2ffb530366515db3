/* SPDX-License-Identifier: MIT */
/* Registers that a hypervisor shares with its guest, across what makes it run. */
#include "tests/guests/paging64/paging64.h"

static void make_exits(void)
{
	(void)cpuid(0, 0);
	invlpg(VA);
	reload_cr3();
	write_cr4(read_cr4() ^ CR4_PGE);
	write_cr4(read_cr4() ^ CR4_PGE);
	write_cr0(read_cr0() ^ CR0_WP);
	write_cr0(read_cr0() ^ CR0_WP);
}

static void cr2(void)
{
	static const u64 values[] = {0, 0x123456789abcdef, ~0ULL, 0xffff800000000000};

	for (u32 i = 0; i < ARRAY_SIZE(values); i++) {
		write_cr2(values[i]);
		/* A page to be looked up, and a table entry to be written, without a guest's fault. */
		*(volatile u64 *)e[1] = frame[i] | LEAF;
		make_exits();
		*(volatile u64 *)ptr(VA) = PROBE_FETCH_CODE;
		check(read_cr2() == values[i], "CR2 reads %lx, not %lx", read_cr2(), values[i]);
	}
}

/* All general registers keep their values over exits of several kinds, and flags too. */
static void general_registers(void)
{
	u64 sum, want = 0, flags;

	*(volatile u64 *)e[1] = frame[0] | PTE_P | PTE_W;
	invlpg(VA);
	for (u64 i = 1; i <= 11; i++)
		want += i * 0x0101010101010101;
	__asm__ volatile("mov %[one], %%rax\n\t"
			 "lea (%%rax,%%rax), %%rbx\n\t"
			 "lea (%%rbx,%%rax), %%rcx\n\t"
			 "lea (%%rcx,%%rax), %%rdx\n\t"
			 "lea (%%rdx,%%rax), %%r8\n\t"
			 "lea (%%r8,%%rax), %%r9\n\t"
			 "lea (%%r9,%%rax), %%r10\n\t"
			 "lea (%%r10,%%rax), %%r11\n\t"
			 "lea (%%r11,%%rax), %%r12\n\t"
			 "lea (%%r12,%%rax), %%r13\n\t"
			 "lea (%%r13,%%rax), %%r14\n\t"
			 "stc\n\t"
			 "incq 8(%%rsi)\n\t" /* fills the page in, sets A and D */
			 "stc\n\t"
			 "invlpg (%%rsi)\n\t"
			 "decq 8(%%rsi)\n\t"
			 "mov %%cr3, %%r15\n\t"
			 "stc\n\t"
			 "mov %%r15, %%cr3\n\t"
			 "pushfq\n\t"
			 "pop %%r15\n\t"
			 "add %%rbx, %%rax\n\t"
			 "add %%rcx, %%rax\n\t"
			 "add %%rdx, %%rax\n\t"
			 "add %%r8, %%rax\n\t"
			 "add %%r9, %%rax\n\t"
			 "add %%r10, %%rax\n\t"
			 "add %%r11, %%rax\n\t"
			 "add %%r12, %%rax\n\t"
			 "add %%r13, %%rax\n\t"
			 "add %%r14, %%rax\n\t"
			 : "=&a"(sum)
			 : [one] "i"(0x0101010101010101), "S"(VA)
			 : "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
			   "r15", "memory", "cc");
	__asm__ volatile("mov %%r15, %0" : "=r"(flags));
	check(sum == want, "the registers' sum is %lx, not %lx", sum, want);
	check(word_at(VA) == mark(0), "page 0 says %lx", word_at(VA));
}

static void control_registers(void)
{
	reg cr0 = read_cr0(), cr4 = read_cr4(), turned;

	write_cr0(cr0 | CR0_TS);
	check(read_cr0() == (cr0 | CR0_TS), "CR0 reads %lx", read_cr0());
	__asm__ volatile("clts");
	check(read_cr0() == (cr0 & ~CR0_TS), "CR0 after CLTS reads %lx", read_cr0());
	write_cr4(cr4 | CR4_PSE);
	check(read_cr4() == (cr4 | CR4_PSE), "CR4 reads %lx", read_cr4());
	write_cr4(cr4);
	write_cr0(cr0);
	/* A bit that the hypervisor watches, and one that is the CPU's own, in one MOV. */
	turned = (cr0 & ~CR0_NW) ^ (CR0_WP | CR0_CD);
	write_cr0(turned);
	check(read_cr0() == turned, "CR0 reads %lx, not %lx", read_cr0(), turned);
	write_cr0(cr0);
	check(read_cr0() == cr0 && read_cr4() == cr4, "CR0 %lx, CR4 %lx", read_cr0(), read_cr4());
	check(rdmsr(MSR_EFER) & EFER_LMA, "EFER reads %lx", rdmsr(MSR_EFER));
}

void test_registers(void)
{
	fixture_reset();
	cr2();
	fixture_reset();
	general_registers();
	control_registers();
}
