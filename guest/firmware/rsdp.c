/* SPDX-License-Identifier: MIT */
/* Finding the firmware's own ACPI root pointer: ACPI specification 5.2.5. */
#include "arch/string.h"
#include "guest/firmware/acpi.h"
#include "guest/firmware/acpi_table.h"
#include "guest/firmware/ebda.h"
#include "mm/phys/phys.h"

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

u32 acpi_read_rsdp(const struct bootinfo *boot, u64 addr, u8 to[ACPI_RSDP_MAX])
{
	struct acpi_table t = {.size = RSDP_SIZE_V1};

	if (!acpi_readable(boot, addr, RSDP_SIZE_V1))
		return 0;
	t.data = phys_ptr(addr);
	if (memcmp(t.data, "RSD PTR ", 8) || acpi_sum(t.data, RSDP_SIZE_V1))
		return 0;
	if (t.data[15] >= 2 && acpi_readable(boot, addr, RSDP_SIZE_V2)) {
		t.size = RSDP_SIZE_V2;
		t.size = (u32)acpi_get(&t, 20, 4);
		if (t.size < RSDP_SIZE_V2 || t.size > ACPI_RSDP_MAX ||
		    !acpi_readable(boot, addr, t.size) || acpi_sum(t.data, t.size))
			return 0;
	}
	memcpy(to, t.data, t.size);
	return t.size;
}

static bool is_rsdp(const struct bootinfo *boot, u64 hpa)
{
	u8 bytes[ACPI_RSDP_MAX];

	return acpi_read_rsdp(boot, hpa, bytes);
}

static u64 scan(const struct bootinfo *boot, u64 start, u64 end)
{
	for (u64 hpa = start; hpa + RSDP_SIZE_V1 <= end; hpa += 16) {
		if (is_rsdp(boot, hpa))
			return hpa;
	}
	return 0;
}

static u64 find_bios(const struct bootinfo *boot)
{
	u64 ebda = ebda_start(), found = 0;

	if (ebda)
		found = scan(boot, ebda, ebda + KIB(1));
	return found ? found : scan(boot, BIOS_AREA, BIOS_AREA_END);
}

static u64 find_efi(const struct bootinfo *boot)
{
	u64 systab = boot->efi_systab, nr, tables, found = 0;

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
		if (!is_rsdp(boot, t.addr))
			continue;
		if (acpi2)
			return t.addr;
		found = t.addr;
	}
	return found;
}

u64 acpi_find_rsdp(const struct bootinfo *boot)
{
	if (!boot->efi_systab)
		return find_bios(boot);
	/* A 32-bit firmware's tables are not read: the boot loader's copy of the RSDP is all. */
	return boot->efi.is32 ? 0 : find_efi(boot);
}
