/* SPDX-License-Identifier: MIT */
/*
 * What the boot loader handed over, in neutral form: boot/ fills it in, the loaders in guest/
 * turn it into what the guest's own boot protocol wants.
 */
#ifndef GUEST_BOOTINFO_H
#define GUEST_BOOTINFO_H

#include "mm/memmap.h"

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

struct bootinfo {
	const char *cmdline; /* notrap's own; never NULL */
	const char *loader;  /* the boot loader's name; empty where it gives none, never NULL */
	struct memmap map;   /* the firmware's, unchanged */
	u32 modules;
	struct boot_module module[BOOT_MODULES_MAX];
	u64 rsdp; /* physical address of a copy or of the original; 0 when unknown */
	struct boot_framebuffer fb;
	u64 efi_systab;             /* physical; 0 when the firmware is not EFI */
	u64 image_start, image_end; /* notrap's own image, physical */
};

#endif
