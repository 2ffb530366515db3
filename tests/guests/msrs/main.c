/* SPDX-License-Identifier: MIT */
/*
 * MSRs that decide what memory is where, or make the CPU write memory by itself: under notrap a
 * guest reads what the machine has, may write it back, and can change nothing of it.
 *
 * On the bare machine nothing is changed either: reads and writes back show that the test is sound.
 */
#include "arch/cpu.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/notrap.h"
#include "guest/builtin/lib/print.h"
#include "guest/builtin/lib/test.h"

struct msr {
	u32 nr;
	u64 closed; /* bits to try, each by itself */
};

static const struct msr msrs[] = {
	{MSR_SYSCFG, BIT(20) | BIT(21) | BIT(22) | SYSCFG_SMEE | BIT(24)},
	{MSR_HWCR, BIT(0) | BIT(3) | BIT(4) | BIT(33)},
	{MSR_IORR_BASE0, BIT(3) | BIT(4) | BIT(12) | BIT(40)},
	{MSR_IORR_BASE0 + 1, BIT(11) | BIT(12) | BIT(40)},
	{MSR_IORR_BASE0 + 2, BIT(3) | BIT(4) | BIT(12) | BIT(40)},
	{MSR_IORR_BASE0 + 3, BIT(11) | BIT(12) | BIT(40)},
	{MSR_TOP_MEM, BIT(23) | BIT(31)},
	{MSR_TOP_MEM2, BIT(23) | BIT(39)},
	{MSR_SMM_BASE, BIT(17)},
	{MSR_SMM_BASE + 1, BIT(17) | BIT(31)},
	{MSR_SMM_MASK, BIT(0) | BIT(1) | BIT(17)},
	{MSR_SMRR_PHYSBASE, BIT(12)},
	{MSR_SMRR_PHYSBASE + 1, BIT(11) | BIT(12)},
	{MSR_TME_ACTIVATE, BIT(0) | BIT(1)},
	{MSR_DEBUG_INTERFACE, BIT(0)},
	{MSR_XSS, XSS_PT | XSS_CET | XSS_LBR},
	{MSR_HW_FEEDBACK_PTR, BIT(0) | BIT(12)},
	{MSR_FEATURE_CONTROL, BIT(2)},
};

/* No guest has them, whoever's CPU it is. */
static const u32 absent[] = {MSR_VMX_BASIC, MSR_VM_CR, MSR_VM_HSAVE_PA, MSR_SMM_MONITOR_CTL};

static volatile bool faulted;

/* RDMSR and WRMSR have two bytes. */
static bool skip(struct frame *frame)
{
	faulted = true;
	frame->rip += 2;
	return true;
}

static bool read_msr(u32 nr, u64 *value)
{
	u32 lo = 0, hi = 0;

	faulted = false;
	__asm__ volatile("rdmsr" : "+a"(lo), "+d"(hi) : "c"(nr) : "memory");
	*value = (u64)hi << 32 | lo;
	return !faulted;
}

static bool write_msr(u32 nr, u64 value)
{
	faulted = false;
	__asm__ volatile("wrmsr" : : "c"(nr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
	return !faulted;
}

static void try_bits(const struct msr *m, u64 old)
{
	u64 now = 0;

	for (u32 i = 0; i < 64; i++) {
		if (!(m->closed & BIT(i)))
			continue;
		check(!write_msr(m->nr, old ^ BIT(i)), "MSR %x: bit %u was written", m->nr, i);
		check(read_msr(m->nr, &now) && now == old, "MSR %x is %lx, not %lx", m->nr, now,
		      old);
	}
}

static void try_msr(const struct msr *m)
{
	u64 old;

	/* That one is locked: no write at all. */
	bool locked = m->nr == MSR_FEATURE_CONTROL || m->nr == MSR_SMRR_PHYSBASE ||
		      m->nr == MSR_SMRR_PHYSBASE + 1;

	if (!read_msr(m->nr, &old)) {
		check(!notrap_present() || !write_msr(m->nr, m->closed),
		      "MSR %x can be written, but not read", m->nr);
		return;
	}
	print("msrs: %x = %lx\n", m->nr, old);
	check(locked || write_msr(m->nr, old), "MSR %x refuses its own value", m->nr);
	if (notrap_present())
		try_bits(m, old);
}

/* A window to PCI devices over all memory there is; one that is switched off may be anywhere. */
static void try_mmio_window(void)
{
	u64 all = BIT(0) | 15 << 2, old;

	if (!notrap_present() || !read_msr(MSR_MMIO_CFG_BASE, &old))
		return;
	check(write_msr(MSR_MMIO_CFG_BASE, old), "the PCI window's own value is refused");
	check(!write_msr(MSR_MMIO_CFG_BASE, all), "the PCI window can be put over all memory");
	check(!write_msr(MSR_MMIO_CFG_BASE, old ^ BIT(0)),
	      "the PCI window can be switched on or off");
	check(!write_msr(MSR_MMIO_CFG_BASE, old ^ GIB(1)), "the PCI window can be moved");
}

const char *guest_main(void)
{
	u64 value;

	exception_handle(VEC_GP, skip);
	for (u32 i = 0; i < ARRAY_SIZE(msrs); i++)
		try_msr(&msrs[i]);
	for (u32 i = 0; notrap_present() && i < ARRAY_SIZE(absent); i++) {
		check(!read_msr(absent[i], &value), "MSR %x can be read", absent[i]);
		check(!write_msr(absent[i], 0), "MSR %x can be written", absent[i]);
	}
	if (notrap_present()) {
		check(read_msr(MSR_EFER, &value) && !(value & EFER_SVME) &&
			      !write_msr(MSR_EFER, value | EFER_SVME),
		      "EFER.SVME can be set");
	}
	try_mmio_window();
	exception_handle(VEC_GP, NULL);
	return check_end("msrs");
}
