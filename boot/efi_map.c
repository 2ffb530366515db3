/* SPDX-License-Identifier: MIT */
/* EFI's memory map: it knows more types than the loader's other one, which is derived from it. */
#include "arch/console.h"
#include "arch/string.h"
#include "boot/parse.h"

#define EFI_ATTR_SPECIFIC BIT(18) /* EFI_MEMORY_SP: for a driver, not for general use */

/* More than a thousand descriptors. */
#define EFI_MAP_MAX 65536

static u8 efi_map[EFI_MAP_MAX];

/* EFI_MEMORY_TYPE, as it counts after ExitBootServices(). */
static u32 efi_type(const struct efi_desc *d)
{
	switch (d->type) {
	case EFI_LOADER_CODE:
	case EFI_LOADER_DATA:
	case EFI_BOOT_CODE:
	case EFI_BOOT_DATA:
	case EFI_CONVENTIONAL:
		return d->attr & EFI_ATTR_SPECIFIC ? MEMMAP_RESERVED : MEMMAP_RAM;
	case EFI_UNUSABLE:
		return MEMMAP_BAD;
	case EFI_ACPI_RECLAIM:
		return MEMMAP_ACPI;
	case EFI_ACPI_NVS:
		return MEMMAP_NVS;
	default:
		return MEMMAP_RESERVED;
	}
}

/*
 * Tables that the system table leads to may be there; and firmware that goes on to use it, until the
 * guest has called SetVirtualAddressMap(), is well known.
 */
static bool is_boot_services(const struct efi_desc *d)
{
	return d->type == EFI_BOOT_CODE || d->type == EFI_BOOT_DATA;
}

int boot_add_efi_map(struct bootinfo *boot, const void *map, size_t bytes, u32 desc_size,
		     u32 desc_version)
{
	if (desc_size < sizeof(struct efi_desc))
		return fail("EFI memory map: descriptors of %u bytes, expected at least %lu",
			    desc_size, sizeof(struct efi_desc));
	if (bytes > EFI_MAP_MAX)
		return fail("EFI memory map: %lu bytes, notrap takes %d", bytes, EFI_MAP_MAX);
	bytes -= bytes % desc_size;
	memcpy(efi_map, map, bytes);
	for (size_t at = 0; at < bytes; at += desc_size) {
		struct efi_desc d;

		memcpy(&d, efi_map + at, sizeof(d));
		if (d.pages > ~0ULL >> PAGE_SHIFT)
			return fail("EFI memory map: the range at %lx has %lx pages", d.start,
				    d.pages);
		if (boot_add_range(boot, d.start, d.pages << PAGE_SHIFT, efi_type(&d),
				   is_boot_services(&d)))
			return -1;
	}
	boot->efi = (struct boot_efi){
		.is32 = boot->efi.is32,
		.map = efi_map,
		.map_size = (u32)bytes,
		.desc_size = desc_size,
		.desc_version = desc_version,
	};
	return 0;
}
