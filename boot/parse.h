/* SPDX-License-Identifier: MIT */
/* The boot loader's information, turned into struct bootinfo; and what the parsers share. */
#ifndef BOOT_PARSE_H
#define BOOT_PARSE_H

#include "guest/multiboot.h"

/*
 * Read the information at physical address info_hpa into *boot; the image's bounds in it stay.
 *
 * Everything kept is copied into the hypervisor's own memory, since the guest will overwrite the
 * loader's; the modules' bytes stay where they are. Nothing past the sizes that the information
 * states of itself is read.
 * Returns 0, or -1 after a fail() line: no memory map, too many modules, sizes that do not fit.
 * (Multiboot 1 specification 3.3; Multiboot 2 specification 3.6.)
 */
int multiboot1_parse(u64 info_hpa, struct bootinfo *boot);
int multiboot2_parse(u64 info_hpa, struct bootinfo *boot);

/* Start to fill *boot: no memory, no modules, empty command line; strings kept before are gone. */
void boot_begin(struct bootinfo *boot);

/*
 * Keep a copy of a string of at most max bytes (it ends earlier at a zero).
 *
 * Returns the copy, or NULL after a fail() line when there is no room.
 */
const char *boot_string(const void *from, size_t max);

/* A command line without its first word. */
const char *boot_words(const char *given);

/*
 * Add a module, with its command line as the boot loader gave it, a file's name first if
 * name_first; a NULL is boot_string()'s failure.
 * Returns 0, or -1 after a fail() line when it is one too many or no range.
 */
int boot_add_module(struct bootinfo *boot, u64 start, u64 end, const char *given, bool name_first);

/*
 * Add a range of the firmware's map; unknown types count as reserved. in_use: the firmware's tables
 * may be in it, RAM though it is.
 * Returns 0, or -1 after fail().
 */
int boot_add_range(struct bootinfo *boot, u64 start, u64 size, u32 type, bool in_use);

/*
 * Add all of EFI's memory map (UEFI specification 2.10, 7.2.3), of `bytes` bytes with descriptors of
 * desc_size, and keep a copy of it. Returns 0, or -1 after fail().
 */
int boot_add_efi_map(struct bootinfo *boot, const void *map, size_t bytes, u32 desc_size,
		     u32 desc_version);

/* Take over a screen, of a kind that guests can be told of. */
void boot_set_framebuffer(struct bootinfo *boot, const struct boot_screen *screen,
			  const struct boot_colours *colours);

/* Keep a copy of an ACPI RSDP of `size` bytes, in case the firmware's own is not found. */
void boot_keep_rsdp(struct bootinfo *boot, const void *rsdp, size_t size);

#endif
