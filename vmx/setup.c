/* SPDX-License-Identifier: MIT */
/* A new VMCS: controls, host state, and a guest state that is valid until its owner sets the rest. */
#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/percpu.h"
#include "guest/vcpu/mitigate.h"
#include "mm/phys/phys.h"
#include "vmx/vmx.h"

static bool vmclear(u64 vmcs)
{
	bool failed;

	__asm__ volatile("vmclear %1" : "=@ccbe"(failed) : "m"(vmcs) : "memory");
	return !failed;
}

static bool vmptrld(u64 vmcs)
{
	bool failed;

	__asm__ volatile("vmptrld %1" : "=@ccbe"(failed) : "m"(vmcs) : "memory");
	return !failed;
}

/* SDM vol. 3C 25.11.3: clear it, make it current. */
static int load_vmcs(struct vmx_vcpu *vmx)
{
	u64 vmcs = phys_addr(&vmx->vmcs);

	vmx->vmcs.revision = vmx->caps.revision;
	if (!vmclear(vmcs) || !vmptrld(vmcs))
		return fail("the CPU refuses a VMCS at %lx: VMCLEAR or VMPTRLD failed", vmcs);
	return 0;
}

static void set_controls(struct vmx_vcpu *vmx)
{
	const struct vmx_caps *caps = &vmx->caps;

	vmx->proc = caps->proc;
	vmx->proc2 = caps->proc2;
	vmx->entry = caps->entry;
	vmwrite(VMCS_PIN_CONTROLS, caps->pin);
	vmwrite(VMCS_PROC_CONTROLS, caps->proc);
	vmwrite(VMCS_EXIT_CONTROLS, caps->exit);
	vmwrite(VMCS_ENTRY_CONTROLS, caps->entry);
	if (caps->proc & PROC_SECONDARY)
		vmwrite(VMCS_PROC2_CONTROLS, caps->proc2);
	if (caps->proc2 & PROC2_VPID)
		vmwrite(VMCS_VPID, vmx->vpid.vpid);
	/* XSAVES and XRSTORS run free, whatever IA32_XSS says. */
	if (caps->proc2 & PROC2_XSAVES)
		vmwrite(VMCS_XSS_EXITING, 0);

	vmwrite(VMCS_CR3_TARGET_COUNT, 0);
	vmwrite(VMCS_IO_BITMAP_A, phys_addr(vmx->io_bitmap));
	vmwrite(VMCS_IO_BITMAP_B, phys_addr(vmx->io_bitmap + PAGE_SIZE));
	vmwrite(VMCS_MSR_BITMAP, phys_addr(vmx->msr_bitmap));
	vmwrite(VMCS_ENTRY_INTR_INFO, 0);
}

/*
 * The lists that exits and entries load. IBRS is set by the exit itself, before the hypervisor's first
 * instruction; the exit's store and the entry's load are the same entry: the guest's value.
 */
static void set_msr_lists(struct vmx_vcpu *vmx, bool ibrs)
{
	vmx->nr_fixed = ibrs ? 1 : 0;
	if (ibrs) {
		vmx->entry_list[0] =
			(struct vmx_msr_entry){.msr = MSR_SPEC_CTRL, .value = rdmsr(MSR_SPEC_CTRL)};
		vmx->exit_list[0] =
			(struct vmx_msr_entry){.msr = MSR_SPEC_CTRL, .value = SPEC_CTRL_IBRS};
	}
	vmwrite(VMCS_ENTRY_MSR_LOAD, phys_addr(vmx->entry_list));
	vmwrite(VMCS_EXIT_MSR_LOAD, phys_addr(vmx->exit_list));
	vmwrite(VMCS_EXIT_MSR_STORE, phys_addr(vmx->entry_list));
	vmwrite(VMCS_ENTRY_MSR_LOAD_COUNT, vmx->nr_fixed);
	vmwrite(VMCS_EXIT_MSR_LOAD_COUNT, vmx->nr_fixed);
	vmwrite(VMCS_EXIT_MSR_STORE_COUNT, vmx->nr_fixed);
}

/* EFER and the PAT, by the controls where the CPU has them: the host keeps what it runs with now. */
static void set_switched_msrs(struct vmx_vcpu *vmx)
{
	u64 efer = rdmsr(MSR_EFER);

	if (vmx->caps.efer_controls) {
		vmwrite(VMCS_HOST_EFER, efer);
	} else {
		vmx->entry_list[vmx->nr_fixed] =
			(struct vmx_msr_entry){.msr = MSR_EFER, .value = efer};
		vmx->exit_list[vmx->nr_fixed] =
			(struct vmx_msr_entry){.msr = MSR_EFER, .value = efer};
	}
	if (vmx->caps.pat_controls) {
		vmwrite(VMCS_HOST_PAT, rdmsr(MSR_PAT));
		vmwrite(VMCS_GUEST_PAT, rdmsr(MSR_PAT));
	}
}

/* SDM vol. 3C 25.5, 27.2.2, 27.2.3: what the CPU runs with after an exit, which is what it has now. */
static void set_host_state(u32 guards)
{
	struct desc_ptr gdt, idt;

	sgdt(&gdt);
	sidt(&idt);
	vmwrite(VMCS_HOST_CR0, read_cr0());
	vmwrite(VMCS_HOST_CR3, read_cr3());
	vmwrite(VMCS_HOST_CR4, read_cr4());
	vmwrite(VMCS_HOST_CS, read_cs());
	vmwrite(VMCS_HOST_SS, read_ss());
	vmwrite(VMCS_HOST_DS, read_ds());
	vmwrite(VMCS_HOST_ES, read_es());
	vmwrite(VMCS_HOST_FS, read_fs());
	vmwrite(VMCS_HOST_GS, read_gs());
	vmwrite(VMCS_HOST_TR, read_tr());
	vmwrite(VMCS_HOST_FS_BASE, 0);
	vmwrite(VMCS_HOST_GS_BASE, (u64)this_cpu());
	vmwrite(VMCS_HOST_TR_BASE, (u64)&this_cpu()->tss);
	vmwrite(VMCS_HOST_GDTR_BASE, gdt.base);
	vmwrite(VMCS_HOST_IDTR_BASE, idt.base);
	vmwrite(VMCS_HOST_SYSENTER_CS, 0);
	vmwrite(VMCS_HOST_SYSENTER_ESP, 0);
	vmwrite(VMCS_HOST_SYSENTER_EIP, 0);
	vmwrite(VMCS_HOST_RIP, (u64)(guards & GUARD_IBPB    ? vmx_exit_barrier
				     : guards & GUARD_CLEAR ? vmx_exit_clear
							    : vmx_exit_plain));
}

/*
 * Bits that the guest reads and writes without an exit: none changes how its memory is mapped. All
 * others are the host's: the guest reads the view, and a write that would change one exits (SDM
 * vol. 3C 25.6.6). CD and NW are never switched by VM entry and exit; they are simply the machine's.
 */
#define CR0_GUEST_OWNED (CR0_MP | CR0_EM | CR0_TS | CR0_AM | CR0_NW | CR0_CD)
#define CR4_GUEST_OWNED                                                                           \
	(CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_MCE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT | \
	 CR4_UMIP | CR4_FSGSBASE)

static void set_guest_state(struct vmx_vcpu *vmx)
{
	vmx_set_owned(vmx, CR0_GUEST_OWNED, CR4_GUEST_OWNED);
	vmx->cr0_fixed0 = vmx->caps.cr0_fixed0;
	vmwrite(VMCS_LINK_POINTER, ~0ULL);
	vmwrite(VMCS_GUEST_DEBUGCTL, 0);
	vmwrite(VMCS_GUEST_DR7, DR7_NONE);
	vmwrite(VMCS_GUEST_PENDING_DEBUG, 0);
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, 0);
	vmwrite(VMCS_GUEST_ACTIVITY, 0);
	vmwrite(VMCS_GUEST_SYSENTER_CS, 0);
	vmwrite(VMCS_GUEST_SYSENTER_ESP, 0);
	vmwrite(VMCS_GUEST_SYSENTER_EIP, 0);

	vmx->rip = 0;
	vmx->rsp = 0;
	vmx->rflags = RFLAGS_FIXED;
	vmwrite(VMCS_GUEST_RIP, vmx->rip);
	vmwrite(VMCS_GUEST_RSP, vmx->rsp);
	vmwrite(VMCS_GUEST_RFLAGS, vmx->rflags);
}

int vmx_vcpu_init(struct vcpu *v)
{
	struct vmx_vcpu *vmx = vmx_vcpu_of(0);

	v->hw = vmx;
	vmx->vpid.vpid = 1; /* 0 is the hypervisor's own */
	vmx->next = VMX_NEXT_LAUNCH;
	if (v->guards & GUARD_VERW)
		vmx->next |= VMX_NEXT_VERW;
	if (v->guards & GUARD_L1D)
		vmx->next |= VMX_NEXT_FLUSH_L1D;
	vmx->eptp = 0;
	if (load_vmcs(vmx))
		return -1;
	set_controls(vmx);
	set_msr_lists(vmx, v->guards & GUARD_IBRS);
	set_switched_msrs(vmx);
	set_host_state(v->guards);
	set_guest_state(vmx);
	vmx->ud_exits = cpu_has_invpcid();
	vmx_set_pf_filter(v, PF_FILTER_ALL);
	/* Whatever ran under this VPID before, or came with the CPU's reset. */
	vmx_flush_all(v);
	return 0;
}
