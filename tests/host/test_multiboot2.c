/* SPDX-License-Identifier: MIT */
/* The multiboot2 parser: good, odd and broken boot information. */
#include <stdlib.h>
#include <string.h>

#include "arch/console.h"
#include "boot/parse.h"
#include "guest/firmware/acpi.h"
#include "tests/host/boot_memory.h"
#include "tests/host/fake/console.h"

/* --- building it ------------------------------------------------------------------------------ */

static u8 built[65536];
static size_t built_size;

static void put(const void *bytes, size_t n)
{
	memcpy(built + built_size, bytes, n);
	built_size += n;
}

static void put32(u32 v)
{
	put(&v, sizeof(v));
}

static void put64(u64 v)
{
	put(&v, sizeof(v));
}

static size_t tag_start;

static void tag_begin(u32 type)
{
	built_size = (built_size + 7) & ~7UL;
	tag_start = built_size;
	put32(type);
	put32(0);
}

static void tag_end(void)
{
	u32 size = (u32)(built_size - tag_start);

	memcpy(built + tag_start + 4, &size, 4);
}

static void begin(void)
{
	memset(built, 0, sizeof(built));
	built_size = 8;
}

static void put_memmap(u64 start, u64 size, u32 type)
{
	put64(start);
	put64(size);
	put32(type);
	put32(0);
}

static void tag_memmap(void)
{
	tag_begin(6);
	put32(24);
	put32(0);
	put_memmap(0, 0x9fc00, 1);
	put_memmap(0x9fc00, 0x400, 2);
	put_memmap(0x100000, 0x7f00000, 1);
	put_memmap(0xfffc0000, 0x40000, 77);
	tag_end();
}

static void tag_text(u32 type, const char *text)
{
	tag_begin(type);
	put(text, strlen(text) + 1);
	tag_end();
}

static void tag_module(u32 start, u32 end, const char *text)
{
	tag_begin(3);
	put32(start);
	put32(end);
	put(text, strlen(text) + 1);
	tag_end();
}

/* Place what was built, and parse it. */
static int parse_bytes(struct bootinfo *boot, size_t size)
{
	u8 *block = malloc(size);
	int err;

	memcpy(block, built, size);
	place_info(block, size);
	fake_console_clear();
	memset(boot, 0, sizeof(*boot));
	err = multiboot2_parse(INFO, boot);
	/* Nothing that is kept may point into it. */
	remove_info();
	free(block);
	return err;
}

static void put_total(void)
{
	u32 total;

	tag_begin(0);
	tag_end();
	total = (u32)built_size;
	memcpy(built, &total, 4);
}

static int parse(struct bootinfo *boot)
{
	put_total();
	return parse_bytes(boot, built_size);
}
/* --- the tests -------------------------------------------------------------------------------- */

static void build_all(void)
{
	static const char rsdp_new[36] = "RSD PTR new", rsdp_old[20] = "RSD PTR old";

	begin();
	tag_text(1, "trap=auto stats=1");
	tag_text(2, "GRUB 2.06");
	tag_module(0x300000, 0x345678, "console=ttyS0 quiet");
	tag_module(0x400000, 0x400000, "");
	tag_memmap();
	tag_begin(8);
	put64(0xe0000000);
	put32(4096);
	put32(1024);
	put32(768);
	put("\x20\x01\0\0\x10\x08\x08\x07\x00\x06", 10);
	tag_end();
	tag_begin(12);
	put64(0x7f9ec018);
	tag_end();
	tag_begin(15);
	put(rsdp_new, sizeof(rsdp_new));
	tag_end();
	tag_begin(14);
	put(rsdp_old, sizeof(rsdp_old));
	tag_end();
}

static void test_mb2_all(void **state)
{
	struct bootinfo b;

	(void)state;
	build_all();
	assert_int_equal(parse(&b), 0);
	assert_string_equal(b.cmdline, "trap=auto stats=1");
	assert_string_equal(b.loader, "GRUB 2.06");
	assert_int_equal(b.modules, 2);
	assert_int_equal(b.module[0].start, 0x300000);
	assert_int_equal(b.module[0].size, 0x45678);
	assert_string_equal(b.module[0].cmdline, "console=ttyS0 quiet");
	assert_int_equal(b.module[1].size, 0);
	assert_string_equal(b.module[1].cmdline, "");
	assert_int_equal(b.map.count, 4);
	assert_int_equal(b.map.range[2].end, 0x8000000);
	assert_int_equal(b.map.range[3].type, MEMMAP_RESERVED);
	assert_int_equal(b.fb.screen.type, BOOT_FB_RGB);
	assert_int_equal(b.fb.screen.addr, 0xe0000000);
	assert_int_equal(b.fb.screen.pitch, 4096);
	assert_int_equal(b.fb.screen.width, 1024);
	assert_int_equal(b.fb.screen.height, 768);
	assert_int_equal(b.fb.screen.bpp, 32);
	assert_int_equal(b.fb.colours.red_pos, 16);
	assert_int_equal(b.fb.colours.green_size, 7);
	assert_int_equal(b.fb.colours.blue_size, 6);
	assert_int_equal(b.efi_systab, 0x7f9ec018);
	assert_memory_equal((void *)b.rsdp, "RSD PTR new", 11);
}

static void test_mb2_keeps_image(void **state)
{
	struct bootinfo b = {.image_start = 1, .image_end = 2, .modules = 9};

	(void)state;
	begin();
	tag_memmap();
	put_total();
	place_info(built, built_size);
	assert_int_equal(multiboot2_parse(INFO, &b), 0);
	remove_info();
	assert_int_equal(b.image_start, 1);
	assert_int_equal(b.image_end, 2);
	assert_int_equal(b.modules, 0);
	assert_int_equal(b.rsdp, 0);
	assert_int_equal(b.fb.screen.type, BOOT_FB_NONE);
	assert_string_equal(b.cmdline, "");
}

static void put_efi(u32 type, u64 start, u64 pages, u64 attr)
{
	put32(type);
	put32(0);
	put64(start);
	put64(0);
	put64(pages);
	put64(attr);
	put64(0); /* firmware's descriptors are longer than the structure */
}

static void test_mb2_efi_map(void **state)
{
	static const u8 expected[15] = {
		[0] = MEMMAP_RESERVED,  [1] = MEMMAP_RAM,       [2] = MEMMAP_RAM,
		[3] = MEMMAP_RAM,       [4] = MEMMAP_RAM,       [5] = MEMMAP_RESERVED,
		[6] = MEMMAP_RESERVED,  [7] = MEMMAP_RAM,       [8] = MEMMAP_BAD,
		[9] = MEMMAP_ACPI,      [10] = MEMMAP_NVS,      [11] = MEMMAP_RESERVED,
		[12] = MEMMAP_RESERVED, [13] = MEMMAP_RESERVED, [14] = MEMMAP_RESERVED,
	};
	struct bootinfo b;

	(void)state;
	for (u32 type = 0; type < 15; type++) {
		begin();
		tag_begin(17);
		put32(48);
		put32(1);
		put_efi(type, 0x100000, 16, 0xf);
		tag_end();
		tag_memmap(); /* is not used then */
		assert_int_equal(parse(&b), 0);
		assert_int_equal(b.map.count, 1);
		assert_int_equal(b.map.range[0].type, expected[type]);
		assert_int_equal(b.map.range[0].end, 0x110000);
		assert_int_equal(b.efi.map_size, 48);
		assert_int_equal(b.efi.desc_size, 48);
		assert_int_equal(b.efi.desc_version, 1);
		assert_int_equal(*(const u32 *)b.efi.map, type);
		/* Boot services' memory is RAM, but not for new things. */
		assert_int_equal(b.free.range[0].type,
				 type == 3 || type == 4 ? MEMMAP_RESERVED : expected[type]);
	}
	begin();
	tag_begin(11);
	put32(0x7f9ec018);
	tag_end();
	tag_begin(17);
	put32(48);
	put32(1);
	put_efi(7, 0x100000, 16, 1ULL << 18);
	tag_end();
	assert_int_equal(parse(&b), 0);
	assert_int_equal(b.map.range[0].type, MEMMAP_RESERVED);
	assert_int_equal(b.efi_systab, 0x7f9ec018);
	assert_true(b.efi.is32);
	assert_int_equal(acpi_find_rsdp(&b), 0);
}

static void expect_failure(const char *what)
{
	struct bootinfo b;

	assert_int_equal(parse(&b), -1);
	said(what);
}

static void test_mb2_errors(void **state)
{
	char longer[20000];
	struct bootinfo b;

	(void)state;
	begin();
	tag_text(1, "x");
	expect_failure("no memory map");

	begin();
	tag_begin(6);
	put32(16);
	put32(0);
	put_memmap(0, 4096, 1);
	tag_end();
	expect_failure("entries of 16 bytes");

	begin();
	tag_begin(6);
	put32(0);
	put32(0);
	tag_end();
	expect_failure("entries of 0 bytes");

	begin();
	tag_begin(17);
	put32(8);
	put32(1);
	tag_end();
	expect_failure("descriptors of 8 bytes");

	begin();
	tag_begin(17);
	put32(40);
	put32(1);
	put_efi(7, 0, 1ULL << 52, 0);
	tag_end();
	expect_failure("EFI memory map: the range");

	begin();
	tag_memmap();
	tag_module(0x5000, 0x4000, "x");
	expect_failure("before it starts");

	begin();
	tag_memmap();
	for (int i = 0; i <= BOOT_MODULES_MAX; i++)
		tag_module(0x5000, 0x6000, "x");
	expect_failure("more than 32 modules");

	begin();
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	tag_text(1, longer);
	expect_failure("command lines");

	begin();
	tag_begin(6);
	put32(24);
	put32(0);
	for (u64 i = 0; i <= MEMMAP_MAX; i++)
		put_memmap(i << 20, 4096, 1 + (i & 1));
	tag_end();
	expect_failure("memory map has more than");

	/* A tag of no size would never end; one of more bytes than there are leads outside. */
	for (u32 size = 0; size < 200; size += size == 7 ? 150 : 1) {
		begin();
		tag_memmap();
		tag_begin(1);
		memcpy(built + tag_start + 4, &size, 4);
		built_size += 16;
		expect_failure("boot information: tag 1");
	}

	/* No end tag: every cut of sound information, its total size corrected. */
	build_all();
	put_total();
	for (u32 size = (u32)built_size - 1; size >= 8; size--) {
		memcpy(built, &size, 4);
		assert_int_equal(parse_bytes(&b, size), -1);
	}
}

static void test_mb2_range_at_the_end(void **state)
{
	struct bootinfo b;

	(void)state;
	begin();
	tag_begin(6);
	put32(24);
	put32(0);
	put_memmap(0xfffffffffffff000, 0x1000, 2);
	put_memmap(0x1000, 0, 1);
	tag_end();
	assert_int_equal(parse(&b), 0);
	assert_int_equal(b.map.count, 1);
	assert_int_equal(b.map.range[0].end, ~0ULL);
}

/* Sound information with random bytes in it: parsed or refused, never read outside. */
static void test_mb2_random(void **state)
{
	u8 sound[sizeof(built)];
	struct bootinfo b;
	int refused = 0;

	(void)state;
	srand(1);
	build_all();
	tag_begin(17);
	put32(48);
	put32(1);
	put_efi(7, 0x100000, 16, 0xf);
	tag_end();
	put_total();
	memcpy(sound, built, built_size);
	for (int round = 0; round < 20000; round++) {
		memcpy(built, sound, built_size);
		/* The total size is the block's own, or less. */
		for (int n = rand() % 6 + 1; n; n--)
			built[8 + (size_t)rand() % (built_size - 8)] =
				(u8)(rand() % 3 ? rand() : 0);
		refused += parse_bytes(&b, built_size) != 0;
	}
	assert_in_range(refused, 1000, 19000);
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mb2_all),
		cmocka_unit_test(test_mb2_keeps_image),
		cmocka_unit_test(test_mb2_efi_map),
		cmocka_unit_test(test_mb2_errors),
		cmocka_unit_test(test_mb2_range_at_the_end),
		cmocka_unit_test(test_mb2_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
