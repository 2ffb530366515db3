/* SPDX-License-Identifier: MIT */
/*
 * What switches a machine off, resets it, or has it sleep: the registers, in whatever space they are.
 * A sleeping machine would wake up without the hypervisor.
 */
#ifndef GUEST_CHIPSET_POWER_H
#define GUEST_CHIPSET_POWER_H

#include "guest/firmware/acpi.h"

#define PORT_KBD_DATA      0x60
#define PORT_KBD_COMMAND   0x64
#define PORT_SYSTEM_A      0x92  /* bit 0: fast reset; bit 1: A20 */
#define PORT_RESET_CONTROL 0xcf9 /* PIIX3 and ICH datasheets: RST_CNT */

#define PORT_BOCHS_END     0x8900

/* The byte that has both: struct acpi_sleep. */
#define SLP_TYP(byte) ((byte) >> 2 & 7)

/* PM1_CNT: ACPI 6.4, 4.8.3.2.1. */
#define PM1_SLP_TYP_SHIFT 10
#define PM1_SLP_EN        BIT(13)

enum power_effect { POWER_NONE, POWER_SLEEP, POWER_OFF, POWER_RESET };

/*
 * What writing a byte to an address of a space (enum acpi_space; PCI's as in ACPI 6.4, table 5.1) does to
 * the machine. Where soft-off is not known, no sleep state is.
 */
enum power_effect power_effect(const struct acpi_power *power, u8 space, u64 addr, u8 byte);

/*
 * Whether Bochs ends at this value on its port, of any width; the letters before it: how many of the word have
 * come, 0 at first.
 */
bool bochs_ends(u8 *letters, u32 value);

/* True for what the FADT offers to an operating system on its SMI command port (ACPI 6.4, table 5.9). */
bool smi_is_allowed(const struct acpi_power *power, u16 port, u8 command);

struct machine;

/*
 * The guest writes `size` bytes (1 to 4) of value there. A reset, and soft-off, are made here after the report,
 * and do not return.
 * Returns false when the write must not be done: the machine would sleep.
 */
bool power_write(struct machine *m, u8 space, u64 addr, u32 value, u32 size);

/* Make a write of 1, 2 or 4 bytes to an address of a space; one in memory that is out of reach is none. */
void power_put(u8 space, u64 addr, u32 value, u32 size);

/* Register the ports; and the pages, where such registers are in memory. 0, or -1 after a fail() line. */
int power_watch(struct machine *m);

#endif
