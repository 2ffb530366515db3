/* SPDX-License-Identifier: MIT */
/*
 * Multiboot's numbers and layouts (specifications 0.6.96 and 2.0): what the boot loader tells notrap is
 * read by them, and what notrap tells its guest is written by them.
 */
#ifndef GUEST_MULTIBOOT_H
#define GUEST_MULTIBOOT_H

#include "guest/bootinfo.h"

/* What a kernel finds in EAX. */
#define MB1_LOADER_MAGIC 0x2badb002
#define MB2_LOADER_MAGIC 0x36d76289

/* --- version 1: 3.3 --- */

#define MB1_INFO_MEMORY      BIT(0)
#define MB1_INFO_CMDLINE     BIT(2)
#define MB1_INFO_MODULES     BIT(3)
#define MB1_INFO_MMAP        BIT(6)
#define MB1_INFO_LOADER      BIT(9)
#define MB1_INFO_FRAMEBUFFER BIT(12)

struct mb1_info {
	u32 flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4];
	u32 mmap_length, mmap_addr, drives_length, drives_addr, config_table, loader_name;
	u32 apm_table, vbe[4];
	struct boot_framebuffer fb;
} __attribute__((packed));

struct mb1_module {
	u32 start, end, cmdline, reserved;
};

struct mb1_mmap {
	u32 size; /* of what follows */
	u64 start, length;
	u32 type;
} __attribute__((packed));

_Static_assert(sizeof(struct mb1_info) == 116, "the information structure's layout");
_Static_assert(sizeof(struct mb1_mmap) == 24, "the memory map entry's layout");

/* --- version 2: 3.6 --- */

enum mb2_info_type {
	MB2_INFO_END = 0,
	MB2_INFO_CMDLINE = 1,
	MB2_INFO_LOADER = 2,
	MB2_INFO_MODULE = 3,
	MB2_INFO_MEMORY = 4,
	MB2_INFO_MMAP = 6,
	MB2_INFO_FRAMEBUFFER = 8,
	MB2_INFO_EFI32 = 11,
	MB2_INFO_EFI64 = 12,
	MB2_INFO_ACPI_OLD = 14,
	MB2_INFO_ACPI_NEW = 15,
	MB2_INFO_EFI_MMAP = 17,
	MB2_INFO_LOAD_BASE = 21,
	MB2_INFO_LAST = 21,
};

struct mb2_info {
	u32 total_size, reserved;
};

/* The head of every tag; the next one is 8-byte aligned. */
struct mb2_tag {
	u32 type, size; /* bytes, this head included */
};

/* What follows the head. */
struct mb2_module {
	u32 start, end;
	char cmdline[];
};

/* Of the memory map and of EFI's, before their entries. */
struct mb2_list {
	u32 entry_size, version;
	u8 entries[];
};

struct mb2_mmap {
	u64 start, length;
	u32 type, reserved;
};

/* Its first 24 bytes are there for a text screen too. */
struct mb2_framebuffer {
	struct boot_screen screen;
	u16 reserved;
	struct boot_colours colours;
} __attribute__((packed));

#endif
