/* SPDX-License-Identifier: MIT */
/* ACPI's tables as the files that read them see them: checked, and never read past their end. */
#ifndef GUEST_FIRMWARE_ACPI_TABLE_H
#define GUEST_FIRMWARE_ACPI_TABLE_H

#include "guest/firmware/acpi.h"

#define ACPI_HEADER_SIZE 36
#define ACPI_CHECKSUM    9

#define RSDP_SIZE_V1     20 /* covered by the first checksum */
#define RSDP_SIZE_V2     36

/* A table that was checked: data[0..size) may be read. It is in the machine's own memory. */
struct acpi_table {
	u8 *data;
	u32 size;
};

/* A little-endian number; 0 past the table's end, as in a table of an older revision. */
u64 acpi_get(const struct acpi_table *t, u32 offset, u32 bytes);

/* What may be read without harm: the BIOS's own area, and what the firmware's map lists. */
bool acpi_readable(const struct bootinfo *boot, u64 start, u64 size);

/* The sum of bytes, which is 0 where a checksum is among them and right. */
u8 acpi_sum(const void *data, u64 size);

/* The table at a physical address. False when there is none of this signature, or its sum is wrong. */
bool acpi_get_table(const struct bootinfo *boot, u64 addr, const char *signature,
		    struct acpi_table *out);

#endif
