/* SPDX-License-Identifier: MIT */
/* ACPI's tables, read with no trust in them: every address and length is checked first. */
#include "guest/firmware/acpi_table.h"

#include "arch/string.h"
#include "guest/firmware/acpi.h"
#include "mm/phys/map.h"
#include "mm/phys/phys.h"

#define TABLE_MAX  MIB(16)
#define BIOS_START 0xe0000

u64 acpi_get(const struct acpi_table *t, u32 offset, u32 bytes)
{
	u64 n = 0;

	if (bytes > t->size || offset > t->size - bytes)
		return 0;
	memcpy(&n, t->data + offset, bytes);
	return n;
}

bool acpi_readable(const struct bootinfo *boot, u64 start, u64 size)
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

u8 acpi_sum(const void *data, u64 size)
{
	const u8 *p = data;
	u8 sum = 0;

	while (size--)
		sum += *p++;
	return sum;
}

bool acpi_get_table(const struct bootinfo *boot, u64 addr, const char *signature,
		    struct acpi_table *out)
{
	if (!acpi_readable(boot, addr, ACPI_HEADER_SIZE))
		return false;
	out->data = phys_ptr(addr);
	out->size = ACPI_HEADER_SIZE;
	if (memcmp(out->data, signature, 4))
		return false;
	out->size = (u32)acpi_get(out, 4, 4);
	return out->size >= ACPI_HEADER_SIZE && out->size <= TABLE_MAX &&
	       acpi_readable(boot, addr, out->size) && !acpi_sum(out->data, out->size);
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
	struct acpi_table rsdp = {bytes, acpi_read_rsdp(boot, boot->rsdp, bytes)};

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
			return t.data;
		}
	}
	return NULL;
}
