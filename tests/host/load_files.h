/* SPDX-License-Identifier: MIT */
/* Kernel files to load, made up byte by byte from the specifications. */
#ifndef TESTS_HOST_LOAD_FILES_H
#define TESTS_HOST_LOAD_FILES_H

#include "arch/types.h"

#define FILE_MAX 16384

/* A bzImage: 3 setup sectors, then BZ_PAYLOAD bytes of pattern; 64-bit, relocatable. */
#define BZ_OFFSET  2048
#define BZ_PAYLOAD 8192
#define BZ_SIZE    (BZ_OFFSET + BZ_PAYLOAD)
void make_bzimage(u8 file[FILE_MAX]);

/* One program header of type PT_LOAD. */
struct elf_load {
	u64 offset, vaddr, paddr, filesz, memsz;
};

#define ELF_SIZE      12288
#define ELF_HEADER_AT 0x400 /* where a multiboot header goes */

/* An ELF executable of ELF_SIZE bytes, pattern from 0x1000 on. */
void make_elf(u8 file[FILE_MAX], bool is64, u64 entry, const struct elf_load *load, u32 count);

/* Put a multiboot1 header; flags say what follows the checksum. */
void put_mb1(u8 *at, u32 flags);

/* Put a multiboot2 header and its tags (each padded to 8, the end tag included). */
void put_mb2(u8 *at, const void *tags, u32 size);

/* The built-in guest "bench": a multiboot1 kernel by address fields, at 1M. */
extern const u8 builtin_file[64];

#endif
