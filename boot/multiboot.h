/* SPDX-License-Identifier: MIT */
/* The boot loader's information, turned into struct bootinfo. */
#ifndef BOOT_MULTIBOOT_H
#define BOOT_MULTIBOOT_H

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

#endif
