/* SPDX-License-Identifier: MIT */
/* Into VMX root operation: SDM vol. 3C 24.7, 24.8. */
#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/percpu.h"
#include "mm/phys/phys.h"
#include "vmx/vmx.h"

_Static_assert(offsetof(struct cpu, nmi_pending) == 8, "entry.asm knows it");
_Static_assert(offsetof(struct cpu, next) == 12, "entry.asm knows it");
_Static_assert(offsetof(struct vcpu, gpr) == 0, "entry.asm knows it");

/* See struct cpu; from comes last, for an NMI may come meanwhile. */
static void set_last_steps(u32 i, const u8 *from, const u8 *to, const u8 *retry)
{
	this_cpu()->last_steps[i].retry = (u64)retry;
	this_cpu()->last_steps[i].to = (u64)to;
	this_cpu()->last_steps[i].from = (u64)from;
}

/* VMXON and VMPTRLD take physical addresses; as part of the image they need no allocator. */
static struct vmx_vcpu vmx_vcpus[1];

struct vmx_vcpu *vmx_vcpu_of(u32 cpu)
{
	return &vmx_vcpus[cpu];
}

int vmx_enable(void *page)
{
	/* What the boot CPU has is asked of all. */
	const struct vmx_caps *caps = &vmx_vcpu_of(0)->caps;
	u64 feature_control = rdmsr(MSR_FEATURE_CONTROL);
	struct vmx_region *region = page;
	u64 vmxon = phys_addr(region);
	bool failed;

	/* Each CPU has its own, and firmware has been seen to set the first one's only. */
	if (vmx_check_feature_control(feature_control) < 0)
		return -1;
	/* Firmware left it open: choose, and lock the choice, or VMXON raises #GP. */
	if (!(feature_control & FEATURE_CONTROL_LOCK))
		wrmsr(MSR_FEATURE_CONTROL,
		      feature_control | FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX);

	write_cr0((read_cr0() | caps->cr0_fixed0) & caps->cr0_fixed1);
	if (read_cr4() & ~caps->cr4_fixed1)
		return fail("CR4 = %lx has bits that this CPU does not allow in VMX operation",
			    read_cr4());
	write_cr4(read_cr4() | caps->cr4_fixed0);

	set_last_steps(0, vmx_nmi_from, vmx_nmi_to, vmx_nmi_retry);
	set_last_steps(1, vmx_short_from, vmx_short_to, vmx_short_retry);

	region->revision = caps->revision;
	__asm__ volatile("vmxon %1" : "=@ccbe"(failed) : "m"(vmxon) : "memory");
	if (failed)
		return fail("VMXON failed: the firmware or another hypervisor already uses VMX");
	return 0;
}

/* VMX root operation blocks INIT, and a CPU that INIT has not reset ignores SIPIs: 24.8, 26.2. */
bool vmx_block_init(u32 way)
{
	(void)way;
	return true;
}
