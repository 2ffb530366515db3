/* SPDX-License-Identifier: MIT */
/* The VMCS: encodings of its fields (SDM vol. 3D appendix B), and checked access to the current one. */
#ifndef VMX_VMCS_H
#define VMX_VMCS_H

#include "arch/types.h"

/* clang-format off */
enum vmcs_field {
	/* 16-bit */
	VMCS_VPID			= 0x0000,
	VMCS_GUEST_ES			= 0x0800, /* the other selectors follow, 2 apart, in enum seg's order */
	VMCS_HOST_ES			= 0x0c00,
	VMCS_HOST_CS			= 0x0c02,
	VMCS_HOST_SS			= 0x0c04,
	VMCS_HOST_DS			= 0x0c06,
	VMCS_HOST_FS			= 0x0c08,
	VMCS_HOST_GS			= 0x0c0a,
	VMCS_HOST_TR			= 0x0c0c,

	/* 64-bit */
	VMCS_IO_BITMAP_A		= 0x2000,
	VMCS_IO_BITMAP_B		= 0x2002,
	VMCS_MSR_BITMAP			= 0x2004,
	VMCS_EXIT_MSR_STORE		= 0x2006,
	VMCS_EXIT_MSR_LOAD		= 0x2008,
	VMCS_ENTRY_MSR_LOAD		= 0x200a,
	VMCS_EPTP			= 0x201a,
	VMCS_XSS_EXITING		= 0x202c,
	VMCS_GUEST_PHYSICAL		= 0x2400,
	VMCS_LINK_POINTER		= 0x2800,
	VMCS_GUEST_DEBUGCTL		= 0x2802,
	VMCS_GUEST_PAT			= 0x2804,
	VMCS_GUEST_EFER			= 0x2806,
	VMCS_GUEST_PDPTE0		= 0x280a, /* PDPTE1 to PDPTE3 follow, 2 apart */
	VMCS_HOST_PAT			= 0x2c00,
	VMCS_HOST_EFER			= 0x2c02,

	/* 32-bit */
	VMCS_PIN_CONTROLS		= 0x4000,
	VMCS_PROC_CONTROLS		= 0x4002,
	VMCS_EXCEPTION_BITMAP		= 0x4004,
	VMCS_PFEC_MASK			= 0x4006,
	VMCS_PFEC_MATCH			= 0x4008,
	VMCS_CR3_TARGET_COUNT		= 0x400a,
	VMCS_EXIT_CONTROLS		= 0x400c,
	VMCS_EXIT_MSR_STORE_COUNT	= 0x400e,
	VMCS_EXIT_MSR_LOAD_COUNT	= 0x4010,
	VMCS_ENTRY_CONTROLS		= 0x4012,
	VMCS_ENTRY_MSR_LOAD_COUNT	= 0x4014,
	VMCS_ENTRY_INTR_INFO		= 0x4016,
	VMCS_ENTRY_ERROR_CODE		= 0x4018,
	VMCS_ENTRY_INSN_LEN		= 0x401a,
	VMCS_PROC2_CONTROLS		= 0x401e,
	VMCS_INSN_ERROR			= 0x4400,
	VMCS_EXIT_REASON		= 0x4402,
	VMCS_EXIT_INTR_INFO		= 0x4404,
	VMCS_EXIT_ERROR_CODE		= 0x4406,
	VMCS_IDT_VECTORING_INFO		= 0x4408,
	VMCS_IDT_VECTORING_ERROR	= 0x440a,
	VMCS_EXIT_INSN_LEN		= 0x440c,
	VMCS_GUEST_ES_LIMIT		= 0x4800, /* the other limits follow, 2 apart, in enum seg's order */
	VMCS_GUEST_GDTR_LIMIT		= 0x4810,
	VMCS_GUEST_IDTR_LIMIT		= 0x4812,
	VMCS_GUEST_ES_ATTR		= 0x4814, /* the other rights follow, likewise */
	VMCS_GUEST_INTERRUPTIBILITY	= 0x4824,
	VMCS_GUEST_ACTIVITY		= 0x4826,
	VMCS_GUEST_SYSENTER_CS		= 0x482a,
	VMCS_HOST_SYSENTER_CS		= 0x4c00,

	/* natural width */
	VMCS_CR0_MASK			= 0x6000,
	VMCS_CR4_MASK			= 0x6002,
	VMCS_CR0_SHADOW			= 0x6004,
	VMCS_CR4_SHADOW			= 0x6006,
	VMCS_EXIT_QUALIFICATION		= 0x6400,
	VMCS_GUEST_LINEAR		= 0x640a,
	VMCS_GUEST_CR0			= 0x6800,
	VMCS_GUEST_CR3			= 0x6802,
	VMCS_GUEST_CR4			= 0x6804,
	VMCS_GUEST_ES_BASE		= 0x6806, /* the other bases follow, 2 apart, in enum seg's order */
	VMCS_GUEST_GDTR_BASE		= 0x6816,
	VMCS_GUEST_IDTR_BASE		= 0x6818,
	VMCS_GUEST_DR7			= 0x681a,
	VMCS_GUEST_RSP			= 0x681c,
	VMCS_GUEST_RIP			= 0x681e,
	VMCS_GUEST_RFLAGS		= 0x6820,
	VMCS_GUEST_PENDING_DEBUG	= 0x6822,
	VMCS_GUEST_SYSENTER_ESP		= 0x6824,
	VMCS_GUEST_SYSENTER_EIP		= 0x6826,
	VMCS_HOST_CR0			= 0x6c00,
	VMCS_HOST_CR3			= 0x6c02,
	VMCS_HOST_CR4			= 0x6c04,
	VMCS_HOST_FS_BASE		= 0x6c06,
	VMCS_HOST_GS_BASE		= 0x6c08,
	VMCS_HOST_TR_BASE		= 0x6c0a,
	VMCS_HOST_GDTR_BASE		= 0x6c0c,
	VMCS_HOST_IDTR_BASE		= 0x6c0e,
	VMCS_HOST_SYSENTER_ESP		= 0x6c10,
	VMCS_HOST_SYSENTER_EIP		= 0x6c12,
	VMCS_HOST_RSP			= 0x6c14,
	VMCS_HOST_RIP			= 0x6c16,
};
/* clang-format on */

/* Stop with the field and the instruction error's name; for vmread() and vmwrite() alone. */
NORETURN void vmcs_access_failed(const char *insn, enum vmcs_field field, u64 value);

/*
 * Read a field of the current VMCS (SDM vol. 3C 31.3 VMREAD). Every field this hypervisor names
 * exists on the CPUs that caps.c lets pass: a failure is a bug, and stops the machine.
 */
static inline u64 vmread(enum vmcs_field field)
{
	u64 value;
	bool failed;

	__asm__ volatile("vmread %2, %0" : "=rm"(value), "=@ccbe"(failed) : "r"((u64)field));
	if (unlikely(failed))
		vmcs_access_failed("VMREAD", field, 0);
	return value;
}

/* Write a field of the current VMCS (SDM vol. 3C 31.3 VMWRITE); fails as vmread() does. */
static inline void vmwrite(enum vmcs_field field, u64 value)
{
	bool failed;

	__asm__ volatile("vmwrite %2, %1"
			 : "=@ccbe"(failed)
			 : "r"((u64)field), "rm"(value)
			 : "memory");
	if (unlikely(failed))
		vmcs_access_failed("VMWRITE", field, value);
}

/*
 * The same of fields that every CPU with VMX has (SDM vol. 3D appendix B), while a VMCS is current: nothing can
 * fail, so nothing is checked. For lane.c.
 */
static inline u64 vmread_sure(enum vmcs_field field)
{
	u64 value;

	__asm__ volatile("vmread %1, %0" : "=r"(value) : "r"((u64)field) : "cc");
	return value;
}

static inline void vmwrite_sure(enum vmcs_field field, u64 value)
{
	__asm__ volatile("vmwrite %1, %0" : : "r"((u64)field), "r"(value) : "cc", "memory");
}

#endif
