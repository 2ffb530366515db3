/* SPDX-License-Identifier: MIT */
/* Kernels that are refused, each with one line that says why. */
#include "tests/host/load_bzimage.h"

static void truncated(void **state)
{
	(void)state;
	machine_module(MACHINE_RAM_END - (BZ_SIZE - 16), file, BZ_SIZE - 16, "");
	assert_fails("module 1 is a truncated bzImage: header says 10240 bytes, file has 10224");
	for (u64 size = 0x206; size < BZ_SIZE - 15; size += 97) {
		machine_reset();
		machine_module(MACHINE_RAM_END - size, file, size, "");
		assert_fails("module 1 is a truncated bzImage: header says");
	}
}

static void refuse(u32 offset, u32 size, u64 value, const char *line)
{
	bzimage_setup(NULL);
	memcpy(file + offset, &value, size);
	machine_module(MIB(40), file, BZ_SIZE, "a=b");
	assert_fails(line);
}

static void bad_headers(void **state)
{
	(void)state;
	refuse(0x206, 2, 0x0204, "boot protocol 2.04: notrap takes 2.10");
	refuse(0x211, 1, 0, "broken setup header");
	refuse(0x201, 1, 0x20, "broken setup header");
	refuse(0x230, 4, 0, "broken setup header: alignment 0x0");
	refuse(0x230, 4, 0x300000, "broken setup header: alignment 0x300000");
	refuse(0x1f4, 4, 0xffffffff, "truncated bzImage: header says 68719478768 bytes");
	refuse(0x1f4, 4, 32, "broken setup header");
	refuse(0x260, 4, BZ_PAYLOAD - 1, "its 0x2000 bytes need 0x1fff to run in");
	refuse(0x1f1, 1, 0xff, "truncated bzImage");
	refuse(0x238, 4, 2, "its command line has 3 characters, this kernel takes 2");
	refuse(0x260, 4, 0xf0000000,
	       "no room for the kernel: 0xf0000000 bytes of free RAM from 0x1000000 to 4G are "
	       "needed: add memory");
	refuse(0x258, 8, ~0ULL - 4095, "no room for the kernel");
	refuse(0x1fe, 2, 0, "is no kernel that notrap knows");
}

/* What the header says of the compressed kernel: there, cut off, or none at all. */
static void payload(void **state)
{
	static const u8 magics[][4] = {
		{0x1f, 0x8b}, {0x1f, 0x9e}, {0x42, 0x5a},
		{0x5d},       {0xfd, 0x37}, {0x89, 0x4c},
		{2, 0x21},    {0x28, 0xb5}, {0x7f, 0x45, 0x4c, 0x46},
	};
	u8 *at = file + BZ_OFFSET + 0x2cc;

	(void)state;
	put32(file + 0x248, 0x2cc);
	put32(file + 0x24c, 4096);
	for (u32 i = 0; i < ARRAY_SIZE(magics); i++) {
		memcpy(at, magics[i], 4);
		machine_module(MIB(40), file, BZ_SIZE, "");
		assert_int_equal(machine_load(), 0);
		machine_reset();
	}
	machine_module(MIB(40), file, BZ_SIZE, "");
	file[0x1f1] = 0; /* means 4: one more than there are */
	put32(file + 0x1f4, BZ_PAYLOAD / 16 - 32);
	memcpy(phys_ptr(MIB(40)), file, BZ_SIZE);
	assert_fails("with 0 setup sectors and 0x1e00 bytes after them no compressed kernel is at "
		     "0x2cc");
	memmove(at + 512, at, 4);
	memcpy(phys_ptr(MIB(40)), file, BZ_SIZE);
	fake_console_clear();
	assert_int_equal(machine_load(), 0);
	put32(file + 0x24c, BZ_PAYLOAD - 512 - 0x2cc + 1);
	memcpy(phys_ptr(MIB(40)), file, BZ_SIZE);
	assert_fails("no compressed kernel is at 0x2cc");
	put32(file + 0x24c, 3);
	memcpy(phys_ptr(MIB(40)), file, BZ_SIZE);
	assert_fails("no compressed kernel is at 0x2cc");
	put32(file + 0x248, ~0U);
	memcpy(phys_ptr(MIB(40)), file, BZ_SIZE);
	assert_fails("no compressed kernel is at 0xffffffff");
}

static void fixed_kernel_over_notrap(void **state)
{
	(void)state;
	file[0x234] = 0;
	put64(file + 0x258, MACHINE_HV_START - MIB(1));
	machine_module(MIB(40), file, BZ_SIZE, "");
	assert_fails("0x1700000-0x1b00000 lies over notrap's own memory");
	put64(file + 0x258, MIB(61));
	memcpy(phys_ptr(MIB(40)), file, BZ_SIZE);
	assert_fails("0x3d00000-0x4100000 is not in RAM");
	put64(file + 0x258, ~0ULL - 4095);
	memcpy(phys_ptr(MIB(40)), file, BZ_SIZE);
	assert_fails("wraps around");
}

static void initrd_too_large(void **state)
{
	(void)state;
	put16(file + 0x236, 1);
	machine_module(MIB(40), file, BZ_SIZE, "");
	machine.boot.module[machine.boot.modules++] = (struct boot_module){GIB(4), MIB(48), "", ""};
	assert_fails("module 2, the initrd, is too large: it has 50331648 bytes, and beside the "
		     "kernel's 4194304");
}

static void too_many_modules(void **state)
{
	(void)state;
	for (u32 i = 0; i < 3; i++)
		machine_module(MIB(40 + i), file, BZ_SIZE, "");
	assert_fails("module 3 is one too many");
	machine.boot.modules = BOOT_MODULES_MAX + 1;
	assert_fails("33 modules are given");
}

static void no_kernel(void **state)
{
	(void)state;
	memset(file, 0, sizeof(file));
	machine_module(MACHINE_RAM_END - 100, file, 100, "");
	assert_fails("module 1 is no kernel that notrap knows");
	machine.boot.module[0].size = 0;
	assert_fails("module 1 is no kernel that notrap knows");
	machine.boot.module[0].size = ~0ULL;
	assert_fails("module 1: its size");
}

/* As Debian packages Xen. */
static void packed_kernel(void **state)
{
	(void)state;
	memset(file, 0, sizeof(file));
	put16(file, 0x8b1f);
	machine_module(MIB(40), file, 100, "");
	assert_fails(
		"module 1 is no kernel that notrap knows, but a gzip file: unpack it, by zcat");
	machine.boot.module[0].size = 1;
	assert_fails("neither a Linux bzImage");
}

static void builtin_other(void **state)
{
	(void)state;
	machine.opt.guest = &builtin_guests[1];
	assert_fails("other is no kernel");
	machine_module(MIB(40), file, BZ_SIZE, "");
	assert_fails("guest=other is a built-in guest, but there is a module as well");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(truncated, bzimage_setup),
		cmocka_unit_test_setup(bad_headers, bzimage_setup),
		cmocka_unit_test_setup(payload, bzimage_setup),
		cmocka_unit_test_setup(fixed_kernel_over_notrap, bzimage_setup),
		cmocka_unit_test_setup(initrd_too_large, bzimage_setup),
		cmocka_unit_test_setup(too_many_modules, bzimage_setup),
		cmocka_unit_test_setup(no_kernel, bzimage_setup),
		cmocka_unit_test_setup(packed_kernel, bzimage_setup),
		cmocka_unit_test_setup(builtin_other, bzimage_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
