/* SPDX-License-Identifier: MIT */
#include "tests/host/load_plain.h"

u8 file[FILE_MAX];

const struct elf_load plain = {0x1000, 0x100000, 0x100000, 0x2000, 0x5000};

int plain_setup(void **state)
{
	(void)state;
	machine_reset();
	make_elf(file, false, 0x100010, &plain, 1);
	put_mb1(file + ELF_HEADER_AT, 3);
	return 0;
}

u8 *load(u64 at, u64 size)
{
	machine_module(at, file, size, "word other=1");
	assert_int_equal(machine_load(), 0);
	return phys_ptr(machine.start.rbx);
}

void assert_all_zero(u64 at, u64 size)
{
	const u8 *p = phys_ptr(at);

	while (size--)
		assert_int_equal(p[size], 0);
}

void assert_plain_at(u64 at)
{
	assert_memory_equal(phys_ptr(at), file + 0x1000, 0x2000);
	assert_all_zero(at + 0x2000, 0x3000);
}
