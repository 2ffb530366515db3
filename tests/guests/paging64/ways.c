/* SPDX-License-Identifier: MIT */
/* Instructions that write memory, one function each. */
#include "tests/guests/paging64/ways.h"

#include "guest/builtin/lib/test.h"

#define ASM __asm__ volatile

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

const struct way ways[] = {
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

const u32 nr_ways = ARRAY_SIZE(ways);
