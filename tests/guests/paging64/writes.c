/* SPDX-License-Identifier: MIT */
/*
 * Every kind of instruction that can write a table entry. Each must leave the entry as on any
 * memory, and the walk must follow: from nothing to present without a flush, from one frame to
 * another with one.
 */
#include "arch/string.h"
#include "tests/guests/paging64/paging64.h"

#define ASM  __asm__ volatile
#define SLOT 200 /* the entry to write, of VA's page table */

typedef volatile u64 *entry;

/* Each makes *p be v; `old` is what is there. */
static void by_mov(entry p, u64 old, u64 v)
{
	(void)old;
	ASM("mov %1, %0" : "=m"(*p) : "r"(v));
}

static void by_two_halves(entry p, u64 old, u64 v)
{
	(void)old;
	ASM("movl %1, 4%0\n\tmovl %2, %0" : "+o"(*p) : "r"((u32)(v >> 32)), "r"((u32)v));
}

static void by_bytes(entry p, u64 old, u64 v)
{
	(void)old;
	for (u32 i = 8; i--;)
		ASM("movb %1, %0" : "=m"(((volatile u8 *)p)[i]) : "q"((u8)(v >> 8 * i)));
}

static void by_words(entry p, u64 old, u64 v)
{
	(void)old;
	for (u32 i = 4; i--;)
		ASM("movw %1, %0" : "=m"(((volatile u16 *)p)[i]) : "r"((u16)(v >> 16 * i)));
}

static void by_xchg(entry p, u64 old, u64 v)
{
	u64 got = v;

	ASM("xchg %0, %1" : "+r"(got), "+m"(*p));
	check(got == old, "XCHG returned %lx", got);
}

static void by_cmpxchg(entry p, u64 old, u64 v)
{
	u64 got = old;

	ASM("lock cmpxchg %2, %1" : "+a"(got), "+m"(*p) : "r"(v) : "cc");
	check(got == old, "CMPXCHG returned %lx", got);
	/* One that fails writes back what is there. */
	got = ~v;
	ASM("cmpxchg %2, %1" : "+a"(got), "+m"(*p) : "r"(0UL) : "cc");
	check(got == v, "failed CMPXCHG returned %lx", got);
}

static void by_cmpxchg8b(entry p, u64 old, u64 v)
{
	u32 lo = (u32)old, hi = (u32)(old >> 32);

	ASM("lock cmpxchg8b %2"
	    : "+a"(lo), "+d"(hi), "+m"(*p)
	    : "b"((u32)v), "c"((u32)(v >> 32))
	    : "cc");
	check(lo == (u32)old && hi == (u32)(old >> 32), "CMPXCHG8B returned %x %x", hi, lo);
}

static void by_cmpxchg16b(entry p, u64 old, u64 v)
{
	u64 lo = old, hi = p[1];
	struct {
		u64 word[2];
	} volatile *pair = (void *)p;

	if (!(cpuid(1, 0).ecx & BIT(13)))
		return by_mov(p, old, v);
	ASM("lock cmpxchg16b %2" : "+a"(lo), "+d"(hi), "+m"(*pair) : "b"(v), "c"(p[1]) : "cc");
	check(lo == old, "CMPXCHG16B returned %lx", lo);
}

static void by_xadd(entry p, u64 old, u64 v)
{
	u64 add = v - old;

	ASM("lock xadd %0, %1" : "+r"(add), "+m"(*p) : : "cc");
	check(add == old, "XADD returned %lx", add);
}

static void by_add(entry p, u64 old, u64 v)
{
	ASM("addq %1, %0" : "+m"(*p) : "r"(v - old) : "cc");
}

static void by_sub(entry p, u64 old, u64 v)
{
	ASM("lock subq %1, %0" : "+m"(*p) : "r"(old - v) : "cc");
}

static void by_adc(entry p, u64 old, u64 v)
{
	ASM("stc\n\tadcq %1, %0" : "+m"(*p) : "r"(v - old - 1) : "cc");
}

static void by_sbb(entry p, u64 old, u64 v)
{
	ASM("stc\n\tsbbq %1, %0" : "+m"(*p) : "r"(old - v - 1) : "cc");
}

static void by_xor(entry p, u64 old, u64 v)
{
	ASM("xorq %1, %0" : "+m"(*p) : "r"(old ^ v) : "cc");
}

static void by_and_or(entry p, u64 old, u64 v)
{
	(void)old;
	ASM("andq %1, %0" : "+m"(*p) : "r"(v & ~PTE_P) : "cc");
	ASM("lock orq %1, %0" : "+m"(*p) : "r"(v) : "cc");
}

static void by_not_neg(entry p, u64 old, u64 v)
{
	(void)old;
	ASM("movq %1, %0\n\tnotq %0" : "=m"(*p) : "r"(v));
	ASM("negq %0" : "+m"(*p) : : "cc");
	ASM("decq %0" : "+m"(*p) : : "cc");
}

static void by_inc(entry p, u64 old, u64 v)
{
	(void)old;
	ASM("movq %1, %0\n\tlock incq %0" : "=m"(*p) : "r"(v - 1) : "cc");
}

/* What it is on the way is never present: no flush is owed. */
static void by_shift(entry p, u64 old, u64 v)
{
	(void)old;
	ASM("movq %1, %0\n\trolq $3, %0" : "=m"(*p) : "r"(v >> 3 | v << 61) : "cc");
	ASM("rorq %%cl, %0" : "+m"(*p) : "c"(4) : "cc");
	ASM("shldq $4, %1, %0" : "+m"(*p) : "r"(v << 60) : "cc");
}

/* Bit by bit, by an offset far from the address, as bitmap code does. */
static void by_bits(entry p, u64 old, u64 v)
{
	entry base = p - SLOT;

	for (u64 bit = 63; bit < 64; bit--) {
		u64 offset = SLOT * 64 + bit;

		if (!((old ^ v) & BIT(bit)))
			continue;
		if (bit % 3 == 0)
			ASM("lock btc %1, %0" : "+m"(*base) : "r"(offset) : "cc", "memory");
		else if (v & BIT(bit))
			ASM("lock bts %1, %0" : "+m"(*base) : "r"(offset) : "cc", "memory");
		else
			ASM("btr %1, %0" : "+m"(*base) : "r"(offset) : "cc", "memory");
	}
}

static void by_movnti(entry p, u64 old, u64 v)
{
	(void)old;
	ASM("movnti %1, %0\n\tsfence" : "=m"(*p) : "r"(v));
}

static void by_short_address(entry p, u64 old, u64 v)
{
	(void)old;
	/* The entry's address is below 4 GiB. */
	ASM("movq %1, (%%edi)" : "=m"(*p) : "r"(v), "D"(p));
}

static void by_stos(entry p, u64 old, u64 v)
{
	u64 n = 1;
	entry at = p;

	(void)old;
	ASM("rep stosq" : "+D"(at), "+c"(n), "=m"(*p) : "a"(v));
}

static void by_movs(entry p, u64 old, u64 v)
{
	u64 n = 8;
	entry at = p;
	const u64 *from = &v;

	(void)old;
	ASM("rep movsb" : "+D"(at), "+S"(from), "+c"(n), "=m"(*p) : "m"(v));
}

static void by_push(entry p, u64 old, u64 v)
{
	u64 saved;

	(void)old;
	ASM("mov %%rsp, %0\n\tmov %2, %%rsp\n\tpush %3\n\tmov %0, %%rsp"
	    : "=&r"(saved), "=m"(*p)
	    : "r"(p + 1), "r"(v));
}

static void by_pop(entry p, u64 old, u64 v)
{
	(void)old;
	ASM("push %1\n\tpopq (%0)" : : "r"(p), "r"(v) : "memory");
}

static void by_setcc(entry p, u64 old, u64 v)
{
	(void)old;
	ASM("movq %1, %0" : "=m"(*p) : "r"(v & ~PTE_P));
	if (v & PTE_P)
		ASM("movb %b1, %0\n\tcmp %1, %1\n\tsete %b2\n\torb %b2, %0"
		    : "+m"(*(volatile u8 *)p), "+q"(v), "+q"(old)
		    :
		    : "cc");
}

static void by_sse(entry p, u64 old, u64 v)
{
	u64 pair[2] = {v, p[1]};

	(void)old;
	ASM("movdqu %1, %%xmm0\n\tmovdqu %%xmm0, (%0)" : : "r"(p), "m"(pair) : "memory");
}

static void by_sse_half(entry p, u64 old, u64 v)
{
	(void)old;
	ASM("movq %1, %%xmm1\n\tmovhlps %%xmm1, %%xmm2\n\tmovlhps %%xmm1, %%xmm2\n\tmovhps %%xmm2, %0"
	    : "=m"(*p)
	    : "r"(v));
}

static void by_movntdq(entry p, u64 old, u64 v)
{
	u64 pair[2] __attribute__((aligned(16))) = {v, p[1]};

	(void)old;
	ASM("movdqa %1, %%xmm3\n\tmovntdq %%xmm3, (%0)\n\tsfence" : : "r"(p), "m"(pair) : "memory");
}

static void by_x87(entry p, u64 old, u64 v)
{
	(void)old;
	ASM("fninit\n\tfildll %1\n\tfistpll (%0)" : : "r"(p), "m"(v) : "memory");
}

static const struct {
	const char *name;
	void (*write)(entry p, u64 old, u64 v);
} ways[] = {
	{"MOV", by_mov},
	{"MOV of two halves", by_two_halves},
	{"MOV of bytes", by_bytes},
	{"MOV of words", by_words},
	{"XCHG", by_xchg},
	{"CMPXCHG", by_cmpxchg},
	{"CMPXCHG8B", by_cmpxchg8b},
	{"CMPXCHG16B", by_cmpxchg16b},
	{"XADD", by_xadd},
	{"ADD", by_add},
	{"SUB", by_sub},
	{"ADC", by_adc},
	{"SBB", by_sbb},
	{"XOR", by_xor},
	{"AND, OR", by_and_or},
	{"NOT, NEG, DEC", by_not_neg},
	{"INC", by_inc},
	{"ROL, ROR, SHLD", by_shift},
	{"BTS, BTR, BTC", by_bits},
	{"MOVNTI", by_movnti},
	{"MOV, 32-bit address", by_short_address},
	{"REP STOSQ", by_stos},
	{"REP MOVSB", by_movs},
	{"PUSH", by_push},
	{"POP", by_pop},
	{"SETcc", by_setcc},
	{"MOVDQU", by_sse},
	{"MOVHPS", by_sse_half},
	{"MOVNTDQ", by_movntdq},
	{"FISTP", by_x87},
};

static void one_way(u32 i)
{
	entry p = e[1] + SLOT;
	u64 va = VA + SLOT * PAGE_SIZE, old = 0;
	static const u32 pages[] = {3, 4, 3};

	for (u32 step = 0; step < ARRAY_SIZE(pages) * 2; step++) {
		u64 v = step & 1 ? 0 : frame[pages[step / 2]] | LEAF;

		ways[i].write(p, old, v);
		check(*p == v, "%s: %lx, not %lx", ways[i].name, *p, v);
		if (step & 1) {
			invlpg(va);
			expect(ways[i].name, sread(va), 0, va);
		} else {
			expect(ways[i].name, sread(va), NO_FAULT, va);
			check(word_at(va) == mark(pages[step / 2]), "%s: wrong page", ways[i].name);
		}
		old = *p;
	}
	/* From one frame straight to another. */
	ways[i].write(p, old, frame[5] | LEAF);
	expect(ways[i].name, sread(va), NO_FAULT, va);
	old = *p;
	ways[i].write(p, old, frame[6] | LEAF);
	invlpg(va);
	expect(ways[i].name, sread(va), NO_FAULT, va);
	check(word_at(va) == mark(6), "%s: still the old page", ways[i].name);
	check(p[1] == 0 && p[-1] == 0, "%s: a neighbour has changed", ways[i].name);
	*p = 0;
	invlpg(va);
}

/* One store that changes parts of two entries, in one table and over the edge of two. */
static void straddle(void)
{
	u64 tables = page_alloc(2, PAGE_SIZE), at[2] = {300, 511};

	fixture_reset();
	e[2][5] = tables | UPPER;
	e[2][6] = (tables + PAGE_SIZE) | UPPER;
	for (u32 i = 0; i < 2; i++) {
		volatile u64 *pte = (u64 *)ptr(tables) + at[i];
		u64 va = VA + 5 * PAGE_2M + at[i] * PAGE_SIZE;

		pte[0] = frame[1] | LEAF;
		pte[1] = frame[2] | LEAF;
		expect("before", sread(va), NO_FAULT, va);
		expect("before", sread(va + PAGE_SIZE), NO_FAULT, va + PAGE_SIZE);
		/* Frames are below 4 GiB: the upper half of the first, the lower of the second. */
		*(volatile u64 *)((uintptr_t)pte + 4) =
			(has_nx ? PTE_NX >> 32 : 0) | (frame[3] | PTE_P) << 32;
		invlpg(va);
		invlpg(va + PAGE_SIZE);
		check(pte[0] == (frame[1] | LEAF | (has_nx ? PTE_NX : 0)), "first entry %lx",
		      pte[0]);
		check(pte[1] == (frame[3] | PTE_P), "second entry %lx", pte[1]);
		if (has_nx)
			expect("NX", sfetch(va), PFEC_P | PFEC_I, va);
		check(word_at(va + PAGE_SIZE) == mark(3), "second page says %lx",
		      word_at(va + PAGE_SIZE));
		expect("read-only", swrite(va + PAGE_SIZE), PFEC_P | PFEC_W, va + PAGE_SIZE + 16);
		/* Take both away by it. */
		pte[0] = frame[1];
		*(volatile u64 *)((uintptr_t)pte + 1) = 0;
		pte[1] = 0;
		invlpg(va);
		invlpg(va + PAGE_SIZE);
		expect("cleared", sread(va), 0, va);
		*(volatile u64 *)((uintptr_t)pte + 4) = (frame[4] | LEAF) << 32;
		expect("set by half", sread(va + PAGE_SIZE), NO_FAULT, va + PAGE_SIZE);
		check(word_at(va + PAGE_SIZE) == mark(4), "set by half: %lx",
		      word_at(va + PAGE_SIZE));
	}
}

/* Many entries by one string instruction, both ways, and over the end of the table. */
static void strings(void)
{
	u64 source[64];
	u64 *at = e[1] + 220, n = 64, *from = source;

	fixture_reset();
	for (u32 i = 0; i < 64; i++)
		source[i] = i % 3 ? frame[i % FRAMES] | LEAF : 0;
	ASM("rep movsq" : "+D"(at), "+S"(from), "+c"(n) : : "memory");
	for (u32 i = 0; i < 64; i++) {
		u64 va = VA + (220 + i) * PAGE_SIZE;

		expect("REP MOVSQ", sread(va), i % 3 ? NO_FAULT : 0, va);
	}
	/* Backwards, one entry down. */
	at = e[1] + 283;
	from = e[1] + 282;
	n = 63;
	ASM("std\n\trep movsq\n\tcld" : "+D"(at), "+S"(from), "+c"(n) : : "memory");
	reload_cr3();
	for (u32 i = 1; i < 64; i++) {
		u64 va = VA + (220 + i) * PAGE_SIZE;

		expect("REP MOVSQ, down", sread(va), (i - 1) % 3 ? NO_FAULT : 0, va);
	}
	at = e[1] + 220;
	n = 64;
	ASM("rep stosq" : "+D"(at), "+c"(n) : "a"(0UL) : "memory");
	reload_cr3();
	for (u32 i = 0; i < 64; i++)
		expect("REP STOSQ", sread(VA + (220 + i) * PAGE_SIZE), 0,
		       VA + (220 + i) * PAGE_SIZE);
}

/* A table's page that holds other data too, and a stack. */
static void mixed_page(void)
{
	volatile u64 *counter = e[1] + 500;

	fixture_reset();
	for (u32 i = 0; i < 100; i++) {
		*counter += 2;
		e[1][400] = frame[i % 4] | LEAF;
		invlpg(VA + 400 * PAGE_SIZE);
		check(word_at(VA + 400 * PAGE_SIZE) == mark(i % 4), "beside a counter, turn %u", i);
	}
	check(*counter == 200, "the counter says %lu", *counter);
	*counter = 0;
}

void test_writes(void)
{
	reg cr0 = read_cr0();

	write_cr0((cr0 & ~(CR0_EM | CR0_TS)) | CR0_MP);
	write_cr4(read_cr4() | CR4_OSFXSR);
	fixture_reset();
	for (u32 i = 0; i < ARRAY_SIZE(ways); i++)
		one_way(i);
	straddle();
	strings();
	mixed_page();
	write_cr0(cr0);
}
