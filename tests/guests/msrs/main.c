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

#define MSR_PSTATE_0       0xc0010064
#define MSR_SMI_TRIGGER_IO 0xc0010056
#define MSR_IBS_OP_CTL     0xc0011033

#define MSR_FRED_RSP0      0x1cc
#define MSR_FRED_CONFIG    0x1d4
#define MSR_U_CET          0x6a0
#define MSR_PL3_SSP        0x6a7

#define MSR_AMD_FIRST      0xc0010000
#define VENDOR_AMD_ECX     0x444d4163 /* "cAMD" */

#define MTRR_ON            BIT(11) /* of a pair's mask, and of IA32_MTRR_DEF_TYPE */
#define TYPE_WC            1
#define PAT_UC_FIRST       0x0007040600070400ULL /* after a reset, but for entry 0 */

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
	{MSR_OC_MAILBOX, BIT(63) | BIT(0)},
	{MSR_CST_CONFIG_CONTROL, BIT(10) | BIT(15)},
	{MSR_PMG_IO_CAPTURE_BASE, BIT(0) | BIT(16)},
	{MSR_PSTATE_0, BIT(14) | BIT(21)},
	{MSR_SMI_TRIGGER_IO, BIT(0) | BIT(26)},
	{MSR_DEBUG_INTERFACE, BIT(0)},
	{MSR_XSS, XSS_PT | XSS_CET | XSS_LBR},
	{MSR_HW_FEEDBACK_PTR, BIT(0) | BIT(12)},
	{MSR_FEATURE_CONTROL, BIT(2)},
};

/* No guest has them, whoever's CPU it is. */
static const u32 absent[] = {MSR_VMX_BASIC,    MSR_VM_CR,      MSR_VM_HSAVE_PA, MSR_SMM_MONITOR_CTL,
			     MSR_TME_ACTIVATE, MSR_IBS_OP_CTL, MSR_U_CET,       MSR_PL3_SSP,
			     MSR_PKRS,         MSR_FRED_RSP0,  MSR_FRED_CONFIG};

static volatile bool faulted;
static bool amd_read_only;

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

static bool is_amd(void)
{
	return cpuid(0, 0).ecx == VENDOR_AMD_ECX;
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

	/* These are locked: no write at all. */
	bool locked = m->nr == MSR_FEATURE_CONTROL || m->nr == MSR_SMRR_PHYSBASE ||
		      m->nr == MSR_SMRR_PHYSBASE + 1 || (m->nr >= MSR_AMD_FIRST && amd_read_only);

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

/* A PHYSMASK for a range of so many bytes. */
static u64 mtrr_mask(u64 size)
{
	u32 bits = cpuid(0x80000008, 0).eax & 0xff;

	return (GENMASK(bits - 1, 12) & ~(size - 1)) | MTRR_ON;
}

/* Write combining over memory that notrap has a part of, and over a device. */
static void try_pair(u32 base, u64 def)
{
	u32 mask = base + 1;
	u64 old_base = 0, old_mask = 0;

	read_msr(base, &old_base);
	read_msr(mask, &old_mask);
	if (def & MTRR_ON) {
		check(write_msr(base, TYPE_WC), "PHYSBASE of an unused pair is refused");
		check(!write_msr(mask, mtrr_mask(GIB(4))),
		      "memory of notrap's is made write combining");
	}
	/* As systems change them: all off, and on again. */
	check(write_msr(MSR_MTRR_DEF_TYPE, def & ~MTRR_ON), "MTRRs cannot be switched off");
	check(write_msr(base, TYPE_WC) && write_msr(mask, mtrr_mask(GIB(4))),
	      "a pair cannot be written while MTRRs are off");
	check(!write_msr(MSR_MTRR_DEF_TYPE, def | MTRR_ON),
	      "MTRRs that make memory of notrap's write combining are switched on");
	check(write_msr(mask, 0) && write_msr(base, 0xe0000000 | TYPE_WC) &&
		      write_msr(mask, mtrr_mask(MIB(16))),
	      "a device's memory cannot be made write combining");
	check(write_msr(MSR_MTRR_DEF_TYPE, def), "MTRRs cannot be switched on again");
	check(!write_msr(MSR_MTRR_DEF_TYPE, MTRR_ON | TYPE_WC),
	      "memory is write combining by default");
	check(write_msr(mask, old_mask) && write_msr(base, old_base), "no way back");
}

static void try_mtrrs(void)
{
	u64 cap = 0, def = 0, mask;

	if (!notrap_present() || !(cpuid(1, 0).edx & CPUID_1_EDX_MTRR) ||
	    !read_msr(MSR_MTRRCAP, &cap) || !read_msr(MSR_MTRR_DEF_TYPE, &def))
		return;
	check(write_msr(MSR_MTRR_DEF_TYPE, def), "the MTRRs' own value is refused");
	for (u32 i = 0; i < (cap & 0xff); i++) {
		if (!read_msr(MSR_MTRR_PHYSBASE0 + 2 * i + 1, &mask) || (mask & MTRR_ON))
			continue;
		try_pair(MSR_MTRR_PHYSBASE0 + 2 * i, def);
		print("msrs: MTRR pairs: %lu, default type %lx\n", cap & 0xff, def);
		return;
	}
}

/* It reads as written, whatever the hardware has of it. */
static void try_pat(void)
{
	u64 old, value;

	if (!read_msr(MSR_PAT, &old))
		return;
	check(write_msr(MSR_PAT, PAT_UC_FIRST) && read_msr(MSR_PAT, &value) &&
		      value == PAT_UC_FIRST,
	      "the PAT is not what was written");
	check(write_msr(MSR_PAT, old) && read_msr(MSR_PAT, &value) && value == old,
	      "the PAT does not take its old value");
	if (notrap_present() && (notrap_info() & NOTRAP_INFO_SVM) &&
	    !(notrap_info() & NOTRAP_INFO_NESTED))
		check(!write_msr(MSR_PAT, old | 0xff) && !write_msr(MSR_PAT, (old & ~0xffULL) | 2),
		      "the PAT takes a type that there is not");
}

/* The local APIC's page: not over RAM, not past the physical addresses. */
static void try_apic_base(void)
{
	u32 bits = cpuid(0x80000008, 0).eax & 0xff;
	u64 old;

	if (!notrap_present() || !read_msr(MSR_APIC_BASE, &old))
		return;
	check(write_msr(MSR_APIC_BASE, old), "the APIC's own base is refused");
	check(!write_msr(MSR_APIC_BASE, (old & 0xfff) | MIB(2)), "the APIC is over RAM");
	check(bits > 51 || !write_msr(MSR_APIC_BASE, old | BIT(bits)),
	      "the APIC is past the physical addresses");
}

/* kvm=1: on KVM, which has some of AMD's, on Intel's CPUs too, and takes no writes to them. */
const char *guest_main(void)
{
	u64 value;

	amd_read_only = !is_amd() || guest_option_number("kvm", 0);
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
	try_mtrrs();
	try_pat();
	try_apic_base();
	exception_handle(VEC_GP, NULL);
	return check_end("msrs");
}
