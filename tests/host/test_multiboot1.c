/* SPDX-License-Identifier: MIT */
/* The multiboot1 parser: good, odd and broken boot information. */
#include <stdlib.h>
#include <string.h>

#include "arch/console.h"
#include "boot/parse.h"
#include "tests/host/boot_memory.h"
#include "tests/host/fake/console.h"

#define MB1_INFO 0x9000
#define MB1_MMAP 0x9100
#define MB1_MODS 0x9300
#define MB1_TEXT 0xa000

static void low32(u32 at, u32 v)
{
	memcpy(low + at, &v, 4);
}

static u32 low_text(u32 at, const char *text)
{
	strcpy((char *)low + at, text);
	return at;
}

static void mb1_range(u32 at, u64 start, u64 size, u32 type)
{
	low32(at, 20);
	memcpy(low + at + 4, &start, 8);
	memcpy(low + at + 12, &size, 8);
	low32(at + 20, type);
}

static void mb1_build(const char *loader)
{
	memset(low, 0, sizeof(low));
	low32(MB1_INFO, 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9 | 1 << 12);
	low32(MB1_INFO + 16, low_text(MB1_TEXT, "notrap.elf  stats=5 audit=1"));
	low32(MB1_INFO + 20, 2);
	low32(MB1_INFO + 24, MB1_MODS);
	low32(MB1_INFO + 44, 3 * 24);
	low32(MB1_INFO + 48, MB1_MMAP);
	low32(MB1_INFO + 64, low_text(MB1_TEXT + 0x100, loader));
	low32(MB1_INFO + 88, 0xb8000);
	low32(MB1_INFO + 96, 160);
	low32(MB1_INFO + 100, 80);
	low32(MB1_INFO + 104, 25);
	low[MB1_INFO + 108] = 16;
	low[MB1_INFO + 109] = 2;
	mb1_range(MB1_MMAP, 0, 0x9fc00, 1);
	mb1_range(MB1_MMAP + 24, 0x100000, 0x7f00000, 1);
	mb1_range(MB1_MMAP + 48, 0x8000000, 0x10000, 3);
	low32(MB1_MODS, 0x300000);
	low32(MB1_MODS + 4, 0x310000);
	low32(MB1_MODS + 8, low_text(MB1_TEXT + 0x200, "vmlinuz a b"));
	low32(MB1_MODS + 16, 0x310000);
	low32(MB1_MODS + 20, 0x310010);
}

static int mb1_parse(struct bootinfo *b)
{
	fake_console_clear();
	memset(b, 0, sizeof(*b));
	return multiboot1_parse(MB1_INFO, b);
}

static void test_mb1_all(void **state)
{
	struct bootinfo b;

	(void)state;
	mb1_build("qemu");
	assert_int_equal(mb1_parse(&b), 0);
	memset(low, 0xff, sizeof(low));
	assert_string_equal(b.cmdline, "stats=5 audit=1");
	assert_int_equal(b.modules, 2);
	assert_int_equal(b.module[0].start, 0x300000);
	assert_int_equal(b.module[0].size, 0x10000);
	assert_string_equal(b.module[0].cmdline, "a b");
	assert_string_equal(b.module[0].given, "vmlinuz a b");
	assert_string_equal(b.loader, "qemu");
	assert_int_equal(b.module[1].size, 0x10);
	assert_string_equal(b.module[1].cmdline, "");
	assert_int_equal(b.map.count, 3);
	assert_int_equal(b.map.range[2].type, MEMMAP_ACPI);
	assert_int_equal(b.fb.screen.type, BOOT_FB_TEXT);
	assert_int_equal(b.fb.screen.addr, 0xb8000);
	assert_int_equal(b.fb.screen.width, 80);

	/* GRUB 2 leaves out the names. */
	mb1_build("GRUB 2.06-13");
	assert_int_equal(mb1_parse(&b), 0);
	assert_string_equal(b.cmdline, "notrap.elf  stats=5 audit=1");
	assert_string_equal(b.module[0].cmdline, "vmlinuz a b");
	assert_string_equal(b.module[0].given, "vmlinuz a b");
	assert_string_equal(b.loader, "GRUB 2.06-13");

	mb1_build("qemu");
	low_text(MB1_TEXT, "notrap.elf");
	low32(MB1_INFO, 1 << 2 | 1 << 6);
	assert_int_equal(mb1_parse(&b), 0);
	assert_string_equal(b.cmdline, "");
	assert_int_equal(b.modules, 0);
	assert_int_equal(b.fb.screen.type, BOOT_FB_NONE);
}

static void mb1_expect_failure(const char *what)
{
	struct bootinfo b;

	assert_int_equal(mb1_parse(&b), -1);
	said(what);
}

static void test_mb1_errors(void **state)
{
	(void)state;
	mb1_build("qemu");
	low32(MB1_INFO, 0);
	mb1_expect_failure("no memory map");

	mb1_build("qemu");
	low32(MB1_MMAP + 24, 4);
	mb1_expect_failure("entry of 4 bytes");

	mb1_build("qemu");
	low32(MB1_INFO + 44, 0xffffffff);
	mb1_expect_failure("a memory map of");

	mb1_build("qemu");
	low32(MB1_MODS + 20, 0);
	mb1_expect_failure("before it starts");

	mb1_build("qemu");
	low32(MB1_INFO + 20, 0xffffffff);
	mb1_expect_failure("more than 32 modules");

	mb1_build("qemu");
	low32(MB1_INFO + 16, MB1_TEXT);
	memset(low + MB1_TEXT, 'x', 0x20000);
	mb1_expect_failure("does not end within 4096 bytes");

	low[MB1_TEXT + 4095] = 0;
	low32(MB1_INFO + 20, 4);
	for (u32 i = 0; i < 4; i++)
		low32(MB1_MODS + i * 16 + 8, MB1_TEXT);
	mb1_expect_failure("command lines");
}

/* Each pointer just below 4 GiB, where what it leads to does not fit any more, and where it just does. */
static void test_mb1_near_4g(void **state)
{
	static const u8 grub[] = "GRUB 2";
	struct bootinfo b;

	(void)state;
	mb1_build("qemu");
	memset(top, 'x', sizeof(top));
	low32(MB1_INFO + 16, (u32)TOP + TOP_SIZE - 8);
	mb1_expect_failure("does not end within 8 bytes");
	top[TOP_SIZE - 1] = 0;
	assert_int_equal(mb1_parse(&b), 0);

	mb1_build("qemu");
	low32(MB1_INFO + 48, (u32)TOP + TOP_SIZE - 3 * 24 + 1);
	mb1_expect_failure("memory map");
	memcpy(top + TOP_SIZE - 3 * 24, low + MB1_MMAP, 3 * 24);
	low32(MB1_INFO + 48, (u32)TOP + TOP_SIZE - 3 * 24);
	assert_int_equal(mb1_parse(&b), 0);
	assert_int_equal(b.map.count, 3);

	mb1_build("qemu");
	memcpy(top + TOP_SIZE - 16, low + MB1_MODS, 16);
	low32(MB1_INFO + 24, (u32)TOP + TOP_SIZE - 16);
	mb1_expect_failure("list of modules");
	low32(MB1_INFO + 20, 1);
	assert_int_equal(mb1_parse(&b), 0);

	mb1_build("qemu");
	low32(MB1_MODS + 8, (u32)TOP + TOP_SIZE - 1);
	top[TOP_SIZE - 1] = 'x';
	mb1_expect_failure("does not end within 1 bytes");

	mb1_build("qemu");
	memcpy(top + TOP_SIZE - 6, grub, 6);
	low32(MB1_INFO + 64, (u32)TOP + TOP_SIZE - 6);
	mb1_expect_failure("does not end within 6 bytes");
	memcpy(top + TOP_SIZE - 7, grub, 7);
	low32(MB1_INFO + 64, (u32)TOP + TOP_SIZE - 7);
	assert_int_equal(mb1_parse(&b), 0);
	assert_string_equal(b.module[0].cmdline, "vmlinuz a b");

	memset(&b, 0, sizeof(b));
	assert_int_equal(multiboot1_parse(TOP + TOP_SIZE - 115, &b), -1);
	said("structure");
}

static void test_mb1_random(void **state)
{
	struct bootinfo b;
	int refused = 0;

	(void)state;
	srand(2);
	for (int round = 0; round < 5000; round++) {
		mb1_build("qemu");
		for (int n = rand() % 4 + 1; n; n--)
			low[MB1_INFO + rand() % 0x400] = (u8)rand();
		/* One of the structure's numbers, as an address that ends soon. */
		if (rand() % 4 == 0)
			low32(MB1_INFO + 4 * ((u32)rand() % 29), -(u32)(rand() % 64));
		refused += mb1_parse(&b) != 0;
	}
	assert_in_range(refused, 100, 4900);
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mb1_all),
		cmocka_unit_test(test_mb1_errors),
		cmocka_unit_test(test_mb1_near_4g),
		cmocka_unit_test(test_mb1_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
