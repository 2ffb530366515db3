/* SPDX-License-Identifier: MIT */
/*
 * What exits by one instruction costs: each in a loop of its own, at a low address as well as at a high one, where
 * kernels are.
 */
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/notrap.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"
#include "guest/builtin/lib/test.h"

#define OPS     64
#define FLAGS   (PTE_P | PTE_W | PTE_A | PTE_D)
#define HIGH    GENMASK(63, 39) /* the last entry of the root, as the first */
#define PAGES   (1ULL << 39)    /* what INVLPG drops */
#define FLOOD   8 /* entries that are written at first, so that their table goes out of sync */
#define NOFLUSH BIT(63)

typedef u64 loop(u64 count, u64 a, u64 b);

loop loop_cpuid, loop_cr3_read, loop_cr3_read_r8, loop_cr3_read_rsp, loop_cr3_write,
	loop_cr3_write_rsp, loop_invlpg, loop_invpcid;
loop loop_write_mov, loop_write_mov_imm, loop_write_xchg, loop_write_and, loop_write_or,
	loop_write_bts, loop_write_btr, loop_write_xadd, loop_write_cmpxchg;

extern void (*const read_all[16])(void);
extern u64 registers_read[16];

static const struct {
	const char *name;
	loop *run;
} writes[] = {
	{"write_mov", loop_write_mov},         {"write_mov_imm", loop_write_mov_imm},
	{"write_xchg", loop_write_xchg},       {"write_and", loop_write_and},
	{"write_or", loop_write_or},           {"write_bts", loop_write_bts},
	{"write_btr", loop_write_btr},         {"write_xadd", loop_write_xadd},
	{"write_cmpxchg", loop_write_cmpxchg},
};

static u64 other_root, pages;

static u64 measure(const char *name, loop *run, u64 offset, u64 a, u64 b)
{
	loop *at = (loop *)ptr((uintptr_t)run + offset);
	u64 before, ticks, value;

	at(2, a, b); /* what the first ones need is there */
	before = notrap_exits();
	ticks = rdtsc();
	value = at(OPS, a, b);
	ticks = rdtsc() - ticks;
	before = notrap_exits() - before - notrap_present();
	print("bench: %s%s ops=%u ticks=%u exits=%u faults=0\n", offset ? "high_" : "", name, OPS,
	      (u32)ticks, (u32)before);
	return value;
}

/* Entries for OPS pages, none of them used after their table went out of sync: each write is free. */
static void measure_invlpg(u64 offset)
{
	u64 *entry = entry_of(paging_root, PAGES, 1);

	for (u32 i = 0; i < OPS; i++)
		entry[i] = pages | FLAGS;
	write_cr3(read_cr3());
	for (u32 i = 0; i < OPS; i++)
		check(*(volatile u64 *)ptr(PAGES + i * PAGE_SIZE) == 1, "page %u is another", i);
	for (u32 i = 0; i < FLOOD; i++)
		entry[511 - i] = 0;
	measure("invlpg", loop_invlpg, offset, (uintptr_t)entry, PAGES);
	for (u32 i = 0; i < OPS; i++)
		expect("a page that is gone", probe(ACCESS_READ, false, PAGES + i * PAGE_SIZE, 0),
		       0, PAGES + i * PAGE_SIZE);
	write_cr3(read_cr3());
}

/* A table in sync, whose page is in use: no number of writes to its entry is a flood. */
static void measure_writes(u64 offset)
{
	u64 *entry = entry_of(paging_root, PAGES, 1);
	u64 *upper = entry_of(paging_root, PAGES, 2);

	*entry = pages | FLAGS;
	for (u32 i = 0; i < ARRAY_SIZE(writes); i++) {
		write_cr3(read_cr3());
		check(*(volatile u64 *)ptr(PAGES) == 1, "the page is another");
		measure(writes[i].name, writes[i].run, offset, (uintptr_t)entry, pages | FLAGS);
		check(*entry == (pages | FLAGS), "%s made %lx of the entry", writes[i].name,
		      *entry);
	}
	measure("write_upper", loop_write_mov, offset, (uintptr_t)upper, *upper);
	*entry = 0;
	write_cr3(read_cr3());
}

static void measure_pcid(u64 offset, u64 root)
{
	const u64 other[2] = {2, PAGES};

	if (!(cpuid(1, 0).ecx & CPUID_1_ECX_PCID))
		return;
	write_cr4(read_cr4() | CR4_PCIDE);
	measure("cr3_pcid", loop_cr3_write, offset, root | 1 | NOFLUSH,
		other_root | 0x801 | NOFLUSH);
	check(read_cr3() == (root | 1), "CR3 is %lx, not %lx", read_cr3(), root | 1);
	if (cpuid(7, 0).ebx & CPUID_7_0_EBX_INVPCID)
		measure("invpcid", loop_invpcid, offset, (uintptr_t)other, 0);
	write_cr3(root);
	write_cr4(read_cr4() & ~CR4_PCIDE);
}

/* Each register, and no other. */
static void read_to_each(u64 offset, u64 root)
{
	for (u32 to = 0; to < 16; to++) {
		void (*read)(void) = (void (*)(void))ptr((uintptr_t)read_all[to] + offset);

		read();
		for (u32 i = 0; i < 16; i++) {
			u64 want = i == to ? root : 0x0101010101010101 * (1 + i);

			check(registers_read[i] == want,
			      "CR3 was read to register %u: register %u is %lx, not %lx", to, i,
			      registers_read[i], want);
		}
	}
}

static void measure_all(u64 offset)
{
	u64 root = read_cr3();

	read_to_each(offset, root);
	measure("cpuid", loop_cpuid, offset, 0, 0);
	check(measure("cr3_read", loop_cr3_read, offset, 0, 0) == root, "CR3 reads otherwise");
	measure("cr3_read_r8", loop_cr3_read_r8, offset, 0, 0);
	check(measure("cr3_read_rsp", loop_cr3_read_rsp, offset, 0, 0) == root,
	      "CR3 reads otherwise to RSP");
	measure("cr3_reload", loop_cr3_write, offset, root, root);
	measure("cr3_switch", loop_cr3_write, offset, root, other_root);
	measure("cr3_switch_rsp", loop_cr3_write_rsp, offset, root, other_root);
	measure_writes(offset);
	measure_invlpg(offset);
	measure_pcid(offset, root);
}

const char *guest_main(void)
{
	u64 *root = ptr(paging_root);
	u64 *other;

	pages = page_alloc(1, PAGE_SIZE);
	*(u64 *)ptr(pages) = 1;
	other_root = page_alloc(2, 2 * PAGE_SIZE);
	if (!(paging_root & PAGE_SIZE))
		other_root += PAGE_SIZE; /* an even page and an odd one, as Linux' two are */
	root[511] = root[0];
	other = ptr(other_root);
	for (u32 i = 0; i < 512; i++)
		other[i] = root[i];
	write_cr3(paging_root);
	measure_all(0);
	measure_all(HIGH);
	return check_end("lanes");
}
