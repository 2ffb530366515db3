/* SPDX-License-Identifier: MIT */
/* ELF files that are refused. */
#include "tests/host/load_plain.h"

static void refuse_elf(bool is64, u64 entry, const struct elf_load *loads, u32 count, u64 size,
		       const char *line)
{
	machine_reset();
	make_elf(file, is64, entry, loads, count);
	put_mb1(file + (count > 10 ? 0x1000 : ELF_HEADER_AT), 0);
	machine_module(MACHINE_RAM_END - size, file, size, "");
	assert_fails(line);
}

static void refuse_load(u64 offset, u64 paddr, u64 filesz, u64 memsz, const char *line)
{
	const struct elf_load load = {offset, paddr, paddr, filesz, memsz};

	refuse_elf(true, paddr, &load, 1, ELF_SIZE, line);
}

static void bad_segments(void **state)
{
	struct elf_load many[33];

	(void)state;
	refuse_elf(false, 0x100000, &plain, 1, 0x2fff, "is a truncated ELF: segment 0 has 0x2000");
	refuse_elf(true, 0x100000, &plain, 1, 0x2fff, "is a truncated ELF: segment 0 has 0x2000");
	refuse_load(0x1000, MIB(1), 0x2000, 0x1fff, "more bytes in the file (0x2000) than");
	refuse_load(~0ULL, MIB(1), 2, 2, "is a truncated ELF: segment 0 has 0x2 bytes at 0xffff");
	refuse_load(0x1000, MIB(1), ~0ULL, ~0ULL, "is a truncated ELF");
	refuse_load(0x1000, GIB(4) - 1, 1, 2, "at 0xffffffff, 0x2 bytes, is not below 4G");
	refuse_load(0x1000, ~0ULL, 1, 1, "is not below 4G");
	refuse_load(0x1000, MIB(1), 1, ~0ULL, "is not below 4G");
	refuse_load(0x1000, MACHINE_HV_END - 1, 1, 1, "lies over notrap's own memory");
	refuse_load(0x1000, MIB(1), 1, MIB(60), "0x100000-0x3d00000 lies over notrap's own memory");
	refuse_load(0x1000, 0xb8000, 1, 1, "0xb8000-0xb8001 is not in RAM");
	refuse_load(0x1000, MACHINE_ACPI, 1, 1, "is not in RAM");
	refuse_load(0x1000, MIB(1), 0, 0, "is an ELF file with nothing to load");
	refuse_elf(false, 0x200000, &plain, 1, ELF_SIZE, "entry point 0x200000 is in no segment");
	refuse_elf(true, ~0ULL, &plain, 1, ELF_SIZE, "is in no segment");
	for (u32 i = 0; i < 33; i++)
		many[i] = (struct elf_load){0x1000, MIB(1 + i), MIB(1) + KIB(8) * i, 16, 16};
	refuse_elf(true, MIB(1), many, 33, ELF_SIZE, "more than 32 segments");
}

static void refuse_elf_header(u32 offset, u32 size, u64 value, const char *line)
{
	machine_reset();
	make_elf(file, true, 0x100000, &plain, 1);
	put_mb1(file + ELF_HEADER_AT, 0);
	memcpy(file + offset, &value, size);
	machine_module(MACHINE_RAM_END - ELF_SIZE, file, ELF_SIZE, "");
	assert_fails(line);
}

static void bad_elf_headers(void **state)
{
	(void)state;
	refuse_elf_header(0, 4, 0x464c457e, "without address fields, and is no ELF file");
	refuse_elf_header(4, 1, 3, "is an ELF file, but no x86 executable");
	refuse_elf_header(5, 1, 2, "is an ELF file, but no x86 executable");
	refuse_elf_header(16, 2, 1, "is an ELF file, but no x86 executable");
	refuse_elf_header(18, 2, 183, "is an ELF file, but no x86 executable");
	refuse_elf_header(32, 8, ELF_SIZE - 55, "truncated ELF: program header 0 is beyond");
	refuse_elf_header(32, 8, ~0ULL, "truncated ELF: program header 0 is beyond");
	refuse_elf_header(54, 2, 55, "broken program headers: 1 of 55 bytes");
	refuse_elf_header(56, 2, 0xffff, "broken program headers: 65535 of 56 bytes");
	refuse_elf_header(56, 2, 4000, "truncated ELF: program header 218 is beyond");
	refuse_elf_header(56, 2, 0, "nothing to load");

	memset(file, 0, sizeof(file));
	put_text(file, "\177ELF");
	put_mb1(file + 16, 0);
	machine_reset();
	machine_module(MACHINE_RAM_END - 28, file, 28, "");
	assert_fails("is a truncated ELF: the header alone has 64 bytes, file has 28");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(bad_segments, plain_setup),
		cmocka_unit_test_setup(bad_elf_headers, plain_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
