/* SPDX-License-Identifier: MIT */
/* A plain multiboot kernel, and how it is loaded. */
#ifndef TESTS_HOST_LOAD_PLAIN_H
#define TESTS_HOST_LOAD_PLAIN_H

#include <string.h>

#include "mm/phys/phys.h"
#include "tests/host/load_files.h"
#include "tests/host/load_machine.h"

/* The file that is loaded; as plain_setup() leaves it an ELF32 with a multiboot1 header and this segment. */
extern u8 file[FILE_MAX];

/* 8 KiB from 0x1000 in the file, and 12 KiB of bss. */
extern const struct elf_load plain;

int plain_setup(void **state);

/* Load the file, put at `at`. Returns the information that the kernel is given. */
u8 *load(u64 at, u64 size);

void assert_all_zero(u64 at, u64 size);
void assert_plain_at(u64 at);

#endif
