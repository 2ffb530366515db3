/* SPDX-License-Identifier: MIT */
/*
 * MSRs. All are the machine's own and go through, except those that would reach around the shadow
 * tables, move the APIC over memory, act on the machine outside of the CPU (guest/exit/msr_guard.c), or show
 * what is hidden (guest/exit/msr_absent.c).
 */
#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/safe.h"
#include "guest/cpus/ipi.h"
#include "guest/exit/exit.h"
#include "guest/exit/handlers.h"
#include "guest/machine/hidden.h"
#include "guest/machine/machine.h"
#include "guest/vcpu/inject.h"
#include "guest/vcpu/instruction.h"
#include "guest/vcpu/mitigate.h"

/* IA32_MISC_ENABLE: SDM vol. 4 table 2-2. */
#define MISC_ENABLE_LIMIT_CPUID BIT(22)
#define MISC_ENABLE_XD_DISABLE  BIT(34)

void intercept_msrs(struct vcpu *v)
{
	intercept_absent_msrs(v);
	v->ops->intercept_msr(v, MSR_EFER, true, true);
	v->ops->intercept_msr(v, MSR_FEATURE_CONTROL, true, true);
	v->ops->intercept_msr(v, MSR_APIC_BASE, false, true);
	v->ops->intercept_msr(v, MSR_MISC_ENABLE, false, true);
	v->ops->intercept_msr(v, MSR_BIOS_UPDT_TRIG, false, true);
	v->ops->intercept_msr(v, MSR_PATCH_LOADER, false, true);
	v->ops->intercept_msr(v, MSR_MMIO_CFG_BASE, false, true);
	if (v->guards & GUARD_HOLD_IBRS)
		v->ops->intercept_msr(v, MSR_SPEC_CTRL, true, true);
	intercept_guarded_msrs(v);
	mtrr_intercept(v);
	ipi_intercept(v);
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
	case MSR_SPEC_CTRL:
		*value = v->spec_ctrl;
		return true;
	case MSR_PAT:
		*value = pat_read(v);
		return true;
	}
	return !msr_is_absent(msr) && rdmsr_safe(msr, value);
}

/*
 * Where it is, RAM is RAM no more: the hypervisor would find registers where the guest's tables were.
 * notrap does not use the APIC while a guest runs, but for what Bochs needs (svm/quirks.c).
 */
static bool write_apic_base(struct vcpu *v, u64 value)
{
	u64 page = value & GENMASK(63, 12);
	const struct machine *m = v->machine;

	/* Writes are watched where it is now. */
	if (ipi_is_watched(m) && page != m->ipi_base)
		return false;
	return !(page >> m->maxphyaddr) &&
	       !ranges_overlap(m->hidden, m->nr_hidden, page, page + PAGE_SIZE) &&
	       !memmap_has_ram(&m->guest_map, page, page + PAGE_SIZE) &&
	       wrmsr_safe(MSR_APIC_BASE, value);
}

/* The window to the PCI devices' registers stays where its writes are watched: guest/chipset/ecam.c. */
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

/* It exits only while bits are held. */
static bool write_spec_ctrl(struct vcpu *v, u64 value)
{
	if (!wrmsr_safe(MSR_SPEC_CTRL, value | v->spec_ctrl_held))
		return false;
	v->spec_ctrl = value;
	return true;
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
	case MSR_SPEC_CTRL:
		return write_spec_ctrl(v, value);
	case MSR_PAT:
		return pat_write(v, value);
	case MSR_MISC_ENABLE:
		return write_misc_enable(value);
	case MSR_BIOS_UPDT_TRIG:
	case MSR_PATCH_LOADER:
		/* A microcode update reads memory at a linear address: it is the firmware's to make. */
		return true;
	}
	if (ipi_msr_is_dropped(v->machine, msr, value))
		return true;
	if (mtrr_is(v->machine, msr))
		return mtrr_write(v, msr, value);
	return !msr_is_absent(msr) && !msr_write_is_guarded(msr, value) && wrmsr_safe(msr, value);
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
