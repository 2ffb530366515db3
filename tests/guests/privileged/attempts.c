/* SPDX-License-Identifier: MIT */
/* What is tried: SDM vol. 2, "Protected Mode Exceptions" of each; APM vol. 3 for SVM's. */
#include "guest/builtin/lib/probe.h"
#include "tests/guests/privileged/privileged.h"

#define X(name) extern const u8 try_##name[], try_##name##_end[];
X(hlt)
X(invd)
X(wbinvd)
X(clts)
X(lmsw)
X(smsw)
X(to_cr0)
X(from_cr0)
X(to_cr1)
X(to_cr2)
X(to_cr3)
X(from_cr3)
X(to_cr4)
X(from_cr4)
X(to_cr8)
X(from_dr7)
X(invlpg)
X(invpcid)
X(rdmsr)
X(wrmsr)
X(xsetbv)
X(xsetbv_1)
X(rdpmc)
X(monitor)
X(in)
X(out)
X(in_pass)
X(insb)
X(vmxon)
X(vmclear)
X(vmread)
X(invept)
X(vmfunc)
X(vmrun)
X(vmload)
X(vmsave)
X(stgi)
X(clgi)
X(invlpga)
X(skinit)
X(getsec)
X(rsm)
X(cpuid)
X(lock_to_cr3)
X(lock_to_cr4)
X(lock_cpuid)
X(lock_rdmsr)
#undef X

/* clang-format off */
#define USER(what, vector, feature) {#what, try_##what, try_##what##_end, vector, feature, KEEP_NONE, 0, 0}
#define KERNEL(name, what, vector, feature, keep, clear, set) \
	{name, try_##what, try_##what##_end, vector, feature, keep, clear, set}

const struct attempt user_attempts[] = {
	USER(hlt, VEC_GP, FEATURE_NONE),
	USER(invd, VEC_GP, FEATURE_NONE),
	USER(wbinvd, VEC_GP, FEATURE_NONE),
	USER(clts, VEC_GP, FEATURE_NONE),
	USER(lmsw, VEC_GP, FEATURE_NONE),
	USER(smsw, VECTOR_DONE, FEATURE_NONE),
	USER(to_cr0, VEC_GP, FEATURE_NONE),
	USER(from_cr0, VEC_GP, FEATURE_NONE),
	USER(to_cr2, VEC_GP, FEATURE_NONE),
	USER(to_cr3, VEC_GP, FEATURE_NONE),
	USER(from_cr3, VEC_GP, FEATURE_NONE),
	USER(to_cr4, VEC_GP, FEATURE_NONE),
	USER(from_cr4, VEC_GP, FEATURE_NONE),
	USER(to_cr8, VEC_GP, FEATURE_NONE),
	USER(from_dr7, VEC_GP, FEATURE_NONE),
	USER(invlpg, VEC_GP, FEATURE_NONE),
	USER(invpcid, VEC_GP, FEATURE_INVPCID),
	USER(rdmsr, VEC_GP, FEATURE_NONE),
	USER(wrmsr, VEC_GP, FEATURE_NONE),
	USER(rdpmc, VEC_GP, FEATURE_NONE),
	USER(in, VEC_GP, FEATURE_NONE),
	USER(out, VEC_GP, FEATURE_NONE),
	USER(in_pass, VEC_GP, FEATURE_NONE),
	USER(insb, VEC_GP, FEATURE_NONE),
	USER(vmxon, VEC_UD, FEATURE_NONE),
	USER(vmclear, VEC_UD, FEATURE_NONE),
	USER(vmread, VEC_UD, FEATURE_NONE),
	USER(invept, VEC_UD, FEATURE_NONE),
	USER(vmfunc, VEC_UD, FEATURE_NONE),
	USER(vmrun, VEC_UD, FEATURE_NONE),
	USER(vmload, VEC_UD, FEATURE_NONE),
	USER(vmsave, VEC_UD, FEATURE_NONE),
	USER(clgi, VEC_UD, FEATURE_NONE),
	USER(stgi, VEC_UD, FEATURE_NONE),
	USER(invlpga, VEC_UD, FEATURE_NONE),
	USER(skinit, VEC_UD, FEATURE_NONE),
	USER(getsec, VEC_UD, FEATURE_NONE),
	USER(rsm, VEC_UD, FEATURE_NONE),
	USER(monitor, VEC_UD, FEATURE_MONITOR),
	USER(cpuid, VECTOR_DONE, FEATURE_NONE),
	USER(lock_cpuid, VEC_UD, FEATURE_NONE),
	USER(xsetbv, VECTOR_REFUSED, FEATURE_XSAVE),
};

/* With CR4.OSXSAVE. */
const struct attempt xsave_attempts[] = {
	USER(xsetbv, VEC_GP, FEATURE_XSAVE),
	USER(xsetbv_1, VEC_GP, FEATURE_XSAVE),
};

const struct attempt kernel_attempts[] = {
	KERNEL("CR0 without PG", to_cr0, VEC_GP, FEATURE_NONE, KEEP_CR0, CR0_PG, 0),
	KERNEL("CR0 without PE", to_cr0, VEC_GP, FEATURE_NONE, KEEP_CR0, CR0_PE, 0),
	KERNEL("CR0.NW without CD", to_cr0, VEC_GP, FEATURE_NONE, KEEP_CR0, CR0_CD, CR0_NW),
	KERNEL("CR1", to_cr1, VEC_UD, FEATURE_NONE, KEEP_NONE, 0, 0),
	KERNEL("CR3 with bit 63", to_cr3, VEC_GP, FEATURE_NONE, KEEP_CR3, 0, BIT(63)),
	KERNEL("CR4 without PAE", to_cr4, VEC_GP, FEATURE_NONE, KEEP_CR4, CR4_PAE, 0),
	KERNEL("CR4 with bit 15", to_cr4, VEC_GP, FEATURE_NONE, KEEP_CR4, 0, BIT(15)),
	KERNEL("CR4.CET", to_cr4, VEC_GP, FEATURE_NONE, KEEP_CR4, 0, BIT(23)),
	KERNEL("CR4.PKS", to_cr4, VEC_GP, FEATURE_NONE, KEEP_CR4, 0, BIT(24)),
	KERNEL("CR4.UINTR", to_cr4, VEC_GP, FEATURE_NONE, KEEP_CR4, 0, BIT(25)),
	KERNEL("CR4.LASS", to_cr4, VEC_GP, FEATURE_NONE, KEEP_CR4, 0, BIT(27)),
	KERNEL("CR4.LAM_SUP", to_cr4, VEC_GP, FEATURE_NONE, KEEP_CR4, 0, BIT(28)),
	KERNEL("CR4.FRED", to_cr4, VEC_GP, FEATURE_NONE, KEEP_CR4, 0, BIT(32)),
	KERNEL("CR4 with bit 63", to_cr4, VEC_GP, FEATURE_NONE, KEEP_CR4, 0, BIT(63)),
	KERNEL("EFER with bit 63", wrmsr, VEC_GP, FEATURE_NONE, KEEP_EFER, 0, BIT(63)),
	KERNEL("EFER without LME", wrmsr, VEC_GP, FEATURE_NONE, KEEP_EFER, EFER_LME, 0),
	KERNEL("XCR0 = 0", xsetbv, VEC_GP, FEATURE_XSAVE, KEEP_NONE, 0, 0),
	KERNEL("XCR0 = 5", xsetbv, VEC_GP, FEATURE_XSAVE, KEEP_NONE, 0, 5),
	KERNEL("XCR0 with bit 63", xsetbv, VEC_GP, FEATURE_XSAVE, KEEP_NONE, 0, BIT(63) | 1),
	KERNEL("XCR1", xsetbv_1, VEC_GP, FEATURE_XSAVE, KEEP_NONE, 0, 1),
	KERNEL("VMXON", vmxon, VEC_UD, FEATURE_NONE, KEEP_NONE, 0, 0),
	KERNEL("VMCLEAR", vmclear, VEC_UD, FEATURE_NONE, KEEP_NONE, 0, 0),
	KERNEL("VMREAD", vmread, VEC_UD, FEATURE_NONE, KEEP_NONE, 0, 0),
	KERNEL("INVEPT", invept, VEC_UD, FEATURE_NONE, KEEP_NONE, 0, 0),
	KERNEL("VMFUNC", vmfunc, VEC_UD, FEATURE_NONE, KEEP_NONE, 0, 0),
	KERNEL("GETSEC", getsec, VEC_UD, FEATURE_NONE, KEEP_NONE, 0, 0),
	KERNEL("RSM", rsm, VEC_UD, FEATURE_NONE, KEEP_NONE, 0, 0),
	KERNEL("VMRUN", vmrun, VEC_UD, FEATURE_NONE, KEEP_NONE, 0, 0),
	KERNEL("VMRUN, address -1", vmrun, VEC_UD, FEATURE_NONE, KEEP_NONE, 0, ~0ULL),
	KERNEL("VMLOAD, address -1", vmload, VEC_UD, FEATURE_NONE, KEEP_NONE, 0, ~0ULL),
	KERNEL("VMSAVE, address -1", vmsave, VEC_UD, FEATURE_NONE, KEEP_NONE, 0, ~0ULL),
	KERNEL("CLGI", clgi, VEC_UD, FEATURE_NONE, KEEP_NONE, 0, 0),
	KERNEL("STGI", stgi, VEC_UD, FEATURE_NONE, KEEP_NONE, 0, 0),
	KERNEL("SKINIT", skinit, VEC_UD, FEATURE_NONE, KEEP_NONE, 0, 0),
	KERNEL("INVLPGA", invlpga, VEC_UD, FEATURE_NONE, KEEP_NONE, 0, 0),
	KERNEL("LOCK, MOV to CR3", lock_to_cr3, VEC_UD, FEATURE_NONE, KEEP_CR3, 0, 0),
	KERNEL("LOCK, MOV to CR4", lock_to_cr4, VEC_UD, FEATURE_NONE, KEEP_CR4, 0, 0),
	KERNEL("LOCK, CPUID", lock_cpuid, VEC_UD, FEATURE_NONE, KEEP_NONE, 0, 0),
	KERNEL("LOCK, RDMSR", lock_rdmsr, VEC_UD, FEATURE_NONE, KEEP_EFER, 0, 0),
	KERNEL("INVPCID of type 4", invpcid, VEC_GP, FEATURE_INVPCID, KEEP_NONE, 0, 4),
};
/* clang-format on */

const u32 nr_user_attempts = ARRAY_SIZE(user_attempts);
const u32 nr_xsave_attempts = ARRAY_SIZE(xsave_attempts);
const u32 nr_kernel_attempts = ARRAY_SIZE(kernel_attempts);

bool has_feature(enum feature feature)
{
	switch (feature) {
	case FEATURE_XSAVE:
		return cpuid(1, 0).ecx & CPUID_1_ECX_XSAVE;
	case FEATURE_MONITOR:
		return cpuid(1, 0).ecx & CPUID_1_ECX_MONITOR;
	case FEATURE_INVPCID:
		return cpuid(0, 0).eax >= 7 && (cpuid(7, 0).ebx & CPUID_7_0_EBX_INVPCID);
	default:
		return true;
	}
}
