/* SPDX-License-Identifier: MIT */
/* ACPI's tables without an AML interpreter: ports from the FADT, soft-off's value from the DSDT's _S5_. */
#include "guest/builtin/lib/acpi.h"

#include "arch/string.h"
#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"

#define SDT_HEADER      36
#define RSDP_RSDT       16
#define FADT_DSDT       40
#define FADT_SMI_CMD    48
#define FADT_ENABLE     52
#define FADT_PM1A_CNT   64
#define FADT_PM1B_CNT   68

#define AML_PACKAGE     0x12
#define AML_BYTE_PREFIX 0x0a

/* Tables need not lie in RAM, so they are mapped before they are read. */
static const u8 *mapped(u64 pa, u64 size)
{
	map_identity(pa, size);
	return ptr(pa);
}

static u32 get32(const u8 *table, u32 offset)
{
	u32 value;

	memcpy(&value, table + offset, sizeof(value));
	return value;
}

static const u8 *table_at(u32 pa)
{
	const u8 *table = mapped(pa, SDT_HEADER);

	return mapped(pa, get32(table, 4));
}

static const u8 *scan(u64 start, u64 size)
{
	const u8 *at = mapped(start, size);

	for (u64 i = 0; i + 20 <= size; i += 16) {
		u8 sum = 0;

		for (u32 b = 0; b < 20; b++)
			sum = (u8)(sum + at[i + b]);
		if (!memcmp(at + i, "RSD PTR ", 8) && !sum)
			return at + i;
	}
	return NULL;
}

static const u8 *find_rsdp(u64 told)
{
	const u8 *ebda, *rsdp;

	if (told)
		return ptr(told);
	/* The BIOS data area's word at 40Eh is the extended area's segment. */
	ebda = mapped(0x40e, 2);
	rsdp = scan((u64)(ebda[0] | ebda[1] << 8) << 4, 1024);
	return rsdp ? rsdp : scan(0xe0000, 0x20000);
}

const u8 *acpi_fadt(u64 told)
{
	const u8 *rsdp = find_rsdp(told), *rsdt;

	if (!rsdp)
		return NULL;
	rsdt = table_at(get32(rsdp, RSDP_RSDT));
	for (u32 at = SDT_HEADER; at + 4 <= get32(rsdt, 4); at += 4) {
		const u8 *table = table_at(get32(rsdt, at));

		if (!memcmp(table, "FACP", 4))
			return table;
	}
	return NULL;
}

/*
 * Two small integers begin the _S5_ package: SLP_TYPa and SLP_TYPb. After the name: PackageOp,
 * PkgLength (its first byte says how many follow), the number of elements, the elements.
 */
static bool find_s5(const u8 *dsdt, u8 typ[2])
{
	const u8 *end = dsdt + get32(dsdt, 4);

	for (const u8 *name = dsdt + SDT_HEADER; name + 9 <= end; name++) {
		const u8 *at = name + 7 + (name[5] >> 6);
		u32 n = 0;

		if (memcmp(name, "_S5_", 4) || name[4] != AML_PACKAGE)
			continue;
		for (; n < 2 && at < end; at++)
			if (*at != AML_BYTE_PREFIX)
				typ[n++] = *at & 7;
		return n == 2;
	}
	return false;
}

bool acpi_soft_off(u64 rsdp, struct soft_off *out)
{
	const u8 *fadt = acpi_fadt(rsdp);
	u8 typ[2];

	if (!fadt || !find_s5(table_at(get32(fadt, FADT_DSDT)), typ))
		return false;
	*out = (struct soft_off){
		.pm1_cnt = {(u16)get32(fadt, FADT_PM1A_CNT), (u16)get32(fadt, FADT_PM1B_CNT)},
		.typ = {typ[0], typ[1]},
		.smi_cmd = (u16)get32(fadt, FADT_SMI_CMD),
		.acpi_enable = fadt[FADT_ENABLE],
	};
	return true;
}
