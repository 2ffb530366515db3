/* SPDX-License-Identifier: MIT */
/*
 * Random sequences of instructions that exit and that do not, single-stepped now and then, with
 * breakpoints of every kind, in rings 0 to 2: each exception is noted, where, with which error code, CR2,
 * DR6, TF and RF.
 *
 * seed=N, seeds=N, count=N (sequences of each), nmi=1 (NMIs at every moment; they are counted alone),
 * own=1 (the code sends NMIs, which are noted), each=1 (print each sequence's hash), say=N (print each
 * event of sequence N).
 */
#include "tests/guests/trace/trace.h"

#include "arch/string.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/notrap.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"
#include "guest/builtin/lib/random.h"
#include "guest/builtin/lib/test.h"

#define INSNS      48 /* of a sequence, and those of its last group */
#define INSNS_MAX  (INSNS + 8)
#define EVENTS_MAX (8 * INSNS_MAX)
#define RET        0xc3
#define HLT        0xf4
#define BUFFER     8    /* words at R10; then XSAVE's area: SDM vol. 1 13.4 */
#define XSAVE_AREA 80   /* words, of which the header is from 64 on */
#define RING_CODE  0x40 /* of ring 1; its data, and ring 2's, follow */
#define IOPL       12

/* Flags of a group in pool.asm. */
enum { PAGES = 1, LOADS_SS = 2, NOT_TCG = 4, NMI = 8, HYPERCALL = 16 };

struct steps_registers {
	u64 code, r8, r9, r10, r11, r12, r13, r14, r15, rbp, cs, ss, rflags;
};

extern const u8 pool[];
u64 steps_run(const struct steps_registers *r);

static u64 state, hash, enabled;
static const u8 *groups[128];
static u32 nr_groups, ring;
static const u8 *hypercall;
static u8 code[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static u64 starts[INSNS_MAX + 1];
static u32 nr_starts, noted, nmis, in_nmi, nested;
static u64 buffer[BUFFER + XSAVE_AREA] __attribute__((aligned(64)));
static u16 ss_word __attribute__((aligned(8))) = SEL_DATA;
static bool own_nmis, each, say;
static u32 say_sequence;

static u32 pick(u32 n)
{
	return random_below(&state, n);
}

static void note(u64 seen)
{
	hash = hash_add(hash, seen);
}

static void note_event(const struct frame *f, u64 dr6)
{
	u64 flags = f->rflags & (RFLAGS_TF | RFLAGS_RF | RFLAGS_IF);
	u64 cr2 = f->vector == VEC_PF ? read_cr2() : 0;

	/* See shown_flags() in trace.c; and QEMU's TCG has no RF for faults. */
	if (on_tcg || (f->vector == VEC_DB && *(const u8 *)f->rip == 0xf3))
		flags &= ~(u64)RFLAGS_RF;
	note(f->vector);
	note(f->rip);
	note(f->error);
	note(dr6);
	note(flags);
	note(cr2);
	if (say)
		print("step: vector %lu at %lx error %lx dr6 %lx flags %lx cr2 %lx\n", f->vector,
		      f->rip - ADDR(code), f->error, dr6, flags, cr2);
	if (++noted > EVENTS_MAX)
		guest_fail("one sequence has no end");
}

/* The bit of a breakpoint that is not enabled says nothing: SDM vol. 3B 18.2.3. */
static u64 enabled_dr6(void)
{
	u64 dr6 = read_dr6() & DR6_SHOWN;

	for (u32 i = 0; i < 4; i++)
		if (!(enabled >> (2 * i) & 3))
			dr6 &= ~(u64)BIT(i);
	return dr6;
}

static bool on_step(struct frame *f)
{
	u64 dr6 = f->vector == VEC_DB ? enabled_dr6() : 0;
	bool inside = f->rip - ADDR(code) < PAGE_SIZE;

	note_event(f, dr6);
	if (f->vector == VEC_DB) {
		__asm__ volatile("mov %0, %%dr6" : : "r"(DR6_NONE));
		f->rflags |= RFLAGS_RF;
		if (!inside)
			f->rflags &= ~(u64)RFLAGS_TF;
	} else if (ring && f->rip == starts[nr_starts - 1]) {
		/* The HLT at the end. */
		f->rip = ADDR(call_bail);
		f->cs = SEL_CODE;
		f->ss = SEL_DATA;
		f->rflags = RFLAGS_FIXED;
		f->rsp = ADDR(f);
	} else if (f->vector != VEC_BP && f->vector != VECTOR_INT) {
		/* A fault: the next instruction. */
		for (u32 i = 0; i < nr_starts; i++) {
			if (starts[i] > f->rip) {
				f->rip = starts[i];
				return inside;
			}
		}
		return false;
	}
	return true;
}

static bool on_nmi(struct frame *f)
{
	nmis++;
	nested += in_nmi++ != 0;
	if (own_nmis)
		note_event(f, 0);
	in_nmi--;
	nmi_again();
	return true;
}

static void find_groups(void)
{
	const u8 *p = pool;

	while (*p != 0xff) {
		if (*p == 0) {
			u32 flags = p[1];

			if (!(on_tcg && (flags & NOT_TCG)) && (own_nmis || !(flags & NMI)))
				groups[nr_groups++] = p;
			p += 2;
		} else {
			p += 1 + *p;
		}
	}
}

/* Both emulators of VMX and SVM forget at a #PF that exits what a MOV SS before it has met. */
static const u8 *pick_group(u32 last_flags)
{
	const u8 *group;

	do {
		group = groups[pick(nr_groups)];
	} while ((last_flags & LOADS_SS) && (group[1] & PAGES));
	return group;
}

static void make_sequence(void)
{
	u8 *at = code;
	u32 flags = 0;

	nr_starts = 0;
	while (nr_starts < INSNS) {
		const u8 *p = pick_group(flags);

		flags = p[1];
		for (p += 2; *p && *p != 0xff; p += 1 + *p) {
			starts[nr_starts++] = ADDR(at);
			memcpy(at, (flags & HYPERCALL) && *p == 3 ? hypercall : p + 1, *p);
			at += *p;
		}
	}
	starts[nr_starts++] = ADDR(at);
	*at = ring ? HLT : RET;
	for (u32 i = 0; say && i + 1 < nr_starts; i++) {
		print("step: +%lx:", starts[i] - ADDR(code));
		for (u64 byte = starts[i]; byte < starts[i + 1]; byte++)
			print(" %02x", *(const u8 *)byte);
		print("\n");
	}
}

/* One breakpoint: its address and DR7's four bits for it. */
static u64 random_breakpoint(u32 *kind)
{
	enum { CODE = 0, STORE_8 = 9, ACCESS_8 = 11, ACCESS_2 = 7, PORT = 2 };

	switch (pick(6)) {
	case 0:
		*kind = STORE_8;
		return ADDR(cold_pte + pick(3));
	case 1:
		*kind = ACCESS_8;
		return ADDR(buffer + pick(3));
	case 2:
		*kind = ACCESS_2;
		return ADDR(&ss_word);
	case 3:
		*kind = PORT;
		return pick(2) ? 0x64 : 0x80;
	default:
		*kind = CODE;
		return starts[pick(nr_starts)];
	}
}

static void random_breakpoints(void)
{
	u64 address[4], dr7 = DR7_NONE;
	u32 on = pick(4);

	for (u32 i = 0; i < 4; i++) {
		u32 kind;

		address[i] = random_breakpoint(&kind);
		/* Bochs 2.7 keeps what others have met, and a VM exit makes it a trap. */
		if (i < on)
			dr7 |= (u64)kind << (16 + 4 * i) | BIT(2 * i + pick(2));
	}
	__asm__ volatile("mov %0, %%dr0\n\tmov %1, %%dr1\n\tmov %2, %%dr2\n\tmov %3, %%dr3"
			 :
			 : "r"(address[0]), "r"(address[1]), "r"(address[2]), "r"(address[3]));
	enabled = dr7;
	__asm__ volatile("mov %0, %%dr6\n\tmov %1, %%dr7" : : "r"(DR6_NONE), "r"(dr7));
}

/* VMCALL, VMMCALL, or on the bare machine a NOP that is as long. */
static void choose_hypercall(void)
{
	static const u8 vmcall[] = {0x0f, 0x01, 0xc1}, vmmcall[] = {0x0f, 0x01, 0xd9},
			nop[] = {0x0f, 0x1f, 0x00};

	hypercall = nop;
	if (notrap_present())
		hypercall = notrap_info() & NOTRAP_INFO_SVM ? vmmcall : vmcall;
}

/* Code and data of rings 1 and 2 behind what the library has. */
static void rings_init(void)
{
	extern u64 gdt[];
	static u64 table[RING_CODE / 8 + 4];
	struct __attribute__((packed)) {
		u16 limit;
		u64 base;
	} pointer = {sizeof(table) - 1, ADDR(table)};

	memcpy(table, gdt, RING_CODE);
	for (u64 dpl = 1; dpl <= 2; dpl++) {
		u64 *entry = &table[RING_CODE / 8 + 2 * (dpl - 1)];

		entry[0] = gdt[SEL_CODE / 8] | dpl << 45;
		entry[1] = gdt[SEL_DATA / 8] | dpl << 45;
	}
	__asm__ volatile("lgdt %0" : : "m"(pointer));
}

/* Half of all sequences are the kernel's; the others may use ports, and IF, or not. */
static void random_ring(struct steps_registers *r)
{
	static const u32 of[] = {0, 0, 1, 2};

	ring = of[pick(ARRAY_SIZE(of))];
	r->cs = SEL_CODE;
	r->ss = SEL_DATA;
	if (ring) {
		r->cs = (RING_CODE + 16 * (ring - 1)) | ring;
		r->ss = r->cs + 8;
	}
	r->rflags = RFLAGS_FIXED | (u64)pick(4) << IOPL;
	ss_word = (u16)r->ss;
}

static void one_sequence(struct steps_registers *r)
{
	u64 rax, hidden = PTE_ADDR;

	random_ring(r);
	memset(buffer, 0, sizeof(buffer));
	for (u32 i = 1; i < 8; i++)
		cold_pte[i] = 0;
	*cold_pte = r->r14;
	reload_cr3();
	make_sequence();
	random_breakpoints();
	noted = 0;
	rax = steps_run(r);
	/* Where pages are is another matter under notrap. Only the kernel may INVLPG. */
	if (ring)
		hidden |= PTE_A | PTE_D;
	else
		note(rax & (PAGE_SIZE - 1));
	__asm__ volatile("mov %0, %%dr7" : : "r"((u64)DR7_NONE));
	note(buffer[BUFFER + 64]);
	note(buffer[BUFFER + 65]);
	for (u32 i = 0; i < BUFFER; i++) {
		note(cold_pte[i] & ~hidden);
		note(buffer[i]);
		if (say)
			print("step: entry %lx, buffer %lx\n", cold_pte[i], buffer[i]);
	}
	if (say)
		print("step: rax %lx\n", rax);
}

static void one_seed(u32 seed, u32 count, struct steps_registers *r)
{
	u64 events_seen = 0;

	state = seed * RANDOM_SEED_FACTOR + 1;
	hash = HASH_START;
	for (u32 i = 0; i < count; i++) {
		say = i == say_sequence;
		one_sequence(r);
		events_seen += noted;
		if (each)
			print("step: %u %08x\n", i, (u32)hash);
	}
	print("trace: steps seed=%u: %lu events, hash=%016lx\n", seed, events_seen, hash);
}

void trace_steps(void)
{
	u32 seed = guest_option_number("seed", 1), seeds = guest_option_number("seeds", 1);
	u32 count = guest_option_number("count", 200);
	struct steps_registers r;

	own_nmis = guest_option_number("own", 0);
	each = guest_option_number("each", 0);
	say_sequence = guest_option_number("say", ~0U);
	nmi_init();
	find_groups();
	/* Whether caches are on is another matter under notrap, and the sequences store CR0. */
	write_cr0(read_cr0() & ~(u64)(CR0_CD | CR0_NW));
	/* I/O breakpoints are CR4.DE's. */
	write_cr4(read_cr4() | CR4_DE | (cpuid(1, 0).ecx & BIT(26) ? CR4_OSXSAVE : 0));
	rings_init();
	choose_hypercall();
	r = (struct steps_registers){
		.code = ADDR(code),
		.r8 = ADDR(cold_pte),
		.r9 = COLD_VA,
		.r10 = ADDR(buffer),
		.r11 = ADDR(&ss_word),
		.r12 = read_cr3(),
		.r13 = read_cr4(),
		.r14 = *cold_pte,
		.r15 = read_cr0(),
		.rbp = APIC + ICR_LOW,
	};
	for (u8 vector = 0; vector < VECTORS; vector++)
		exception_handle(vector, vector == VEC_NMI ? on_nmi : on_step);
	if (guest_option_number("nmi", 0))
		nmi_timer(13);
	for (u32 i = 0; i < seeds; i++)
		one_seed(seed + i, count, &r);
	nmi_timer(0);
	print("info: %u NMIs\n", nmis);
	check(nested == 0, "%u NMIs inside the handler of one", nested);
}
