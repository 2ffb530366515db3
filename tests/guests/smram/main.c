/* SPDX-License-Identifier: MIT */
/*
 * Opens SMRAM, puts a handler of its own there, and asks for an SMI: it would run above the hypervisor, with
 * all of memory in reach.
 */
#include "arch/string.h"
#include "guest/builtin/lib/acpi.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/pci.h"
#include "guest/builtin/lib/print.h"

extern const u8 smi_code[], smi_code_end[];

#define HANDLER     0xa8000 /* SMBASE is A0000h here, entry at 8000h */
#define RAN_AT      0x7000  /* smi.asm writes there */
#define RAN         0x600d

#define D_OPEN      BIT(6)
#define D_LCK       BIT(4)

#define APM_CNT     0xb2
#define FADT_ENABLE 52

static u8 smram(u32 reg)
{
	return (u8)(pci_read(0, reg) >> 8 * (reg & 3));
}

static void set_smram(u32 reg, u8 value)
{
	pci_select(0, reg);
	out8((u16)(PCI_DATA + (reg & 3)), value);
}

const char *guest_main(void)
{
	u32 host = pci_read(0, 0), reg = host == PCI_I440FX ? 0x72 : 0x9d;
	const u8 *fadt = acpi_fadt(memory_rsdp);
	u8 before = smram(reg);

	if (host != PCI_I440FX && host != PCI_Q35)
		return "no host bridge that is known";
	set_smram(reg, (u8)((before | D_OPEN) & ~D_LCK));
	print("smram: %x -> %x\n", before, smram(reg));
	map_identity(0xa0000, 0x20000);
	memcpy(ptr(HANDLER), smi_code, (size_t)(smi_code_end - smi_code));
	set_smram(reg, before);
	*(volatile u32 *)ptr(RAN_AT) = 0;
	out8(APM_CNT, 0x42);
	out16(APM_CNT, 0x4242);
	out32(APM_CNT - 2, 0x00420000);
	if (fadt)
		out8(APM_CNT, fadt[FADT_ENABLE]);
	for (u32 i = 0; i < 100000; i++)
		in8(0x61);
	if (*(volatile u32 *)ptr(RAN_AT) == RAN)
		return "its handler has run in SMM";
	return smram(reg) & D_OPEN  ? "SMRAM is open"
	       : smram(reg) & D_LCK ? NULL
				    : "SMRAM is not locked";
}
