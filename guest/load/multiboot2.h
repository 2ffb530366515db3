/* SPDX-License-Identifier: MIT */
/* A multiboot2 kernel's header (specification 2.0, 3.1). */
#ifndef GUEST_LOAD_MULTIBOOT2_H
#define GUEST_LOAD_MULTIBOOT2_H

#include "guest/load/parts.h"
#include "guest/multiboot.h"

#define MB2_SEARCH            KIB(32)
#define MB2_HEADER_MAGIC      0xe85250d6
#define MB2_ARCH_I386         0
#define MB2_OPTIONAL          BIT(0)
#define MB2_HEADER_FROM_START 0xffffffff /* header_addr: the file is loaded from the header on */
#define MB2_PREFER_HIGH       2

enum mb2_header_tag_type {
	MB2_TAG_END,
	MB2_TAG_INFO_REQUEST,
	MB2_TAG_ADDRESS,
	MB2_TAG_ENTRY,
	MB2_TAG_CONSOLE,
	MB2_TAG_FRAMEBUFFER,
	MB2_TAG_MODULE_ALIGN,
	MB2_TAG_EFI_BS,
	MB2_TAG_ENTRY_EFI32,
	MB2_TAG_ENTRY_EFI64,
	MB2_TAG_RELOCATABLE,
};

#define MB2_INFO_PASSED_ON                                                       \
	(BIT(MB2_INFO_CMDLINE) | BIT(MB2_INFO_LOADER) | BIT(MB2_INFO_MODULE) |   \
	 BIT(MB2_INFO_MEMORY) | BIT(MB2_INFO_MMAP) | BIT(MB2_INFO_FRAMEBUFFER) | \
	 BIT(MB2_INFO_EFI32) | BIT(MB2_INFO_EFI64) | BIT(MB2_INFO_ACPI_OLD) |    \
	 BIT(MB2_INFO_ACPI_NEW) | BIT(MB2_INFO_EFI_MMAP) | BIT(MB2_INFO_LOAD_BASE))

struct mb2_header {
	u32 magic, architecture, length, checksum;
};

struct mb2_header_tag {
	u16 type, flags;
	u32 size;
};

struct mb2_relocate {
	u32 min_addr, max_addr, align, preference;
};

/*
 * Build the information structure and the GDT in a block of guest data, and set the start state.
 * load_base: the relocated kernel's lowest address, or MEMMAP_NONE.
 */
void mb2_put_info(const struct load *l, struct load_block *b, u64 load_base, u64 entry,
		  struct guest_start *out);

#endif
