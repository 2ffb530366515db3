/* SPDX-License-Identifier: MIT */
/* Finding the firmware's own ACPI root pointer: ACPI specification 5.2.5. */
#include "arch/string.h"
#include "boot/parse.h"
#include "mm/phys/phys.h"

#define RSDP_SIZE_1   20 /* covered by the first checksum */
#define EBDA_POINTER  0x40e
#define BIOS_AREA     0xe0000
#define BIOS_AREA_END 0x100000

/* Tables above are not mapped yet. */
#define REACH GIB(4)

/* UEFI specification 4.3: offsets in EFI_SYSTEM_TABLE of a 64-bit firmware. */
#define SYSTAB_TABLES  104 /* NumberOfTableEntries */
#define SYSTAB_TABLE   112 /* ConfigurationTable */
#define SYSTAB_SIZE    120
#define EFI_TABLES_MAX 256

struct efi_table {
	u8 guid[16];
	u64 addr;
};

static const u8 guid_acpi2[16] = {0x71, 0xe8, 0x68, 0x88, 0xf1, 0xe4, 0xd3, 0x11,
				  0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81};
static const u8 guid_acpi1[16] = {0x30, 0x2d, 0x9d, 0xeb, 0x88, 0x2d, 0xd3, 0x11,
				  0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d};

static bool is_rsdp(u64 hpa)
{
	const u8 *p = phys_ptr(hpa);
	u8 sum = 0;

	if (memcmp(p, "RSD PTR ", 8) != 0)
		return false;
	for (int i = 0; i < RSDP_SIZE_1; i++)
		sum += p[i];
	return sum == 0;
}

static u64 scan(u64 start, u64 end)
{
	for (u64 hpa = start; hpa + RSDP_SIZE_1 <= end; hpa += 16) {
		if (is_rsdp(hpa))
			return hpa;
	}
	return 0;
}

static u64 find_bios(void)
{
	u16 segment;
	u64 ebda, found = 0;

	memcpy(&segment, phys_ptr(EBDA_POINTER), sizeof(segment));
	ebda = (u64)segment << 4;
	if (ebda >= 0x400 && ebda <= 0xa0000 - KIB(1))
		found = scan(ebda, ebda + KIB(1));
	return found ? found : scan(BIOS_AREA, BIOS_AREA_END);
}

static u64 find_efi(u64 systab)
{
	u64 nr, tables, found = 0;

	if (systab > REACH - SYSTAB_SIZE)
		return 0;
	memcpy(&nr, phys_ptr(systab + SYSTAB_TABLES), sizeof(nr));
	memcpy(&tables, phys_ptr(systab + SYSTAB_TABLE), sizeof(tables));
	if (nr > EFI_TABLES_MAX || tables > REACH - EFI_TABLES_MAX * sizeof(struct efi_table))
		return 0;
	for (u64 i = 0; i < nr; i++) {
		struct efi_table t;
		bool acpi2;

		memcpy(&t, phys_ptr(tables + i * sizeof(t)), sizeof(t));
		acpi2 = memcmp(t.guid, guid_acpi2, sizeof(t.guid)) == 0;
		if (!acpi2 && memcmp(t.guid, guid_acpi1, sizeof(t.guid)) != 0)
			continue;
		if (t.addr > REACH - RSDP_SIZE_1 || !is_rsdp(t.addr))
			continue;
		if (acpi2)
			return t.addr;
		found = t.addr;
	}
	return found;
}

u64 rsdp_find(const struct bootinfo *boot)
{
	if (!boot->efi_systab)
		return find_bios();
	/* A 32-bit firmware's tables are not read: the boot loader's copy of the RSDP is all. */
	return boot->efi.is32 ? 0 : find_efi(boot->efi_systab);
}
