/* SPDX-License-Identifier: MIT */
/* The little of ACPI that notrap reads: how the machine is switched off and reset; its tables. */
#ifndef GUEST_ACPI_H
#define GUEST_ACPI_H

#include "guest/bootinfo.h"

/* Address spaces of a Generic Address Structure (ACPI 6.4, 5.2.3.2). */
enum acpi_space { ACPI_SPACE_MEMORY = 0, ACPI_SPACE_IO = 1, ACPI_SPACE_PCI = 2 };

struct acpi_power {
	u16 pm1a_cnt, pm1b_cnt; /* I/O ports; 0: none */
	bool s5_known;
	u8 s5_typ_a, s5_typ_b; /* SLP_TYP values of soft-off, for bits 12:10 of each port */
	struct {
		bool supported;
		u8 space; /* enum acpi_space */
		u64 addr;
		u8 value;
	} reset;
};

#define ACPI_RSDP_MAX 64

/*
 * Copy the RSDP at a physical address, its checksums verified (ACPI 6.4, 5.2.5.3).
 * Returns its size in bytes, or 0 if there is none.
 */
u32 acpi_read_rsdp(const struct bootinfo *boot, u64 addr, u8 to[ACPI_RSDP_MAX]);

/*
 * Find the FADT (ACPI 6.4, 5.2.9) from boot->rsdp, else by scanning the BIOS areas, and the
 * package _S5 in the AML of the DSDT and the SSDTs (7.4.2). Tables with a wrong checksum, and
 * those outside the firmware's memory map, are taken for absent.
 *
 * Returns 0; or -1 when there is no FADT (*out is all zero then). Says nothing.
 */
int acpi_find_power(const struct bootinfo *boot, struct acpi_power *out);

/*
 * Table number n (from 0) with this signature of the XSDT, or of the RSDT where there is none; its
 * checksum is right (ACPI 6.4, 5.2.6). The table is in the machine's own memory.
 *
 * Returns its first byte, and its size in bytes in *size; NULL when there are no more.
 */
u8 *acpi_table(const struct bootinfo *boot, const char *signature, u32 n, u32 *size);

#endif
