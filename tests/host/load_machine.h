/* SPDX-License-Identifier: MIT */
/*
 * A machine to load guests into: physical memory where a touch of anything that is not the guest's
 * is a crash, and what the boot loader hands over.
 *
 *   0       636K   RAM
 *   896K    1M     the BIOS's area, not in the map
 *   1M      24M    RAM
 *   24M     32M    notrap's: RAM in the firmware's map, reserved in the guest's
 *   32M     62M    RAM; a file that ends at 62M has nothing behind it
 *   64M     65M    ACPI
 *   4G      4G+64M RAM
 */
#ifndef TESTS_HOST_LOAD_MACHINE_H
#define TESTS_HOST_LOAD_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* arch/console.h has one too */

#include "guest/load/load.h"
#include "tests/host/fake/console.h"

#define MACHINE_HV_START MIB(24)
#define MACHINE_HV_END   MIB(32)
#define MACHINE_RAM_END  MIB(62) /* below 4G */
#define MACHINE_ACPI     MIB(64)

struct load_machine {
	struct bootinfo boot;
	struct memmap guest_map;
	struct options opt;
	struct guest_start start;
};

extern struct load_machine machine;

/* The machine as after power-on: memory zero, no module, options at their defaults. */
void machine_reset(void);

/* RAM from `start` to 4G as well. */
void machine_ram_to_4g(u64 start);

/* Put a file into memory and hand it over as the next module. */
void machine_module(u64 at, const void *file, u64 size, const char *cmdline);

/* load_guest() with all of the above. */
int machine_load(void);

/* Load, and require exactly one error line, with this text in it. */
void assert_fails(const char *text);

/* Little-endian numbers at an address that need not be aligned. */
void put16(void *at, u16 value);
void put32(void *at, u32 value);
void put64(void *at, u64 value);
u32 get32(const void *at);
u64 get64(const void *at);

/* The characters of a string, without its end. */
void put_text(void *at, const char *text);

/* Bytes that differ from place to place. */
void fill_pattern(void *at, u64 size, u32 seed);

#endif
