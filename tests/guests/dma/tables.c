/* SPDX-License-Identifier: MIT */
#include "tests/guests/dma/dma.h"

#define RSDP_RSDT 16
#define HEADER    36

/* QEMU's tables are in one page or two: what the guest's library has mapped as RAM, or past it. */
static const u8 *table(u64 at)
{
	map_identity(ALIGN_DOWN(at, MIB(2)), MIB(2));
	return ptr(at);
}

bool acpi_has(const char *signature)
{
	const u8 *rsdt;
	u32 at, size;

	if (!memory_rsdp)
		guest_fail("no RSDP");
	memcpy(&at, (const u8 *)ptr(memory_rsdp) + RSDP_RSDT, sizeof(at));
	rsdt = table(at);
	memcpy(&size, rsdt + 4, sizeof(size));
	for (u32 i = HEADER; i + 4 <= size; i += 4) {
		memcpy(&at, rsdt + i, sizeof(at));
		if (!memcmp(table(at), signature, 4))
			return true;
	}
	return false;
}
