/* SPDX-License-Identifier: MIT */
/*
 * Switches on the SMI of the ICH9's watchdog, which the firmware has left off, and lets it run out: a handler
 * in system management mode would run above the hypervisor at a moment of the guest's choice. Under notrap it
 * must stay off; bare=1: it is on.
 */
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/pci.h"
#include "guest/builtin/lib/print.h"

#define LPC     PCI_BDF(0x1f, 0)
#define PMBASE  0x40
#define SMI_EN  0x30 /* from PMBASE on */
#define TCO     0x60

#define EOS     BIT(1)
#define APMC_EN BIT(5)
#define TCO_EN  BIT(13)

/* ICH9 datasheet, 13.9. */
#define TCO_RLD     0x00
#define TCO1_STS    0x04
#define TCO1_CNT    0x08
#define TCO_TMR     0x12
#define TIMEOUT     BIT(3)
#define TMR_HLT     BIT(11)
#define LEAST_TICKS 4

static void run_out(u16 tco)
{
	out16(tco + TCO_TMR, LEAST_TICKS);
	out16(tco + TCO_RLD, 1);
	out16(tco + TCO1_CNT, in16(tco + TCO1_CNT) & ~TMR_HLT);
	for (u32 i = 0; i < 30000000 && !(in16(tco + TCO1_STS) & TIMEOUT); i++)
		in8(0x61);
	out16(tco + TCO1_CNT, in16(tco + TCO1_CNT) | TMR_HLT);
}

const char *guest_main(void)
{
	u16 pm = pci_read(LPC, PMBASE) & 0xff80, port = pm + SMI_EN;
	bool bare = guest_option_number("bare", 0);
	u32 before = in32(port);

	out8(port + 1, TCO_EN >> 8);
	out16(port, (u16)(before | TCO_EN));
	out32(port - 2, (before | TCO_EN) << 16);
	out32(port, before | TCO_EN | EOS);
	print("tco: SMI_EN was %x, is %x\n", before, in32(port));
	run_out(pm + TCO);
	if (!(in16(pm + TCO + TCO1_STS) & TIMEOUT))
		return "the watchdog does not run out";
	if (bare)
		return in32(port) & TCO_EN ? NULL : "it cannot be switched on";
	if ((in32(port) & ~EOS) != (before & ~EOS))
		return "SMI_EN has changed";
	out32(port, before & ~APMC_EN);
	return in32(port) & APMC_EN ? "nothing can be switched off" : NULL;
}
