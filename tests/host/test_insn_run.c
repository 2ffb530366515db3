/* SPDX-License-Identifier: MIT */
/*
 * The instruction executor against the CPU itself: random instructions with random operands run
 * here, on a page of their own, and in insn_run(); memory, registers and flags must come out alike.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/host/insn_forms.h"

#define FLAGS_ARITH 0x8d5ULL /* OF SF ZF AF PF CF */
#define FLAG_CF     0x001ULL
#define FLAG_AF     0x010ULL
#define FLAG_ZF     0x040ULL
#define FLAG_DF     0x400ULL

#define GS_BASE     0x12345ULL
#define ARCH_SET_GS 0x1001

/* What native_run loads and stores; the names that its assembly knows. */
struct native {
	u64 gpr[16];
	u64 rflags;
};

struct native native_in, native_out;
u64 native_stack;
const u8 *native_code;

/* Run the code at native_code, which ends in a jump to native_back, with native_in's registers. */
void native_run(void);
void native_back(void);

__asm__(".text\n"
	"native_run:\n"
	"	push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
	"	mov %rsp, native_stack(%rip)\n"
	"	push native_in+128(%rip)\n popfq\n"
	"	mov native_in+0(%rip), %rax\n mov native_in+8(%rip), %rcx\n"
	"	mov native_in+16(%rip), %rdx\n mov native_in+24(%rip), %rbx\n"
	"	mov native_in+32(%rip), %rsp\n mov native_in+40(%rip), %rbp\n"
	"	mov native_in+48(%rip), %rsi\n mov native_in+56(%rip), %rdi\n"
	"	mov native_in+64(%rip), %r8\n mov native_in+72(%rip), %r9\n"
	"	mov native_in+80(%rip), %r10\n mov native_in+88(%rip), %r11\n"
	"	mov native_in+96(%rip), %r12\n mov native_in+104(%rip), %r13\n"
	"	mov native_in+112(%rip), %r14\n mov native_in+120(%rip), %r15\n"
	"	jmp *native_code(%rip)\n"
	"native_back:\n"
	"	mov %rax, native_out+0(%rip)\n mov %rcx, native_out+8(%rip)\n"
	"	mov %rdx, native_out+16(%rip)\n mov %rbx, native_out+24(%rip)\n"
	"	mov %rsp, native_out+32(%rip)\n mov %rbp, native_out+40(%rip)\n"
	"	mov %rsi, native_out+48(%rip)\n mov %rdi, native_out+56(%rip)\n"
	"	mov %r8, native_out+64(%rip)\n mov %r9, native_out+72(%rip)\n"
	"	mov %r10, native_out+80(%rip)\n mov %r11, native_out+88(%rip)\n"
	"	mov %r12, native_out+96(%rip)\n mov %r13, native_out+104(%rip)\n"
	"	mov %r14, native_out+112(%rip)\n mov %r15, native_out+120(%rip)\n"
	"	mov native_stack(%rip), %rsp\n"
	"	pushfq\n pop native_out+128(%rip)\n"
	"	cld\n"
	"	pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
	"	ret\n");

/* Below 4G, so that 32-bit addresses reach it: code, then a page of data between two guards. */
static u8 *arena;
#define CODE (arena)
#define DATA (arena + 2 * PAGE_SIZE)

static const u64 seg_base[INSN_NR_SEGS] = {[5] = GS_BASE};

/* The operand is somewhere in the middle of the page; strings move a few elements either way. */
static u64 random_target(u64 *seed)
{
	return (u64)DATA + 256 + insn_random(seed) % (PAGE_SIZE - 512);
}

struct trial {
	u8 bytes[32];
	u32 len; /* as built, operands included */
	u32 modrm, disp;
	struct insn in;
	u64 gpr[16], rflags;
	u8 data[PAGE_SIZE];
};

/* Random prefixes and operands for a form of 64-bit code. Bytes after the operands are random. */
static void build(struct trial *t, const struct insn_form *form, u64 *seed)
{
	u64 r = insn_random(seed);
	u32 len = 0;

	for (u32 i = 0; i < sizeof(t->bytes); i++)
		t->bytes[i] = (u8)insn_random(seed);
	if (!form->no_prefix && r & 1)
		t->bytes[len++] = 0x66;
	if ((r & 6) == 6)
		t->bytes[len++] = 0x67;
	if ((r & 0x18) == 0x18)
		t->bytes[len++] = 0x65;
	if (form->lock && r & 0x20)
		t->bytes[len++] = 0xf0;
	if (form->reg == FORM_STRING && r & 0x40)
		t->bytes[len++] = r & 0x80 ? 0xf2 : 0xf3;
	if (r & 0x100)
		t->bytes[len++] = 0x40 | (r >> 12 & 15);
	if (form->two_byte)
		t->bytes[len++] = 0x0f;
	t->bytes[len++] = form->opcode;

	t->modrm = len;
	if (form->reg < FORM_STRING) {
		u8 modrm = (r >> 16 & 0xff) % 0xc0;

		t->bytes[len] = form->reg == FORM_REG ? modrm : (modrm & 0xc7) | form->reg << 3;
	}
}

/* Where ModRM's displacement is, when it has four bytes. */
static u32 disp_offset(const struct trial *t)
{
	u8 modrm = t->bytes[t->modrm];

	return t->modrm + ((modrm & 7) == 4 ? 2 : 1);
}

static u64 gva(const struct trial *t)
{
	return insn_gva(&t->in, t->gpr, seg_base, (u64)CODE);
}

/* Make the destination `target`, by the base register, the index or the displacement. */
static bool aim(struct trial *t, const struct insn_form *form, u64 target)
{
	const struct insn_mem *mem = &t->in.mem;
	u64 delta = target - gva(t);
	s32 disp;

	if (form->reg == FORM_MOFFS) {
		u64 moffs = (u64)mem->disp + delta;

		memcpy(t->bytes + t->modrm, &moffs, mem->addrsize);
	} else if (mem->base < 16) {
		t->gpr[mem->base] += delta;
	} else if (mem->index < 16 && mem->scale == 1) {
		t->gpr[mem->index] += delta;
	} else {
		disp = (s32)(u32)((u64)mem->disp + delta);
		memcpy(t->bytes + disp_offset(t), &disp, sizeof(disp));
	}
	if (insn_decode(t->bytes, sizeof(t->bytes), INSN_64, &t->in))
		return false;
	/* The base may be the index too, or the bit offset; a displacement may be out of reach. */
	return gva(t) == target;
}

/* Random registers, such that comparisons are often equal. */
static bool set_operands(struct trial *t, const struct insn_form *form, u64 *seed)
{
	u64 target = random_target(seed), *gpr = t->gpr, r;

	for (u32 i = 0; i < 16; i++) {
		r = insn_random(seed);
		/* Small, negative and extreme values carry and overflow more often. */
		gpr[i] = r & 3 ? insn_random(seed) : (u64)(s64)(s32)(r >> 32) >> (r >> 8 & 63);
	}
	for (u32 i = 0; i < PAGE_SIZE; i++)
		t->data[i] = (u8)insn_random(seed);
	t->rflags = 0x202 | (insn_random(seed) & (FLAGS_ARITH | FLAG_DF));

	if (t->in.op == INSN_CMPXCHG_PAIR && t->in.opsize == 16)
		target &= ~15ULL;
	if (t->in.op == INSN_STOS || t->in.op == INSN_MOVS) {
		u64 mask = t->in.mem.addrsize == 4 ? 0xffffffff : ~0ULL;
		u64 src = random_target(seed) - (t->in.src.seg == 5 ? GS_BASE : 0);

		/* With ECX = 0 some CPUs clear the upper halves, others do not. */
		gpr[1] = (gpr[1] & ~mask) | (insn_random(seed) % 6 + (mask >> 32 == 0));
		gpr[6] = (gpr[6] & ~mask) | src;
	}
	if (!aim(t, form, target))
		return false;

	u8 *old = t->data + (target - (u64)DATA);

	r = insn_random(seed);
	if (t->in.op == INSN_CMPXCHG && r & 1)
		memcpy(old, &gpr[0], t->in.opsize);
	if (t->in.op == INSN_CMPXCHG_PAIR) {
		if (r & 3)
			memcpy(old, &gpr[0], t->in.opsize / 2);
		if (r & 12)
			memcpy(old + t->in.opsize / 2, &gpr[2], t->in.opsize / 2);
	}
	return true;
}

/* Give the CPU the instruction, and after it a jump back. */
static void run_natively(struct trial *t)
{
	static const u8 jmp[6] = {0xff, 0x25};
	void (*back)(void) = native_back;

	memcpy(CODE, t->bytes, t->in.len);
	memcpy(CODE + t->in.len, jmp, sizeof(jmp));
	memcpy(CODE + t->in.len + sizeof(jmp), &back, sizeof(back));
	memcpy(DATA, t->data, PAGE_SIZE);
	memcpy(native_in.gpr, t->gpr, sizeof(t->gpr));
	native_in.rflags = t->rflags;
	native_code = CODE;
	native_run();
}

/* Carry the instruction out on t. Returns how many elements a string instruction stored. */
static u32 run_in_software(struct trial *t)
{
	u64 rip = (u64)CODE;
	u32 stores = 0;

	while (rip == (u64)CODE) {
		u64 old[2] = {0}, src = 0;
		struct insn_effect effect;
		u8 *dst = t->data + (gva(t) - (u64)DATA);

		assert_in_range(gva(t), (u64)DATA, (u64)DATA + PAGE_SIZE - 16);
		memcpy(old, dst, sizeof(old));
		if (t->in.op == INSN_MOVS) {
			u64 from = insn_mem_gva(&t->in.src, t->gpr, seg_base, 0);

			assert_in_range(from, (u64)DATA, (u64)DATA + PAGE_SIZE - 16);
			memcpy(&src, t->data + (from - (u64)DATA), sizeof(src));
		}
		insn_run(&t->in, t->gpr, t->rflags, rip, old, src, &effect);
		if (effect.write)
			memcpy(dst, effect.value, t->in.opsize);
		stores += effect.write;
		insn_commit(&effect, t->gpr, &t->rflags, &rip);
	}
	assert_int_equal(rip, (u64)CODE + t->in.len);
	return stores;
}

/* The flags that the manuals define after it, and DF. */
static u64 defined_flags(enum insn_op op)
{
	switch (op) {
	case INSN_AND:
	case INSN_OR:
	case INSN_XOR:
		return FLAG_DF | (FLAGS_ARITH & ~FLAG_AF);
	case INSN_BTS:
	case INSN_BTR:
	case INSN_BTC:
		return FLAG_DF | FLAG_CF | FLAG_ZF;
	default:
		return FLAG_DF | FLAGS_ARITH;
	}
}

static void differ(const struct trial *t, const char *what, u32 nr, u64 ours, u64 cpu)
{
	for (u32 i = 0; i < t->in.len; i++)
		fprintf(stderr, "%02x ", t->bytes[i]);
	fail_msg("%s %u: %#lx, the CPU's %#lx", what, nr, ours, cpu);
}

static void compare(const struct trial *t)
{
	u64 flags = defined_flags(t->in.op);

	for (u32 i = 0; i < 16; i++) {
		if (t->gpr[i] != native_out.gpr[i])
			differ(t, "register", i, t->gpr[i], native_out.gpr[i]);
	}
	if ((t->rflags ^ native_out.rflags) & flags)
		differ(t, "flags", 0, t->rflags & flags, native_out.rflags & flags);
	for (u32 i = 0; i < PAGE_SIZE; i++) {
		if (t->data[i] != DATA[i])
			differ(t, "byte", i, t->data[i], DATA[i]);
	}
}

static void test_like_the_cpu(void **state)
{
	static u32 ran[INSN_BTC + 1];
	u64 seed = 0x5eed0f1a57;
	(void)state;

	for (u32 n = 0; n < 2000 * ARRAY_SIZE(insn_forms); n++) {
		const struct insn_form *form = &insn_forms[n % ARRAY_SIZE(insn_forms)];
		static struct trial t;

		if (form->legacy)
			continue;
		build(&t, form, &seed);
		if (insn_decode(t.bytes, sizeof(t.bytes), INSN_64, &t.in))
			continue; /* longer than 15 bytes */
		if (!set_operands(&t, form, &seed))
			continue;
		run_natively(&t);
		run_in_software(&t);
		compare(&t);
		ran[t.in.op]++;
	}
	/* Each operation has run often, not thinned out by the conditions above. */
	for (u32 op = INSN_MOV; op <= INSN_BTC; op++)
		assert_true(ran[op] > 500);
}

/* With REX.B too, mod = 0 and a SIB base of 5 mean no base at all, whatever the address size. */
static void test_no_base_with_rex_b(void **state)
{
	static const u8 insn[] = {0x67, 0x41, 0xc7, 0x04, 0x25, 0, 0, 0, 0, 1, 2, 3, 4};
	static struct trial t;
	(void)state;

	for (u32 skip = 0; skip < 2; skip++) {
		u32 address = (u32)(u64)(DATA + 8);

		memset(&t, 0, sizeof(t));
		memcpy(t.bytes, insn + skip, sizeof(insn) - skip);
		memcpy(t.bytes + 5 - skip, &address, sizeof(address));
		t.gpr[13] = 0x100;
		t.rflags = 0x202;
		assert_int_equal(insn_decode(t.bytes, sizeof(t.bytes), INSN_64, &t.in), 0);
		run_natively(&t);
		assert_int_equal(run_in_software(&t), 1);
		compare(&t);
		assert_int_equal(DATA[8], 1);
	}
}

/* RF lasts through the elements of a string and is gone when the instruction is complete. */
static void test_rf_and_rip(void **state)
{
	static const u8 rep_stosb[] = {0xf3, 0xaa}, nop_mov[] = {0x89, 0x00};
	u64 gpr[16] = {[1] = 2}, rflags = 0x10002, rip = 0xfffffffe, old[2] = {0};
	struct insn_effect effect;
	struct insn in;
	(void)state;

	assert_int_equal(insn_decode(rep_stosb, sizeof(rep_stosb), INSN_64, &in), 0);
	insn_run(&in, gpr, rflags, rip, old, 0, &effect);
	insn_commit(&effect, gpr, &rflags, &rip);
	assert_int_equal(rip, 0xfffffffe);
	assert_int_equal(rflags, 0x10002);
	insn_run(&in, gpr, rflags, rip, old, 0, &effect);
	insn_commit(&effect, gpr, &rflags, &rip);
	assert_int_equal(rip, 0x100000000);
	assert_int_equal(rflags, 0x2);

	/* In 32-bit code RIP has 32 bits. */
	assert_int_equal(insn_decode(nop_mov, sizeof(nop_mov), INSN_32, &in), 0);
	insn_run(&in, gpr, rflags, 0xfffffffe, old, 0, &effect);
	assert_int_equal(effect.rip, 0);
}

/* 16-bit addresses: CX, SI and DI wrap alone, what is above them stays. */
static void test_string_16(void **state)
{
	static const u8 rep_movsw[] = {0xf3, 0xa5};
	u64 gpr[16] = {[1] = 0xabcd0001, [6] = 0x12340000, [7] = 0x5678fffe};
	u64 rflags = 2, rip = 0x100, old[2] = {0};
	struct insn_effect effect;
	struct insn in;
	(void)state;

	assert_int_equal(insn_decode(rep_movsw, sizeof(rep_movsw), INSN_16, &in), 0);
	insn_run(&in, gpr, rflags, rip, old, 0x11223344, &effect);
	assert_true(effect.write);
	assert_int_equal(effect.value[0], 0x3344);
	insn_commit(&effect, gpr, &rflags, &rip);
	assert_int_equal(gpr[1], 0xabcd0000);
	assert_int_equal(gpr[6], 0x12340002);
	assert_int_equal(gpr[7], 0x56780000);
	assert_int_equal(rip, 0x102);

	insn_run(&in, gpr, rflags, 0x100, old, 0, &effect);
	assert_false(effect.write);
	assert_int_equal(effect.gprs, 0);
	assert_int_equal(effect.rip, 0x102);
}

static int map_arena(void **state)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT;
	(void)state;

	arena = mmap(NULL, 4 * PAGE_SIZE, PROT_NONE, flags, -1, 0);
	if (arena == MAP_FAILED || mprotect(CODE, PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC) ||
	    mprotect(DATA, PAGE_SIZE, PROT_READ | PROT_WRITE))
		return -1;
	return (int)syscall(SYS_arch_prctl, ARCH_SET_GS, GS_BASE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_like_the_cpu),
		cmocka_unit_test(test_no_base_with_rex_b),
		cmocka_unit_test(test_rf_and_rip),
		cmocka_unit_test(test_string_16),
	};

	return cmocka_run_group_tests(tests, map_arena, NULL);
}
