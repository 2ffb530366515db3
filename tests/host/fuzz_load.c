/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a guest's kernel: no read outside the file, no write outside the guest's RAM, one
 * error line or none. And any bytes as multiboot1 information: no read past 4 GiB.
 *
 * The first byte chooses the file that is changed (or none: the rest is the file); then each seven
 * bytes are a change: offset, width, value. The last byte of all places the file in memory. Or it says
 * that the rest is boot information, with what its pointers lead to.
 */
#include "boot/parse.h"
#include "mm/phys/phys.h"
#include "tests/host/load_files.h"
#include "tests/host/load_machine.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static u8 file[FILE_MAX];

/* The file to change. Returns its size; 0: there is none, the fuzzer's bytes are the file. */
static u32 make_file(u32 which)
{
	static const struct elf_load loads[] = {
		{0x1000, 0x100000, 0x100000, 0x1000, 0x5000},
		{0x2000, 0x400000, 0x400000, 0x800, 0x800},
	};
	/* Address, entry and relocatable tags, all optional, so that each may be dropped. */
	static const u32 tags[] = {
		1 | 1 << 16, 12,         6,           0,  2 | 1 << 16, 24, 0x200400,     0x200000,
		0,           0,          3 | 1 << 16, 12, 0x200800,    0,  10 | 1 << 16, 24,
		0x100000,    0xffffffff, 4096,        2,  0,           8};

	switch (which) {
	case 0:
		make_bzimage(file);
		return BZ_SIZE;
	case 1:
	case 2:
		make_elf(file, which == 1, 0x100010, loads, 2);
		put_mb1(file + ELF_HEADER_AT, 3);
		return ELF_SIZE;
	case 3:
	case 4:
		make_elf(file, which == 3, 0x100010, loads, 2);
		put_mb2(file + ELF_HEADER_AT, tags, sizeof(tags));
		return ELF_SIZE;
	case 5:
		make_elf(file, false, 0, loads, 0);
		memcpy(file, builtin_file, sizeof(builtin_file));
		return ELF_SIZE;
	default:
		return 0;
	}
}

/* Headers with changed fields would not be found without a checksum that fits. */
static void repair(u32 size)
{
	for (u32 at = 0; at + 16 <= size; at += 4) {
		if (get32(file + at) == 0x1badb002)
			put32(file + at + 8, -(0x1badb002 + get32(file + at + 4)));
		if (get32(file + at) == 0xe85250d6)
			put32(file + at + 12,
			      -(0xe85250d6 + get32(file + at + 4) + get32(file + at + 8)));
	}
}

static u32 change(const u8 *data, size_t size)
{
	u32 length = make_file(data[0] % 7);

	if (!length) {
		length = (u32)(size - 1 < FILE_MAX ? size - 1 : FILE_MAX);
		memcpy(file, data + 1, length);
		return length;
	}
	for (size_t at = 1; at + 7 <= size; at += 7) {
		u32 offset = (data[at] | data[at + 1] << 8) % (length - 8);
		u8 width = data[at + 2] % 5;

		if (!width && offset)
			length = offset > 16 ? offset : 16; /* cut */
		memcpy(file + offset, data + at + 3, width);
		if (length < 32)
			break;
	}
	repair(length);
	return length;
}

#define INFO_KINDS 8 /* of the first byte; the last kind is boot information */
#define INFO_AT    0x9000
#define INFO_MAX   0x1000

/* Pointers lead among the bytes themselves, or to the last of those that a boot loader can name. */
static u32 pointer(u32 bytes)
{
	return bytes & 1 ? INFO_AT + (bytes >> 1) % INFO_MAX : -((bytes >> 1) % 128);
}

static void parse_information(const u8 *data, size_t size)
{
	static const u32 pointers[] = {16, 24, 48, 64};
	u8 *info = phys_ptr(INFO_AT);
	struct bootinfo boot = {0};

	/* This early all of the first 4 GiB is mapped, and nothing else. */
	if (mprotect(phys_ptr(0), GIB(4), PROT_READ | PROT_WRITE) ||
	    mprotect(phys_ptr(GIB(4)), MIB(64), PROT_NONE))
		abort();
	memcpy(info, data, size < INFO_MAX ? size : INFO_MAX);
	for (u32 i = 0; i < ARRAY_SIZE(pointers); i++)
		put32(info + pointers[i], pointer(get32(info + pointers[i])));
	if (multiboot1_parse(INFO_AT, &boot) ? fake_fails != 1 : fake_fails != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const u64 place[] = {MIB(40), MIB(16) - 4096, MIB(1), 0x103000, MACHINE_RAM_END};
	u64 at;
	u32 length;

	if (size < 2)
		return 0;
	machine_reset();
	if (data[0] % INFO_KINDS == INFO_KINDS - 1) {
		parse_information(data + 1, size - 1);
		return 0;
	}
	length = change(data, size);
	/* EFI's memory map is the firmware's word: any of it may be nonsense. */
	if (data[size - 1] & 0x20)
		machine.boot.efi = (struct boot_efi){.map = data,
						     .map_size = (u32)(size < 65536 ? size : 65536),
						     .desc_size = sizeof(struct efi_desc),
						     .desc_version = 1};
	machine.boot.efi_systab = machine.boot.efi.map ? MACHINE_ACPI : 0;
	at = place[data[size - 1] % ARRAY_SIZE(place)];
	/* At RAM's end there is nothing behind the file's last byte. */
	at = at == MACHINE_RAM_END ? at - length : at;
	machine_module(at, file, length, "some words");
	if (data[size - 1] & 0x80) {
		machine_module(MIB(2) + 3, file, length, "");
		machine_module(MIB(20), file, length, "x");
	} else if (data[size - 1] & 0x40) {
		machine_module(MIB(18), file, length, "");
	}
	if (machine_load())
		return 0;
	if (!memmap_is_ram(&machine.guest_map, machine.start.rip, machine.start.rip + 1) ||
	    !memmap_is_ram(&machine.guest_map, machine.start.gdt_base, machine.start.gdt_base + 32))
		abort();
	return 0;
}
