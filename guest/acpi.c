/* SPDX-License-Identifier: MIT */
/* ACPI's tables, read with no trust in them: every address and length is checked first. */
#include "guest/acpi.h"
#include "arch/string.h"
#include "mm/map.h"
#include "mm/phys.h"

#define RSDP_SIZE_V1 20
#define RSDP_SIZE_V2 36
#define HEADER_SIZE  36
#define TABLE_MAX    MIB(16)
#define EBDA_POINTER 0x40e
#define BIOS_START   0xe0000

/* Offsets in the FADT. */
#define FADT_DSDT         40
#define FADT_PM1A_CNT     64
#define FADT_PM1B_CNT     68
#define FADT_FLAGS        112
#define FADT_RESET_REG    116
#define FADT_RESET_VALUE  128
#define FADT_X_DSDT       140
#define FADT_X_PM1A_CNT   172
#define FADT_X_PM1B_CNT   184
#define FADT_RESET_REG_OK BIT(10)

/* A table that was checked: data[0..size) may be read. */
struct table {
	const u8 *data;
	u32 size;
};

/* A little-endian number; 0 past the table's end, as in a table of an older revision. */
static u64 get(const struct table *t, u32 offset, u32 bytes)
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

static bool get_table(const struct bootinfo *boot, u64 addr, const char *signature,
		      struct table *out)
{
	if (!readable(boot, addr, HEADER_SIZE))
		return false;
	out->data = phys_ptr(addr);
	out->size = HEADER_SIZE;
	if (memcmp(out->data, signature, 4))
		return false;
	out->size = (u32)get(out, 4, 4);
	return out->size >= HEADER_SIZE && out->size <= TABLE_MAX &&
	       readable(boot, addr, out->size) && sums_to_zero(out->data, out->size);
}

u32 acpi_read_rsdp(const struct bootinfo *boot, u64 addr, u8 to[ACPI_RSDP_MAX])
{
	struct table t = {.size = RSDP_SIZE_V1};

	if (!readable(boot, addr, RSDP_SIZE_V1))
		return 0;
	t.data = phys_ptr(addr);
	if (memcmp(t.data, "RSD PTR ", 8) || !sums_to_zero(t.data, RSDP_SIZE_V1))
		return 0;
	if (t.data[15] >= 2 && readable(boot, addr, RSDP_SIZE_V2)) {
		t.size = RSDP_SIZE_V2;
		t.size = (u32)get(&t, 20, 4);
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
static bool nth_table(const struct bootinfo *boot, const struct table *sdt, u32 i,
		      const char *signature, struct table *out)
{
	u32 width = sdt->data[0] == 'X' ? 8 : 4;

	if (i >= (sdt->size - HEADER_SIZE) / width)
		return false;
	if (!get_table(boot, get(sdt, HEADER_SIZE + i * width, width), signature, out))
		out->size = 0;
	return true;
}

/* One integer of a package (ACPI 6.4, 20.2.3), of which SLP_TYP keeps the low byte. */
static bool aml_integer(const struct table *aml, u32 *at, u8 *value)
{
	static const u8 bytes[] = {[0x0a] = 1, [0x0b] = 2, [0x0c] = 4, [0x0e] = 8};
	u32 op, len;

	if (*at >= aml->size)
		return false;
	op = aml->data[*at];
	if (op == 0x00 || op == 0x01 || op == 0xff) { /* ZeroOp, OneOp, OnesOp */
		*value = (u8)op;
		*at += 1;
		return true;
	}
	len = op < ARRAY_SIZE(bytes) ? bytes[op] : 0;
	if (!len || aml->size - *at < 1 + len)
		return false;
	*value = aml->data[*at + 1];
	*at += 1 + len;
	return true;
}

/* Name (_S5, Package {SLP_TYPa, SLP_TYPb, ...}) anywhere in the AML. */
static bool find_s5(const struct table *aml, struct acpi_power *out)
{
	for (u32 i = HEADER_SIZE + 1; aml->size > 8 && i < aml->size - 8; i++) {
		const u8 *p = aml->data + i;
		u32 at = i + 4;

		if (memcmp(p, "_S5_", 4) || p[4] != 0x12) /* PackageOp */
			continue;
		if (p[-1] != 0x08 && !(p[-1] == '\\' && p[-2] == 0x08)) /* NameOp */
			continue;
		at += 1 + 1 + (p[5] >> 6); /* PkgLength: bits 7:6 count its further bytes */
		if (at >= aml->size || !aml->data[at])
			continue;
		out->s5_typ_b = 0;
		bool two = aml->data[at++] > 1;

		if (aml_integer(aml, &at, &out->s5_typ_a) &&
		    (!two || aml_integer(aml, &at, &out->s5_typ_b))) {
			out->s5_typ_a &= 7;
			out->s5_typ_b &= 7;
			return true;
		}
	}
	return false;
}

/* A PM1 control port: from the extended field when that is an I/O port, else the old field. */
static u16 pm1_port(const struct table *fadt, u32 extended, u32 old)
{
	u64 port = get(fadt, extended + 4, 8);

	if (!port || get(fadt, extended, 1) != ACPI_SPACE_IO)
		port = get(fadt, old, 4);
	return port <= 0xffff ? (u16)port : 0;
}

static void read_fadt(const struct bootinfo *boot, const struct table *fadt, struct acpi_power *out)
{
	struct table dsdt;

	out->pm1a_cnt = pm1_port(fadt, FADT_X_PM1A_CNT, FADT_PM1A_CNT);
	out->pm1b_cnt = pm1_port(fadt, FADT_X_PM1B_CNT, FADT_PM1B_CNT);
	out->reset.space = (u8)get(fadt, FADT_RESET_REG, 1);
	out->reset.addr = get(fadt, FADT_RESET_REG + 4, 8);
	out->reset.value = (u8)get(fadt, FADT_RESET_VALUE, 1);
	out->reset.supported = (get(fadt, FADT_FLAGS, 4) & FADT_RESET_REG_OK) && out->reset.addr &&
			       out->reset.space <= ACPI_SPACE_PCI;
	if (get_table(boot, get(fadt, FADT_X_DSDT, 8), "DSDT", &dsdt) ||
	    get_table(boot, get(fadt, FADT_DSDT, 4), "DSDT", &dsdt))
		out->s5_known = find_s5(&dsdt, out);
}

/* The XSDT, else the RSDT. */
static bool find_root(const struct bootinfo *boot, struct table *sdt)
{
	u8 bytes[ACPI_RSDP_MAX];
	struct table rsdp = {bytes, find_rsdp(boot, bytes)};

	return get_table(boot, rsdp.size >= RSDP_SIZE_V2 ? get(&rsdp, 24, 8) : 0, "XSDT", sdt) ||
	       get_table(boot, get(&rsdp, 16, 4), "RSDT", sdt);
}

u8 *acpi_table(const struct bootinfo *boot, const char *signature, u32 n, u32 *size)
{
	struct table sdt, t;

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

int acpi_find_power(const struct bootinfo *boot, struct acpi_power *out)
{
	struct table sdt, t;
	bool found = false;

	*out = (struct acpi_power){0};
	if (!find_root(boot, &sdt))
		return -1;
	for (u32 i = 0; !found && nth_table(boot, &sdt, i, "FACP", &t); i++) {
		found = t.size;
		if (found)
			read_fadt(boot, &t, out);
	}
	for (u32 i = 0; found && !out->s5_known && nth_table(boot, &sdt, i, "SSDT", &t); i++)
		out->s5_known = find_s5(&t, out);
	return found ? 0 : -1;
}
