/* SPDX-License-Identifier: MIT */
/* ACPI's tables, read with no trust in them: every address and length is checked first. */
#include "guest/acpi.h"
#include "arch/string.h"
#include "guest/acpi_table.h"
#include "mm/phys/map.h"
#include "mm/phys/phys.h"

#define RSDP_SIZE_V1 20
#define RSDP_SIZE_V2 36
#define TABLE_MAX    MIB(16)
#define EBDA_POINTER 0x40e
#define BIOS_START   0xe0000

u64 acpi_get(const struct acpi_table *t, u32 offset, u32 bytes)
{
	u64 n = 0;

	if (bytes > t->size || offset > t->size - bytes)
		return 0;
	memcpy(&n, t->data + offset, bytes);
	return n;
}

/* What may be read without harm: the BIOS's own area, and what the firmware's map lists. */
static bool readable(const struct bootinfo *boot, u64 start, u64 size)
{
	const struct memmap *map = &boot->map;
	u64 end = start + size;

	if (!start || end < start || end > map_end())
		return false;
	if (start >= BIOS_START && end <= MIB(1))
		return true;
	for (u32 i = 0; i < map->count && start < end; i++)
		if (map->range[i].start <= start && start < map->range[i].end &&
		    map->range[i].type != MEMMAP_BAD)
			start = map->range[i].end;
	return start >= end;
}

static bool sums_to_zero(const u8 *data, u64 size)
{
	u8 sum = 0;

	while (size--)
		sum += *data++;
	return !sum;
}

bool acpi_get_table(const struct bootinfo *boot, u64 addr, const char *signature,
		    struct acpi_table *out)
{
	if (!readable(boot, addr, ACPI_HEADER_SIZE))
		return false;
	out->data = phys_ptr(addr);
	out->size = ACPI_HEADER_SIZE;
	if (memcmp(out->data, signature, 4))
		return false;
	out->size = (u32)acpi_get(out, 4, 4);
	return out->size >= ACPI_HEADER_SIZE && out->size <= TABLE_MAX &&
	       readable(boot, addr, out->size) && sums_to_zero(out->data, out->size);
}

u32 acpi_read_rsdp(const struct bootinfo *boot, u64 addr, u8 to[ACPI_RSDP_MAX])
{
	struct acpi_table t = {.size = RSDP_SIZE_V1};

	if (!readable(boot, addr, RSDP_SIZE_V1))
		return 0;
	t.data = phys_ptr(addr);
	if (memcmp(t.data, "RSD PTR ", 8) || !sums_to_zero(t.data, RSDP_SIZE_V1))
		return 0;
	if (t.data[15] >= 2 && readable(boot, addr, RSDP_SIZE_V2)) {
		t.size = RSDP_SIZE_V2;
		t.size = (u32)acpi_get(&t, 20, 4);
		if (t.size < RSDP_SIZE_V2 || t.size > ACPI_RSDP_MAX ||
		    !readable(boot, addr, t.size) || !sums_to_zero(t.data, t.size))
			return 0;
	}
	memcpy(to, t.data, t.size);
	return t.size;
}

static u32 scan_rsdp(const struct bootinfo *boot, u64 start, u64 end, u8 to[ACPI_RSDP_MAX])
{
	u32 size = 0;

	for (u64 at = start; !size && at + RSDP_SIZE_V1 <= end; at += 16)
		size = acpi_read_rsdp(boot, at, to);
	return size;
}

/* boot->rsdp, else the EBDA's first KiB, else the BIOS area (ACPI 6.4, 5.2.5.1). */
static u32 find_rsdp(const struct bootinfo *boot, u8 to[ACPI_RSDP_MAX])
{
	u32 size = acpi_read_rsdp(boot, boot->rsdp, to);
	u16 segment;

	if (size || boot->efi_systab)
		return size;
	memcpy(&segment, phys_ptr(EBDA_POINTER), sizeof(segment));
	if (segment >= 0x8000 && segment < 0xa000)
		size = scan_rsdp(boot, (u64)segment << 4, ((u64)segment << 4) + KIB(1), to);
	return size ? size : scan_rsdp(boot, BIOS_START, MIB(1), to);
}

/* Table number `i` of the RSDT or XSDT. False past the end; a broken table has size 0. */
static bool nth_table(const struct bootinfo *boot, const struct acpi_table *sdt, u32 i,
		      const char *signature, struct acpi_table *out)
{
	u32 width = sdt->data[0] == 'X' ? 8 : 4;

	if (i >= (sdt->size - ACPI_HEADER_SIZE) / width)
		return false;
	if (!acpi_get_table(boot, acpi_get(sdt, ACPI_HEADER_SIZE + i * width, width), signature,
			    out))
		out->size = 0;
	return true;
}

/* The XSDT, else the RSDT. */
static bool find_root(const struct bootinfo *boot, struct acpi_table *sdt)
{
	u8 bytes[ACPI_RSDP_MAX];
	struct acpi_table rsdp = {bytes, find_rsdp(boot, bytes)};

	return acpi_get_table(boot, rsdp.size >= RSDP_SIZE_V2 ? acpi_get(&rsdp, 24, 8) : 0, "XSDT",
			      sdt) ||
	       acpi_get_table(boot, acpi_get(&rsdp, 16, 4), "RSDT", sdt);
}

u8 *acpi_table(const struct bootinfo *boot, const char *signature, u32 n, u32 *size)
{
	struct acpi_table sdt, t;

	if (!find_root(boot, &sdt))
		return NULL;
	for (u32 i = 0; nth_table(boot, &sdt, i, signature, &t); i++) {
		if (t.size && n-- == 0) {
			*size = t.size;
			return (u8 *)t.data;
		}
	}
	return NULL;
}
