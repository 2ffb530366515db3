/* SPDX-License-Identifier: MIT */
/* The names of the image's functions, for crash records. */
#ifndef ARCH_SYMBOLS_H
#define ARCH_SYMBOLS_H

#include "arch/types.h"

/* The image's bounds, from linker.ld. */
extern const u8 _image_start[], _rodata_start[], _data_start[], _image_end[];

/*
 * The function that holds a virtual address.
 *
 * Returns its name and sets *offset to the bytes from its start; NULL when the address is not in
 * the image's code or the image has no symbols.
 */
const char *symbol_find(u64 addr, u64 *offset);

#endif
