/* SPDX-License-Identifier: MIT */
/*
 * MSRs. All are the machine's own and go through, except those that would reach around the shadow
 * tables, move the APIC over the hypervisor, or show the virtualisation that is hidden.
 */
#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/safe.h"
#include "guest/exits.h"

#define MSR_IA32_PEBS_ENABLE 0x3f1
#define MSR_IA32_DS_AREA     0x600
#define MSR_RTIT_FIRST       0x560
#define MSR_RTIT_LAST        0x571
#define MSR_RTIT_ADDR_FIRST  0x580
#define MSR_RTIT_ADDR_LAST   0x587
#define MSR_U_CET            0x6a0
#define MSR_S_CET_LAST       0x6a8
#define MSR_PEBS_BASE        0x3f4 /* architectural PEBS: at a linear address */
#define MSR_PEBS_INDEX       0x3f5
/* Architectural LBR: no exit switches it off, so it would show the hypervisor's branches. */
#define MSR_LBR_CTL        0x14ce
#define MSR_LBR_DEPTH      0x14cf
#define MSR_LBR_INFO_FIRST 0x1200
#define MSR_LBR_TO_LAST    0x161f
#define MSR_PMC_FIRST      0x1900 /* of CPUID leaf 23h, PEBS' switches among them */
#define MSR_PMC_LAST       0x19ff

/* What a hypervisor below this one offers: most are physical addresses that it writes to. */
#define MSR_KVM_WALL_CLOCK_OLD  0x11
#define MSR_KVM_SYSTEM_TIME_OLD 0x12
#define MSR_HYPERV_FIRST        0x40000000
#define MSR_HYPERV_LAST         0x400002ff /* Xen's too */
#define MSR_KVM_FIRST           0x4b564d00
#define MSR_KVM_LAST            0x4b564dff

/* IA32_MISC_ENABLE: SDM vol. 4 table 2-2. */
#define MISC_ENABLE_LIMIT_CPUID BIT(22)
#define MISC_ENABLE_XD_DISABLE  BIT(34)

struct msr_range {
	u32 first, last;
};

/* #GP on every access, as on a CPU that does not have them. */
static const struct msr_range absent[] = {
	{MSR_VMX_BASIC, MSR_VMX_EXIT_CTLS2},
	{MSR_SMM_MONITOR_CTL, MSR_SMM_MONITOR_CTL},
	{MSR_IA32_PEBS_ENABLE, MSR_IA32_PEBS_ENABLE},
	{MSR_IA32_DS_AREA, MSR_IA32_DS_AREA},
	{MSR_RTIT_FIRST, MSR_RTIT_LAST},
	{MSR_RTIT_ADDR_FIRST, MSR_RTIT_ADDR_LAST},
	{MSR_PEBS_BASE, MSR_PEBS_INDEX},
	{MSR_U_CET, MSR_S_CET_LAST},
	{MSR_LBR_CTL, MSR_LBR_DEPTH},
	{MSR_LBR_INFO_FIRST, MSR_LBR_TO_LAST},
	{MSR_PMC_FIRST, MSR_PMC_LAST},
	{MSR_KVM_WALL_CLOCK_OLD, MSR_KVM_SYSTEM_TIME_OLD},
	{MSR_HYPERV_FIRST, MSR_HYPERV_LAST},
	{MSR_KVM_FIRST, MSR_KVM_LAST},
	{MSR_VM_CR, MSR_SVM_KEY},
};

static bool is_absent(u32 msr)
{
	for (u32 i = 0; i < ARRAY_SIZE(absent); i++) {
		if (msr >= absent[i].first && msr <= absent[i].last)
			return true;
	}
	return false;
}

void intercept_msrs(struct vcpu *v)
{
	for (u32 i = 0; i < ARRAY_SIZE(absent); i++) {
		for (u32 msr = absent[i].first; msr <= absent[i].last; msr++)
			v->ops->intercept_msr(v, msr, true, true);
	}
	v->ops->intercept_msr(v, MSR_EFER, true, true);
	v->ops->intercept_msr(v, MSR_FEATURE_CONTROL, true, true);
	v->ops->intercept_msr(v, MSR_APIC_BASE, false, true);
	v->ops->intercept_msr(v, MSR_MISC_ENABLE, false, true);
	v->ops->intercept_msr(v, MSR_BIOS_UPDT_TRIG, false, true);
	v->ops->intercept_msr(v, MSR_PATCH_LOADER, false, true);
	v->ops->intercept_msr(v, MSR_MMIO_CFG_BASE, false, true);
	intercept_guarded_msrs(v);
}

static bool read_msr(struct vcpu *v, u32 msr, u64 *value)
{
	switch (msr) {
	case MSR_EFER:
		*value = v->mmu.regs.efer;
		return true;
	case MSR_FEATURE_CONTROL:
		/* Locked, nothing enabled. */
		if (!rdmsr_safe(msr, value))
			return false;
		*value = FEATURE_CONTROL_LOCK;
		return true;
	}
	return !is_absent(msr) && rdmsr_safe(msr, value);
}

static bool is_over_hidden(const struct vcpu *v, u64 start, u64 size)
{
	const struct memmap_range *hidden = v->machine->hidden;

	for (u32 i = 0; i < v->machine->nr_hidden; i++) {
		if (start + size > hidden[i].start && start < hidden[i].end)
			return true;
	}
	return false;
}

static bool write_apic_base(struct vcpu *v, u64 value)
{
	return !is_over_hidden(v, value & GENMASK(51, 12), PAGE_SIZE) &&
	       wrmsr_safe(MSR_APIC_BASE, value);
}

/* The window to the PCI devices' registers stays where its writes are watched: guest/ecam.c. */
static bool write_mmio_cfg_base(u64 value)
{
	u64 now;

	return rdmsr_safe(MSR_MMIO_CFG_BASE, &now) && value == now;
}

/* Execute-disable is the hypervisor's too, and the leaves of CPUID that it reads. */
static bool write_misc_enable(u64 value)
{
	u64 kept = MISC_ENABLE_LIMIT_CPUID | MISC_ENABLE_XD_DISABLE, old;

	if (!rdmsr_safe(MSR_MISC_ENABLE, &old) || ((value ^ old) & kept))
		return false;
	return wrmsr_safe(MSR_MISC_ENABLE, value);
}

static bool write_msr(struct vcpu *v, u32 msr, u64 value)
{
	switch (msr) {
	case MSR_EFER:
		return guest_write_efer(v, value);
	case MSR_APIC_BASE:
		return write_apic_base(v, value);
	case MSR_MMIO_CFG_BASE:
		return write_mmio_cfg_base(value);
	case MSR_FEATURE_CONTROL:
		return false;
	case MSR_MISC_ENABLE:
		return write_misc_enable(value);
	case MSR_BIOS_UPDT_TRIG:
	case MSR_PATCH_LOADER:
		/* A microcode update reads memory at a linear address: it is the firmware's to make. */
		return true;
	}
	return !is_absent(msr) && !msr_write_is_guarded(msr, value) && wrmsr_safe(msr, value);
}

void handle_rdmsr(struct vcpu *v, const struct vmexit *exit)
{
	u64 value;

	if (!read_msr(v, (u32)v->gpr[RCX], &value)) {
		inject_gp(v);
		return;
	}
	v->gpr[RAX] = (u32)value;
	v->gpr[RDX] = value >> 32;
	insn_skip(v, exit);
}

void handle_wrmsr(struct vcpu *v, const struct vmexit *exit)
{
	u64 value = v->gpr[RDX] << 32 | (u32)v->gpr[RAX];

	if (write_msr(v, (u32)v->gpr[RCX], value))
		insn_skip(v, exit);
	else
		inject_gp(v);
}
