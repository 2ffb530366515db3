/* SPDX-License-Identifier: MIT */
/*
 * The differential guest: its lines are the same on the bare machine and under notrap.
 *
 * Command line: seed=N (the first one, default 1), seeds=N (how many, default 1), steps=N (of each,
 * default 1000), mode=64|57 (linear addresses of 48 bits and, where the CPU has them, of 57) in the
 * 64-bit kernel, mode=pae|32 in the 32-bit one (default: both).
 */
#include "tests/guests/differ/differ.h"

#include "arch/string.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/print.h"
#include "guest/builtin/lib/random.h"

#define CHECK_EVERY 128 /* steps between hashes of all tables */

u64 arena, frame[FRAMES];
enum kind kind[FRAMES];
struct format format;
bool has_nx, has_1g, has_smep, has_smap, has_pse36, nxe_on, use_global;
u32 maxphyaddr = 36, root, step_now;

static u64 state, hash;
static bool amd;

u64 rnd(void)
{
	return random_next(&state);
}

u32 pick(u32 n)
{
	return random_below(&state, n);
}

void note(u64 seen)
{
	hash = hash_add(hash, seen);
}

/* Frames lie three pages apart, the odd ones in the upper half. */
int frame_at(u64 pa)
{
	u64 offset = (pa - arena) & ~(PAGE_SIZE - 1);
	u32 page = (u32)(offset & (PAGE_2M - 1)) >> PAGE_SHIFT, half = offset >= PAGE_2M;

	if (pa < arena || offset >= PAGE_4M || page % 3 || page / 3 >= FRAMES / 2)
		return -1;
	return (int)(page / 3 * 2 + half);
}

static void find_features(void)
{
	struct cpuid seven = {0};

	if (cpuid(0, 0).eax >= 7)
		seven = cpuid(7, 0);
	/* "AuthenticAMD": its last four letters. */
	amd = cpuid(0, 0).ecx == 0x444d4163;
	has_nx = cpuid(0x80000001, 0).edx & CPUID_80000001_EDX_NX;
	has_1g = cpuid(0x80000001, 0).edx & CPUID_80000001_EDX_PAGE1GB;
	has_pse36 = cpuid(1, 0).edx & CPUID_1_EDX_PSE36;
	has_smep = seven.ebx & CPUID_7_0_EBX_SMEP;
	has_smap = seven.ebx & CPUID_7_0_EBX_SMAP;
	if (cpuid(0x80000000, 0).eax >= 0x80000008)
		maxphyaddr = cpuid(0x80000008, 0).eax & 0xff;
}

static void start_seed(u32 seed)
{
	write_cr3((reg)paging_root);
	write_cr0(read_cr0() | CR0_WP);
	write_cr4(read_cr4() & ~(CR4_SMEP | CR4_SMAP | CR4_PGE));
	if (IS_32)
		write_cr4(read_cr4() | CR4_PSE);
	else if (has_nx)
		wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
	nxe_on = rdmsr(MSR_EFER) & EFER_NXE;
	state = seed * RANDOM_SEED_FACTOR + 1;
	hash = HASH_START;
	/* AMD's manual has bit 8 reserved in a PML4E, the emulators of its CPUs do not. */
	use_global = seed % 3 == 0 && !(IS_64 && amd);
	for (u32 i = 0; i < FRAMES; i++) {
		kind[i] = i < ROOTS ? KIND_ROOT : i < ROOTS + TABLES ? KIND_TABLE : KIND_DATA;
		memset(ptr(frame[i]), 0, PAGE_SIZE);
		if (kind[i] == KIND_ROOT)
			memcpy(ptr(frame[i]), ptr(paging_root),
			       (format.root_last + 1) * format.entry_bytes);
		else if (kind[i] == KIND_DATA)
			data_init(i);
	}
	root = 0;
	write_cr3((reg)frame[root]);
	for (u32 i = 0; i < 4; i++)
		build_path();
}

static void one_step(void)
{
	u32 what = pick(1000);

	if (what < 600)
		random_access();
	else if (what < 850)
		change_entry();
	else if (what < 880)
		change_bits();
	else if (what < 915)
		change_root();
	else if (what < 940)
		change_registers();
	else if (what < 950)
		change_role();
	else if (what < 960)
		copy_table();
	else if (what < 990)
		build_path();
	else
		burst();
}

static void note_frames(void)
{
	for (u32 f = 0; f < FRAMES; f++) {
		note(kind[f]);
		/* The kernel's own entries tell what its code touched. */
		for (u32 i = kind[f] == KIND_ROOT ? format.root_last + 1 : 0;
		     i < PAGE_SIZE / format.entry_bytes; i++)
			note(entry_at(entry_pa(f, i)));
	}
}

static void one_seed(u32 seed, u32 steps)
{
	start_seed(seed);
	for (step_now = 0; step_now < steps; step_now++) {
		one_step();
		if (step_now % CHECK_EVERY == 0)
			note_frames();
	}
	note_frames();
	print("differ: mode=%s seed=%u steps=%u hash=%016" X64 "\n", format.name, seed, steps,
	      hash);
}

const char *guest_main(void)
{
	u32 seed = guest_option_number("seed", 1), seeds = guest_option_number("seeds", 1);
	u32 steps = guest_option_number("steps", 1000), modes = 0;

	find_features();
	arena = page_alloc(1024, PAGE_4M);
	for (u32 i = 0; i < FRAMES; i++)
		frame[i] = arena + (i % 2) * PAGE_2M + i / 2 * 3 * PAGE_SIZE;
	while (setup_mode(modes)) {
		modes++;
		start_seed(0);
		calibrate();
		for (u32 i = 0; i < seeds; i++)
			one_seed(seed + i, steps);
		setup_end();
	}
	if (!modes)
		return "mode= is none of this kernel's";
	return check_end("differ");
}
