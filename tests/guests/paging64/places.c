/* SPDX-License-Identifier: MIT */
/*
 * Tables in memory that is no RAM by the loader's map: a CPU walks them anywhere. In what is kept for ACPI,
 * below and in the video window, every entry is tried; in ROM, what is there decides.
 */
#include "arch/string.h"
#include "tests/guests/paging64/paging64.h"

#define TYPE_ACPI  3
#define LAST_LOW   0x9f000ULL
#define VIDEO_TEXT 0xb8000ULL
#define ROM_SHADOW 0xe8000ULL
#define BIOS       0xf0000ULL
#define FW_CFG     0x510
/* No CPU that this runs on has so many physical address bits. */
#define ADDR_BEYOND BIT(51)

static const char *place_name;

/* The place takes over from the table that holds an entry: its address there. */
static u64 *move_table(u64 place, const u64 *entry)
{
	memcpy(ptr(place), ptr(table_of(entry)), PAGE_SIZE);
	return ptr(place + ((uintptr_t)entry & (PAGE_SIZE - 1)));
}

static void leaves(u64 *entry)
{
	set(entry, 0);
	expect(place_name, sread(VA), 0, VA);
	/* From not present to present: nothing to flush. */
	*(volatile u64 *)entry = frame[3] | (LEAF & ~(PTE_A | PTE_D));
	expect_page(place_name, VA, 3);
	check((*(volatile u64 *)entry & (PTE_A | PTE_D)) == PTE_A, "%s: A: %lx", place_name,
	      *entry);
	expect(place_name, swrite(VA), NO_FAULT, VA);
	check(*(volatile u64 *)entry & PTE_D, "%s: D: %lx", place_name, *entry);
	set(entry, frame[4] | (LEAF & ~PTE_W));
	expect_page(place_name, VA, 4);
	expect(place_name, swrite(VA), PFEC_P | PFEC_W, VA + 16);
	expect(place_name, uread(VA), NO_FAULT, VA);
	set(entry, frame[5] | (LEAF & ~PTE_U));
	expect(place_name, uread(VA), PFEC_P | PFEC_U, VA);
	set(entry, frame[6] | LEAF | ADDR_BEYOND);
	expect(place_name, sread(VA), PFEC_P | PFEC_RSVD, VA);
	for (u32 i = 0; i < 64; i++)
		entry[i] = frame[i % FRAMES] | LEAF;
	for (u32 i = 0; i < 64; i++)
		invlpg(VA + i * PAGE_SIZE);
	for (u32 i = 0; i < 64; i++)
		expect_page(place_name, VA + i * PAGE_SIZE, i % FRAMES);
}

static void links(u64 *entry)
{
	u64 link = *entry;

	set(entry, 0);
	expect(place_name, sread(VA), 0, VA);
	*(volatile u64 *)entry = link & ~PTE_A;
	expect_page(place_name, VA, 0);
	check(*(volatile u64 *)entry & PTE_A, "%s: A of a link: %lx", place_name, *entry);
	set(entry, link & ~PTE_W);
	expect(place_name, swrite(VA), PFEC_P | PFEC_W, VA + 16);
}

static void root(u64 place)
{
	u64 cr3 = read_cr3(), *entry = move_table(place, e[paging_levels]);

	write_cr3(place | (cr3 & (PAGE_SIZE - 1)));
	expect_page(place_name, VA, 0);
	links(entry);
	write_cr3(cr3);
}

static void tables_in(const char *name, u64 place)
{
	u64 saved = page_alloc(1, PAGE_SIZE);

	place_name = name;
	map_identity(place, PAGE_SIZE);
	memcpy(ptr(saved), ptr(place), PAGE_SIZE);
	for (u32 level = 1; level < paging_levels; level++) {
		u64 *entry;

		fixture_reset();
		entry = move_table(place, e[level]);
		set(e[level + 1], place | UPPER);
		expect_page(name, VA, 0);
		if (level == 1)
			leaves(entry);
		else
			links(entry);
	}
	fixture_reset();
	root(place);
	memcpy(ptr(place), ptr(saved), PAGE_SIZE);
}

static void table_in_rom(const char *name, u64 rom)
{
	const u64 *table = ptr(rom);
	u32 absent = 0, reserved = 0;

	map_identity(rom, PAGE_SIZE);
	fixture_reset();
	set(e[2], rom | UPPER);
	for (u32 i = 0; i < 512 && absent + reserved < 32; i++) {
		if (!(table[i] & PTE_P)) {
			expect(name, sread(VA + i * PAGE_SIZE), 0, VA + i * PAGE_SIZE);
			absent++;
		} else if (table[i] & ADDR_BEYOND) {
			expect(name, sread(VA + i * PAGE_SIZE), PFEC_P | PFEC_RSVD,
			       VA + i * PAGE_SIZE);
			reserved++;
		}
	}
	check(absent + reserved, "%s: no entry that faults", name);
}

/* By fw_cfg. QEMU's TCG never comes back from a walk of tables in the video window, on the bare machine too. */
static bool on_qemu(void)
{
	bool same = true;

	out16(FW_CFG, 0);
	for (const char *letter = "QEMU"; *letter; letter++)
		same = in8(FW_CFG + 1) == (u8)*letter && same;
	return same;
}

void test_places(void)
{
	u64 end = memory_end();

	for (u32 i = 0; i < memory_ranges; i++) {
		u64 last = ALIGN_DOWN(memory_map[i].end, PAGE_SIZE) - PAGE_SIZE;

		if (memory_map[i].type == TYPE_ACPI && last >= memory_map[i].start)
			tables_in("a table in ACPI's memory", last);
	}
	/* QEMU calls the end of its RAM reserved, and has ACPI's tables in there. */
	if (!memory_is_ram(end, end + PAGE_SIZE) && end & (PAGE_2M - 1))
		table_in_rom("a table behind RAM", end);
	tables_in("a table in the last low page", LAST_LOW);
	if (!on_qemu())
		tables_in("a table in the video window", VIDEO_TEXT);
	table_in_rom("a table in ROM", ROM_SHADOW);
	table_in_rom("a table in the BIOS", BIOS);
	fixture_reset();
}
