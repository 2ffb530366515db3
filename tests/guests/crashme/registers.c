/* SPDX-License-Identifier: MIT */
/* The registers that a stream starts with and ends with, and its breakpoints. */
#include "tests/guests/crashme/crashme.h"

#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"

#define RFLAGS_STATUS (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)
#define RFLAGS_IOPL_3 (3 << 12)

/* A breakpoint's field in DR7, R/W and LEN: SDM vol. 3B 18.2.4. */
enum { RW_EXECUTE, RW_WRITE, RW_IO, RW_ACCESS };
enum { LEN_1 = 0 << 2, LEN_2 = 1 << 2, LEN_8 = 2 << 2, LEN_4 = 3 << 2 };

static u64 cold_page(void)
{
	return pick(16) * PAGE_SIZE;
}

/* The bases of memory operands: general.c's random_base(). */
static void set_pointers(u64 *gpr)
{
	static const u64 pages[] = {DATA_VA, RO_VA, KERNEL_VA, STACK_VA - 8, DATA_VA + 8};

	for (u32 i = SI; i <= DI; i++) {
		gpr[i] = pick(4) ? DATA_VA : pages[pick(ARRAY_SIZE(pages))];
		gpr[i] += pick(32) * 8;
	}
	gpr[CX] = pick(6);
	if (stream.compat) {
		if (stream.table)
			gpr[BX] = pick(8) ? TABLE_VA : UPPER_VA;
		else
			gpr[BX] = COLD_VA + pick(4) * PAGE_SIZE;
		gpr[BP] = DATA_VA;
		gpr[DX] = stream.cold ? COLD_VA + cold_page() : TABLE_VA;
	}
	gpr[8] = stream.table ? TABLE_VA : COLD_VA + cold_page();
	if (stream.cold) {
		gpr[9] = pick(4) ? COLD_VA : FAR_VA;
		gpr[9] += cold_page();
	} else {
		gpr[9] = pick(4) ? TABLE_VA : UPPER_VA;
	}
	gpr[10] = DATA_VA;
	gpr[11] = pages[pick(ARRAY_SIZE(pages))];
}

static u64 random_rsp(void)
{
	u64 rsp = STACK_VA + PAGE_SIZE / 2;

	if (!pick(4) && stream.table)
		rsp = TABLE_VA + PAGE_SIZE / 2 + pick(16) * 8;
	if (!pick(8) && stream.cold)
		rsp = COLD_VA + PAGE_SIZE / 2;
	return rsp;
}

static u64 random_rflags(void)
{
	u64 rflags = RFLAGS_FIXED | (rnd() & RFLAGS_STATUS);

	if (!pick(3) && stream.steps)
		rflags |= RFLAGS_TF;
	if (!pick(6))
		rflags |= RFLAGS_DF;
	if (!pick(4))
		rflags |= RFLAGS_AC;
	if (!pick(3))
		rflags |= RFLAGS_IF;
	if (stream.user && pick(2))
		rflags |= RFLAGS_IOPL_3;
	return rflags;
}

void registers_set(struct registers *r)
{
	for (u32 i = 0; i < ARRAY_SIZE(r->gpr); i++)
		r->gpr[i] = random_value();
	set_pointers(r->gpr);
	r->rsp = random_rsp();
	r->rflags = random_rflags();
	segments_set(r);
}

void registers_show(const struct registers *r)
{
	print("say: rip %lx rsp %lx rflags %lx\n", r->rip, r->rsp, r->rflags);
	for (u32 i = 0; i < ARRAY_SIZE(r->gpr); i++)
		print("say: r%u %lx%s", i, r->gpr[i], i % 4 == 3 ? "\n" : " ");
}

void registers_note(void)
{
	const struct frame *f = &outcome.last;
	const u64 regs[] = {f->rax, f->rcx, f->rdx, f->rbx, f->rbp, f->rsi, f->rdi, f->r8,
			    f->r9,  f->r10, f->r11, f->r12, f->r13, f->r14, f->r15};
	/* What compatibility mode leaves in the others and in the upper halves is undefined. */
	u64 mask = stream.compat ? 0xffffffff : ~0ULL;

	for (u32 i = 0; i < (stream.compat ? 7 : ARRAY_SIZE(regs)); i++) {
		note(regs[i] & mask);
		if (stream.say)
			print("say: end %u %lx\n", i, regs[i] & mask);
	}
}

/* Where a breakpoint is, and its field. */
static u32 random_breakpoint(u64 *address)
{
	static const u8 kinds[] = {RW_WRITE | LEN_8,  RW_ACCESS | LEN_8, RW_WRITE | LEN_1,
				   RW_ACCESS | LEN_1, RW_ACCESS | LEN_4, RW_WRITE | LEN_4,
				   RW_WRITE | LEN_2,  RW_ACCESS | LEN_2};
	static const u64 pages[] = {TABLE_VA, TABLE_VA, DATA_VA, STACK_VA + 0x7c0, COLD_VA};
	u32 kind = kinds[pick(ARRAY_SIZE(kinds))];

	*address = pages[pick(ARRAY_SIZE(pages))];
	*address += pick(16) * 8;
	if (!pick(3)) {
		*address = stream.starts[pick(stream.nr_starts)];
		return RW_EXECUTE;
	}
	if (!pick(6)) {
		*address = pick(2) ? PORT_KEYBOARD : PORT_POST;
		return RW_IO;
	}
	return kind;
}

void breakpoints_set(void)
{
	u64 address[4], dr7 = DR7_NONE;
	u32 on = pick(3) || !stream.steps ? 0 : 1 + pick(2);

	for (u32 i = 0; i < ARRAY_SIZE(address); i++) {
		u64 field = random_breakpoint(&address[i]);

		/* By its L or its G bit. */
		if (i < on)
			dr7 |= field << (16 + 4 * i) | BIT(2 * i + pick(2));
	}
	__asm__ volatile("mov %0, %%dr0\n\tmov %1, %%dr1\n\tmov %2, %%dr2\n\tmov %3, %%dr3"
			 :
			 : "r"(address[0]), "r"(address[1]), "r"(address[2]), "r"(address[3]));
	if (!stream.user && !pick(12))
		dr7 |= DR7_GD;
	if (stream.say)
		print("say: dr %lx %lx %lx %lx dr7 %lx\n", address[0], address[1], address[2],
		      address[3], dr7);
	__asm__ volatile("mov %0, %%dr7" : : "r"(dr7));
}

void breakpoints_clear(void)
{
	__asm__ volatile("mov %0, %%dr7" : : "r"((u64)DR7_NONE));
	__asm__ volatile("mov %0, %%dr6" : : "r"(DR6_NONE));
	__asm__ volatile("mov %0, %%dr0; mov %0, %%dr1; mov %0, %%dr2; mov %0, %%dr3"
			 :
			 : "r"(0ULL));
}
