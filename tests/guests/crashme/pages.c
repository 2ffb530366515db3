/* SPDX-License-Identifier: MIT */
/* The pages of a stream: windows, frames, and the tables that it may write. */
#include "tests/guests/crashme/crashme.h"

#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"

#define RIGHTS      (PTE_P | PTE_W | PTE_U | PTE_A | PTE_D)
#define SUPERVISOR  (RIGHTS & ~PTE_U)
#define RESERVED    (1ULL << 50) /* no CPU here has as many physical-address bits */
#define COLD_PAGES  16
#define COLD_FRAMES 4

/* The place of each window's frames. */
enum { DATA = 0, RO = 2, KERNEL = 3, STACK = 5, NOTED = 6, CODE = 8, FRAMES = 12 };

static u64 table[TABLE_ENTRIES] __attribute__((aligned(PAGE_SIZE)));
static u64 upper[TABLE_ENTRIES] __attribute__((aligned(PAGE_SIZE)));
static u64 frames[FRAMES][PAGE_SIZE / 8] __attribute__((aligned(PAGE_SIZE)));
static u64 cold_frames[COLD_FRAMES][PAGE_SIZE / 8] __attribute__((aligned(PAGE_SIZE)));
static u64 *code_second; /* the entry of the code's second page */

u8 *pages_code(void)
{
	return (u8 *)frames[CODE];
}

u64 pages_cold_frame(u32 n)
{
	return ADDR(cold_frames[n]);
}

static void map(u64 va, u64 pa, u64 flags)
{
	*entry_of(paging_root, va, 1) = pa | flags;
}

/*
 * A random address must not find on the bare machine what is the hypervisor's memory under notrap, and
 * not RAM to the guest: nothing above this kernel and its tables stays mapped.
 */
static void unmap_ram(void)
{
	u64 first = ALIGN_UP(page_alloc(1, PAGE_SIZE), PAGE_2M);

	for (u32 i = 0; i < memory_ranges; i++) {
		const struct memory_range *r = &memory_map[i];
		u64 va = ALIGN_DOWN(r->start, PAGE_2M);

		if (r->type != MEMORY_RAM)
			continue;
		for (va = va > first ? va : first; va < r->end; va += PAGE_2M)
			*entry_of(paging_root, va, 2) = 0;
	}
	reload_cr3();
}

void pages_init(void)
{
	*entry_of(paging_root, COLD_VA, 2) = ADDR(table) | RIGHTS;
	*entry_of(paging_root, FAR_VA, 3) = ADDR(upper) | RIGHTS;
	code_second = entry_of(paging_root, CODE_VA + PAGE_SIZE, 1);
	unmap_ram();
}

static void clear(void *to, u64 size)
{
	size /= 8;
	__asm__ volatile("cld; rep stosq" : "+D"(to), "+c"(size) : "a"(0ULL) : "memory");
}

static void set_tables(void)
{
	static const u64 kinds[] = {RIGHTS,
				    RIGHTS & ~PTE_A & ~PTE_D,
				    PTE_P | PTE_U | PTE_A,
				    0,
				    SUPERVISOR,
				    RIGHTS | PTE_NX,
				    RIGHTS | RESERVED,
				    RIGHTS & ~PTE_D,
				    PTE_P,
				    RIGHTS | PTE_G};

	clear(table, sizeof(table));
	clear(upper, sizeof(upper));
	for (u32 i = 0; i < COLD_PAGES; i++) {
		table[i] = pages_cold_frame(i % COLD_FRAMES) | kinds[pick(ARRAY_SIZE(kinds))];
		/* An entry that is not present has a frame, or is 0. */
		if (!(table[i] & PTE_P) && pick(2))
			table[i] = 0;
	}
	table[TABLE_ENTRIES - 1] = ADDR(table) | RIGHTS;
	upper[0] = ADDR(table) | RIGHTS;
	/* With A: not every CPU sets that in it where an entry below is missing. */
	upper[1] = pick(2) ? 0 : ADDR(table) | PTE_P | PTE_U | PTE_A;
}

void pages_set(void)
{
	static const u64 second[] = {RIGHTS, RIGHTS & ~PTE_A, 0, RIGHTS | PTE_NX, PTE_P | PTE_U};
	/* Now and then a kernel runs code of a user's page: SMEP. */
	u64 code = stream.user || (stream.compat && !pick(4)) ? RIGHTS : SUPERVISOR;

	clear(frames, sizeof(frames));
	clear(cold_frames, sizeof(cold_frames));
	set_tables();
	for (u32 i = 0; i < 64; i++) {
		u32 place = pick(2 * PAGE_SIZE / 8);

		frames[DATA][place] = random_value();
	}
	map(TABLE_VA, ADDR(table), RIGHTS);
	map(DATA_VA, ADDR(frames[DATA]), RIGHTS);
	map(DATA_VA + PAGE_SIZE, ADDR(frames[DATA + 1]), RIGHTS);
	map(RO_VA, ADDR(frames[RO]), RIGHTS & ~PTE_W);
	map(KERNEL_VA, ADDR(frames[KERNEL]), SUPERVISOR);
	map(KERNEL_VA + PAGE_SIZE, ADDR(frames[KERNEL + 1]), SUPERVISOR);
	map(UPPER_VA, ADDR(upper), RIGHTS);
	map(STACK_VA, ADDR(frames[STACK]), RIGHTS);
	map(CODE_VA, ADDR(frames[CODE]), code);
	*code_second =
		ADDR(frames[CODE + 1]) | (second[pick(ARRAY_SIZE(second))] & (code | PTE_NX));
	reload_cr3();
}

bool pages_admit_second(u64 cr2)
{
	if ((*code_second & (PTE_P | PTE_NX)) == PTE_P ||
	    ALIGN_DOWN(cr2, PAGE_SIZE) != CODE_VA + PAGE_SIZE)
		return false;
	*code_second = (*code_second | PTE_P) & ~PTE_NX;
	invlpg(CODE_VA + PAGE_SIZE);
	return true;
}

void pages_show(void)
{
	for (u32 i = 0; i < COLD_PAGES; i++)
		print("say: table %u %lx\n", i, table[i]);
	print("say: entry of the second page of code %lx\n", *code_second);
}

static void note_memory(const char *name, const u64 *words, u32 size)
{
	for (u32 i = 0; i < size / 8; i++) {
		if (!words[i])
			continue;
		note(words[i] + i);
		if (stream.say)
			print("say: %s %x: %lx\n", name, i * 8, words[i]);
	}
}

void pages_note(void)
{
	note_memory("table", table, sizeof(table));
	note_memory("upper", upper, sizeof(upper));
	note_memory("cold", cold_frames[0], sizeof(cold_frames));
	note_memory("data", frames[0], NOTED * PAGE_SIZE);
}
