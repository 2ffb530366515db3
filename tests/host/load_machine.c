/* SPDX-License-Identifier: MIT */
/* The machine that guests are loaded into. */
#include "tests/host/load_machine.h"
#include "guest/builtin_guests.h"
#include "mm/phys/map.h"
#include "mm/phys/phys.h"
#include "tests/host/fake/ram.h"
#include "tests/host/load_files.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MACHINE_END (GIB(4) + MIB(64))

struct load_machine machine;

struct fake_ram fake_ram[] = {{0, MACHINE_END, NULL, 0}};
const u32 fake_ram_count = 1;

const struct builtin_guest builtin_guests[] = {
	{"bench", builtin_file, sizeof(builtin_file)},
	{"other", "no kernel", 9},
};
const char builtin_guest_names[] = "";

static void add_memory(u64 start, u64 end, u32 type, u32 guest_type)
{
	assert_int_equal(memmap_add(&machine.boot.map, start, end, type), 0);
	assert_int_equal(memmap_add(&machine.boot.free, start, end, type), 0);
	assert_int_equal(memmap_add(&machine.guest_map, start, end, guest_type), 0);
	if (type == guest_type)
		assert_int_equal(mprotect(phys_ptr(start), end - start, PROT_READ | PROT_WRITE), 0);
}

void machine_reset(void)
{
	u8 *memory = fake_ram[0].at;

	memset(&machine, 0, sizeof(machine));
	fake_console_clear();
	if (memory)
		munmap(memory, MACHINE_END);
	memory = mmap(memory, MACHINE_END, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		      -1, 0);
	assert_true(memory != MAP_FAILED);
	fake_ram[0].at = memory;
	assert_int_equal(mprotect(memory + KIB(896), KIB(128), PROT_READ | PROT_WRITE), 0);
	add_memory(0, KIB(636), MEMMAP_RAM, MEMMAP_RAM);
	add_memory(KIB(636), KIB(640), MEMMAP_RESERVED, MEMMAP_RESERVED);
	add_memory(MIB(1), MACHINE_HV_START, MEMMAP_RAM, MEMMAP_RAM);
	add_memory(MACHINE_HV_START, MACHINE_HV_END, MEMMAP_RAM, MEMMAP_RESERVED);
	add_memory(MACHINE_HV_END, MACHINE_RAM_END, MEMMAP_RAM, MEMMAP_RAM);
	add_memory(MACHINE_ACPI, MACHINE_ACPI + MIB(1), MEMMAP_ACPI, MEMMAP_ACPI);
	add_memory(GIB(4), GIB(4) + MIB(64), MEMMAP_RAM, MEMMAP_RAM);
	machine.boot.cmdline = "";
	machine.boot.loader = "GRUB 2.06";
}

void machine_ram_to_4g(u64 start)
{
	add_memory(start, GIB(4), MEMMAP_RAM, MEMMAP_RAM);
}

void machine_module(u64 at, const void *file, u64 size, const char *cmdline)
{
	memcpy(phys_ptr(at), file, size);
	machine.boot.module[machine.boot.modules++] =
		(struct boot_module){at, size, cmdline, cmdline};
}

int machine_load(void)
{
	int ret = load_guest(&machine.boot, &machine.opt, &machine.guest_map, &machine.start);

	/* One line on failure, none on success; nothing in between. */
	assert_true(ret == 0 || ret == -1);
	assert_int_equal(fake_fails, ret ? 1 : 0);
	return ret;
}

void assert_fails(const char *text)
{
	fake_console_clear();
	assert_int_equal(machine_load(), -1);
	if (!strstr(fake_failed, text))
		assert_string_equal(fake_failed, text);
}

void put16(void *at, u16 value)
{
	memcpy(at, &value, sizeof(value));
}

void put32(void *at, u32 value)
{
	memcpy(at, &value, sizeof(value));
}

void put64(void *at, u64 value)
{
	memcpy(at, &value, sizeof(value));
}

void put_text(void *at, const char *text)
{
	u8 *to = at;

	while (*text)
		*to++ = (u8)*text++;
}

u32 get32(const void *at)
{
	u32 value;

	memcpy(&value, at, sizeof(value));
	return value;
}

u64 get64(const void *at)
{
	u64 value;

	memcpy(&value, at, sizeof(value));
	return value;
}

void fill_pattern(void *at, u64 size, u32 seed)
{
	u8 *p = at;

	for (u64 i = 0; i < size; i++)
		p[i] = (u8)((i * 2654435761u >> 11) + seed * 31 + 1);
}
