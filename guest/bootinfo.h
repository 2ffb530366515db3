/* SPDX-License-Identifier: MIT */
/*
 * What the boot loader handed over, in neutral form: boot/ fills it in, the loaders in guest/
 * turn it into what the guest's own boot protocol wants.
 */
#ifndef GUEST_BOOTINFO_H
#define GUEST_BOOTINFO_H

#include "mm/phys/memmap.h"

struct boot_module {
	u64 start;           /* physical, bytes */
	u64 size;            /* bytes */
	const char *cmdline; /* the words after the file's name; never NULL */
	const char *given;   /* what the boot loader gave: the name too, where it puts that first */
};

#define BOOT_MODULES_MAX 32

enum boot_fb_type { BOOT_FB_NONE, BOOT_FB_RGB, BOOT_FB_TEXT };

struct boot_framebuffer {
	enum boot_fb_type type;
	u64 addr;
	u32 pitch, width, height; /* bytes; pixels or characters */
	u8 bpp;
	u8 red_pos, red_size, green_pos, green_size, blue_pos, blue_size;
};

/* The EFI firmware, whose boot services have ended. */
struct boot_efi {
	bool is32;                   /* a 32-bit firmware's tables */
	const u8 *map;               /* its memory map, a copy; NULL when unknown */
	u32 map_size;                /* bytes */
	u32 desc_size, desc_version; /* of a descriptor: bytes; the firmware's number */
};

/* UEFI specification 2.10, 7.2.3, EFI_MEMORY_DESCRIPTOR; firmware's may be longer. */
struct efi_desc {
	u32 type, pad;
	u64 start, virt, pages, attr;
};

enum efi_memory {
	EFI_RESERVED = 0,
	EFI_LOADER_CODE = 1,
	EFI_LOADER_DATA = 2,
	EFI_BOOT_CODE = 3,
	EFI_BOOT_DATA = 4,
	EFI_CONVENTIONAL = 7,
	EFI_UNUSABLE = 8,
	EFI_ACPI_RECLAIM = 9,
	EFI_ACPI_NVS = 10,
};

struct bootinfo {
	const char *cmdline; /* notrap's own; never NULL */
	const char *loader;  /* the boot loader's name; empty where it gives none, never NULL */
	struct memmap map;   /* the firmware's, unchanged */
	/* The same without memory that the firmware's tables may be in still: for new things. */
	struct memmap free;
	u32 modules;
	struct boot_module module[BOOT_MODULES_MAX];
	u64 rsdp; /* physical address of a copy or of the original; 0 when unknown */
	struct boot_framebuffer fb;
	u64 efi_systab; /* physical; 0 when the firmware is not EFI */
	struct boot_efi efi;
	u64 image_start, image_end; /* notrap's own image, physical */
};

#endif
