/* SPDX-License-Identifier: MIT */
/* Resetting the machine, by all ways in turn, so that nothing of the guest's survives in its firmware. */
#include "arch/desc.h"
#include "arch/insn.h"
#include "arch/string.h"
#include "guest/machine.h"
#include "guest/pci.h"
#include "guest/power.h"
#include "mm/phys/map.h"
#include "mm/phys/phys.h"

#define WARM_START  0x467 /* 40:67, where firmware jumps to after a warm start */

#define RESET_FULL  0x02 /* RST_CNT: hard instead of soft; then the same with the reset itself */
#define RESET_CYCLE 0x0e /* power-cycles where that exists */
#define RESET_HARD  0x06

#define ANSWER_TIME 100000 /* microseconds that a way has to show */

/* A read of a port of the PC's own chips takes about a microsecond. */
static void wait(void)
{
	for (u32 i = 0; i < ANSWER_TIME; i++)
		in8(0x61);
}

/* The firmware's own register. ACPI 6.4, 4.8.3.6. */
static void reset_by_acpi(const struct acpi_power *p)
{
	u64 at = p->reset.addr;
	struct pci_function f = {.bdf = (u16)((at >> 32 & 31) << 3 | (at >> 16 & 7))};

	if (!p->reset.supported)
		return;
	if (p->reset.space == ACPI_SPACE_IO)
		out8((u16)at, p->reset.value);
	else if (p->reset.space == ACPI_SPACE_PCI)
		pci_write(&f, at & 0xff, 1, p->reset.value);
	else if (at < map_end())
		*(volatile u8 *)phys_ptr(at) = p->reset.value;
	wait();
}

void machine_reset(struct machine *machine)
{
	static const u8 full[] = {RESET_FULL, RESET_CYCLE, RESET_FULL, RESET_HARD};

	machine_last_words(machine, "resetting");
	cmos_clear_shutdown();
	memset(phys_ptr(WARM_START), 0, 4);
	for (u32 i = 0; i < ARRAY_SIZE(full); i++) {
		out8(PORT_RESET_CONTROL, full[i]);
		if (i % 2)
			wait();
	}
	reset_by_acpi(&machine->power);
	out8(PORT_KBD_COMMAND, 0xfe);
	wait();
	out8(PORT_SYSTEM_A, in8(PORT_SYSTEM_A) | 1);
	for (;;)
		cpu_hlt();
}
