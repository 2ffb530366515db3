/* SPDX-License-Identifier: MIT */
/* The little of ACPI that notrap reads: how the machine is switched off and reset; its tables. */
#ifndef GUEST_FIRMWARE_ACPI_H
#define GUEST_FIRMWARE_ACPI_H

#include "guest/bootinfo.h"

/* Address spaces of a Generic Address Structure (ACPI 6.4, 5.2.3.2). */
enum acpi_space { ACPI_SPACE_MEMORY = 0, ACPI_SPACE_IO = 1, ACPI_SPACE_PCI = 2 };

/* A byte with SLP_TYP in bits 4:2 and SLP_EN in bit 5. */
struct acpi_sleep {
	u8 space; /* enum acpi_space */
	u64 addr;
	u8 s5_typ; /* soft-off's SLP_TYP; meaningful when acpi_power.s5_known */
};

#define ACPI_SLEEPS_MAX 6 /* the tables', and one that a chipset has besides */

struct acpi_power {
	u16 pm1a_cnt, pm1b_cnt; /* I/O ports; 0: none */
	u16 pm1a_evt;           /* likewise; the status register comes first */
	u16 smi_cmd; /* likewise, and the values that the firmware names for it; 0: none */
	u8 acpi_enable, acpi_disable, pstate_cnt, cst_cnt;
	u32 nr_sleep; /* every register that starts a sleep state, in whatever space */
	struct acpi_sleep sleep[ACPI_SLEEPS_MAX];
	bool bochs; /* the tables are of Bochs' BIOS */
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
 * Physical address of the firmware's own RSDP: from the EFI configuration table, else by the scan of the
 * BIOS areas (5.2.5). 0 when there is none, for boot->rsdp to stay the boot loader's copy.
 */
u64 acpi_find_rsdp(const struct bootinfo *boot);

/*
 * Find the FADT (ACPI 6.4, 5.2.9) from boot->rsdp, and the
 * package _S5 in the AML of the DSDT and the SSDTs (7.4.2). Tables with a wrong checksum, and
 * those outside the firmware's memory map, are taken for absent.
 *
 * Returns 0; or -1 when there is no FADT (*out is all zero then). Says nothing.
 */
int acpi_find_power(const struct bootinfo *boot, struct acpi_power *out);

/*
 * Have the guest find no other sleep state than soft-off: the packages _S1 to _S4 (7.4.2) get other
 * names, in place, checksums included. To be called after acpi_find_power().
 * Returns 0; or -1 when a table is in read-only memory.
 */
int acpi_hide_sleep(const struct bootinfo *boot);

/*
 * Table number n (from 0) with this signature of the XSDT, or of the RSDT where there is none; its
 * checksum is right (ACPI 6.4, 5.2.6). The table is in the machine's own memory.
 *
 * Returns its first byte, and its size in bytes in *size; NULL when there are no more.
 */
u8 *acpi_table(const struct bootinfo *boot, const char *signature, u32 n, u32 *size);

#endif
