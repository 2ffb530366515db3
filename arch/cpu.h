/* SPDX-License-Identifier: MIT */
/* Names of the CPU's bits and numbers: control registers, RFLAGS, vectors, MSRs, CPUID. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include "arch/types.h"

/* CR0: SDM vol. 3A 2.5. */
#define CR0_PE BIT(0)
#define CR0_MP BIT(1)
#define CR0_EM BIT(2)
#define CR0_TS BIT(3)
#define CR0_ET BIT(4)
#define CR0_NE BIT(5)
#define CR0_WP BIT(16)
#define CR0_AM BIT(18)
#define CR0_NW BIT(29)
#define CR0_CD BIT(30)
#define CR0_PG BIT(31)

/* CR3. */
#define CR3_PWT       BIT(3)
#define CR3_PCD       BIT(4)
#define CR3_PCID_MASK GENMASK(11, 0)
#define CR3_NOFLUSH   BIT(63)

/* CR4: SDM vol. 3A 2.5. */
#define CR4_VME        BIT(0)
#define CR4_PVI        BIT(1)
#define CR4_TSD        BIT(2)
#define CR4_DE         BIT(3)
#define CR4_PSE        BIT(4)
#define CR4_PAE        BIT(5)
#define CR4_MCE        BIT(6)
#define CR4_PGE        BIT(7)
#define CR4_PCE        BIT(8)
#define CR4_OSFXSR     BIT(9)
#define CR4_OSXMMEXCPT BIT(10)
#define CR4_UMIP       BIT(11)
#define CR4_LA57       BIT(12)
#define CR4_VMXE       BIT(13)
#define CR4_FSGSBASE   BIT(16)
#define CR4_PCIDE      BIT(17)
#define CR4_OSXSAVE    BIT(18)
#define CR4_SMEP       BIT(20)
#define CR4_SMAP       BIT(21)
#define CR4_PKE        BIT(22)

/* DR6 and DR7: SDM vol. 3B 18.2.3, 18.2.4. */
#define DR6_B       GENMASK(3, 0) /* a breakpoint's condition was met */
#define DR6_BS      BIT(14)       /* a single step */
#define DR6_NONE    0xffff0ff0ULL /* nothing has happened; some bits read as 1 */
#define DR7_ENABLED GENMASK(7, 0) /* L0, G0, L1, ... */
#define DR7_GD      BIT(13)       /* MOV to or from a debug register is #DB */
#define DR7_NONE    BIT(10)       /* no breakpoint */

/* IA32_EFER: SDM vol. 3A 2.2.1, APM vol. 2 3.1.7. */
#define EFER_SCE   BIT(0)
#define EFER_LME   BIT(8)
#define EFER_LMA   BIT(10)
#define EFER_NXE   BIT(11)
#define EFER_SVME  BIT(12)
#define EFER_FFXSR BIT(14)

/* RFLAGS: SDM vol. 1 3.4.3. */
#define RFLAGS_CF    BIT(0)
#define RFLAGS_FIXED BIT(1)
#define RFLAGS_PF    BIT(2)
#define RFLAGS_AF    BIT(4)
#define RFLAGS_ZF    BIT(6)
#define RFLAGS_SF    BIT(7)
#define RFLAGS_TF    BIT(8)
#define RFLAGS_IF    BIT(9)
#define RFLAGS_DF    BIT(10)
#define RFLAGS_OF    BIT(11)
#define RFLAGS_RF    BIT(16)
#define RFLAGS_AC    BIT(18)

/* Exception vectors: SDM vol. 3A table 6-1. */
enum vector {
	VEC_DE = 0,
	VEC_DB = 1,
	VEC_NMI = 2,
	VEC_BP = 3,
	VEC_OF = 4,
	VEC_BR = 5,
	VEC_UD = 6,
	VEC_NM = 7,
	VEC_DF = 8,
	VEC_TS = 10,
	VEC_NP = 11,
	VEC_SS = 12,
	VEC_GP = 13,
	VEC_PF = 14,
	VEC_MF = 16,
	VEC_AC = 17,
	VEC_MC = 18,
	VEC_XM = 19,
	VEC_VE = 20,
	VEC_CP = 21,
	VEC_SX = 30,
};

/* Page-fault error code: SDM vol. 3A 4.7. */
#define PFEC_P    BIT(0)
#define PFEC_W    BIT(1)
#define PFEC_U    BIT(2)
#define PFEC_RSVD BIT(3)
#define PFEC_I    BIT(4)
#define PFEC_PK   BIT(5)

/* Paging-structure entries that every format shares: SDM vol. 3A 4.3 to 4.5. */
#define PTE_P         BIT(0)
#define PTE_W         BIT(1)
#define PTE_U         BIT(2)
#define PTE_PWT       BIT(3)
#define PTE_PCD       BIT(4)
#define PTE_A         BIT(5)
#define PTE_D         BIT(6)
#define PTE_PS        BIT(7) /* large page; PAT in a last-level entry */
#define PTE_PAT       BIT(7) /* last level */
#define PTE_G         BIT(8)
#define PTE_PAT_LARGE BIT(12) /* PAT in an entry with PS set */
#define PTE_NX        BIT(63)
#define PTE_ADDR      GENMASK(51, 12)
#define PTE_PK        GENMASK(62, 59)
#define PTE_PK_SHIFT  59

/* Tables whose entries have 64 bits. At a level, from 1 on, an entry maps 2^LEVEL_SHIFT() bytes. */
#define TABLE_ENTRIES      512
#define LEVEL_SHIFT(level) (PAGE_SHIFT + 9 * ((level)-1))

/* MSRs: SDM vol. 4; APM vol. 2 appendix A. */
#define MSR_APIC_BASE               0x0000001b
#define MSR_FEATURE_CONTROL         0x0000003a
#define MSR_SPEC_CTRL               0x00000048
#define MSR_BIOS_UPDT_TRIG          0x00000079
#define MSR_SMM_MONITOR_CTL         0x0000009b
#define MSR_SMBASE                  0x0000009e
#define MSR_CST_CONFIG_CONTROL      0x000000e2
#define MSR_PMG_IO_CAPTURE_BASE     0x000000e4
#define MSR_MTRRCAP                 0x000000fe
#define MSR_ARCH_CAPABILITIES       0x0000010a
#define MSR_OC_MAILBOX              0x00000150
#define MSR_MCG_STATUS              0x0000017a
#define MSR_MISC_ENABLE             0x000001a0
#define MSR_DEBUGCTL                0x000001d9
#define DEBUGCTL_LBR                BIT(0)
#define DEBUGCTL_BTF                BIT(1)
#define MSR_SMRR_PHYSBASE           0x000001f2
#define MSR_SMRR_PHYSMASK           0x000001f3
#define MSR_PRMRR_PHYSMASK          0x000001f5
#define MSR_MTRR_PHYSBASE0          0x00000200
#define MSR_PAT                     0x00000277
#define MSR_MTRR_DEF_TYPE           0x000002ff
#define MSR_VMX_BASIC               0x00000480
#define MSR_VMX_PINBASED_CTLS       0x00000481
#define MSR_VMX_PROCBASED_CTLS      0x00000482
#define MSR_VMX_EXIT_CTLS           0x00000483
#define MSR_VMX_ENTRY_CTLS          0x00000484
#define MSR_VMX_CR0_FIXED0          0x00000486
#define MSR_VMX_CR0_FIXED1          0x00000487
#define MSR_VMX_CR4_FIXED0          0x00000488
#define MSR_VMX_CR4_FIXED1          0x00000489
#define MSR_VMX_PROCBASED_CTLS2     0x0000048b
#define MSR_VMX_EPT_VPID_CAP        0x0000048c
#define MSR_VMX_TRUE_PINBASED_CTLS  0x0000048d
#define MSR_VMX_TRUE_PROCBASED_CTLS 0x0000048e
#define MSR_VMX_TRUE_EXIT_CTLS      0x0000048f
#define MSR_VMX_TRUE_ENTRY_CTLS     0x00000490
#define MSR_VMX_EXIT_CTLS2          0x00000493
#define MSR_PKRS                    0x000006e1
#define MSR_TME_CAPABILITY          0x00000981
#define MSR_TME_ACTIVATE            0x00000982
#define MSR_TME_EXCLUDE_BASE        0x00000984
#define MSR_DEBUG_INTERFACE         0x00000c80
#define MSR_XSS                     0x00000da0
#define MSR_HW_FEEDBACK_PTR         0x000017d0
#define MSR_HW_FEEDBACK_LAST        0x000017d4
#define MSR_X2APIC_FIRST            0x00000800
#define MSR_EFER                    0xc0000080
#define MSR_FS_BASE                 0xc0000100
#define MSR_GS_BASE                 0xc0000101
#define MSR_KERNEL_GS_BASE          0xc0000102
#define MSR_SYSCFG                  0xc0010010
#define MSR_HWCR                    0xc0010015
#define MSR_IORR_BASE0              0xc0010016
#define MSR_TOP_MEM                 0xc001001a
#define MSR_TOP_MEM2                0xc001001d
#define MSR_PATCH_LOADER            0xc0010020
#define MSR_MMIO_CFG_BASE           0xc0010058
#define MSR_SMM_BASE                0xc0010111
#define MSR_SMM_MASK                0xc0010113
#define MSR_VM_CR                   0xc0010114
#define MSR_VM_HSAVE_PA             0xc0010117
#define MSR_SVM_KEY                 0xc0010118
#define MSR_SEV_GHCB                0xc0010130
#define MSR_RMP_END                 0xc0010133
#define MSR_BP_CFG                  0xc001102e
#define BP_CFG_BP_SPEC_REDUCE       BIT(4)

/* IA32_FEATURE_CONTROL: SDM vol. 3C 24.7. */
#define FEATURE_CONTROL_LOCK       BIT(0)
#define FEATURE_CONTROL_VMX_IN_SMX BIT(1)
#define FEATURE_CONTROL_VMX        BIT(2)

/* IA32_ARCH_CAPABILITIES: SDM vol. 4 table 2-2. */
#define ARCH_CAP_RDCL_NO            BIT(0)
#define ARCH_CAP_IBRS_ALL           BIT(1)
#define ARCH_CAP_RSBA               BIT(2)
#define ARCH_CAP_SKIP_L1DFL_VMENTRY BIT(3)
#define ARCH_CAP_MDS_NO             BIT(5)
#define ARCH_CAP_TAA_NO             BIT(8)
#define ARCH_CAP_SBDR_SSDP_NO       BIT(13)
#define ARCH_CAP_FBSDP_NO           BIT(14)
#define ARCH_CAP_PSDP_NO            BIT(15)
#define ARCH_CAP_FB_CLEAR           BIT(17)
#define ARCH_CAP_RRSBA              BIT(19)
#define ARCH_CAP_RFDS_NO            BIT(27)
#define ARCH_CAP_RFDS_CLEAR         BIT(28)

/* IA32_SPEC_CTRL: SDM vol. 4 table 2-2. */
#define SPEC_CTRL_IBRS        BIT(0)
#define SPEC_CTRL_RRSBA_DIS_S BIT(6)

/* IA32_XSS: what would load MSRs that the guest has not. SDM vol. 1 13.3. */
#define XSS_PT     BIT(8)
#define XSS_PASID  BIT(10)
#define XSS_CET    (BIT(11) | BIT(12))
#define XSS_UINTR  BIT(14)
#define XSS_LBR    BIT(15)
#define XSS_HIDDEN (XSS_PT | XSS_PASID | XSS_CET | XSS_UINTR | XSS_LBR)
/* A component of the extended state, its bit in XCR0: SDM vol. 1 13.1. APX': registers that no operand here can be. */
#define XSTATE_APX 19
#define XCR0_APX   BIT(XSTATE_APX)

/* SYSCFG: APM vol. 2 7.10.1. */
#define SYSCFG_SMEE BIT(23)

/* VM_CR: APM vol. 2 15.30.1. */
#define VM_CR_R_INIT   BIT(1)
#define VM_CR_DIS_A20M BIT(2)
#define VM_CR_LOCK     BIT(3)
#define VM_CR_SVMDIS   BIT(4)

/* IA32_APIC_BASE: SDM vol. 3A 11.4.4. */
#define APIC_BASE_X2APIC BIT(10)
#define APIC_BASE_ENABLE BIT(11)

/* CPUID: SDM vol. 2A, APM vol. 3 appendix E. CPUID_<leaf>[_<subleaf>]_<register>_<name>. */
#define CPUID_1_ECX_MONITOR            BIT(3)
#define CPUID_1_ECX_VMX                BIT(5)
#define CPUID_1_ECX_SMX                BIT(6)
#define CPUID_1_ECX_PCID               BIT(17)
#define CPUID_1_ECX_X2APIC             BIT(21)
#define CPUID_1_ECX_XSAVE              BIT(26)
#define CPUID_1_ECX_OSXSAVE            BIT(27)
#define CPUID_1_ECX_HYPERVISOR         BIT(31)
#define CPUID_1_EDX_MTRR               BIT(12)
#define CPUID_1_EDX_PSE36              BIT(17)
#define CPUID_7_0_EBX_SMEP             BIT(7)
#define CPUID_7_0_EBX_INVPCID          BIT(10)
#define CPUID_7_0_EBX_RTM              BIT(11)
#define CPUID_7_0_EBX_SMAP             BIT(20)
#define CPUID_7_0_ECX_PKU              BIT(3)
#define CPUID_7_0_ECX_OSPKE            BIT(4)
#define CPUID_7_0_ECX_CET_SS           BIT(7)
#define CPUID_7_0_ECX_TME              BIT(13)
#define CPUID_7_0_ECX_LA57             BIT(16)
#define CPUID_7_0_ECX_PKS              BIT(31)
#define CPUID_7_0_EDX_MD_CLEAR         BIT(10)
#define CPUID_7_0_EDX_CET_IBT          BIT(20)
#define CPUID_7_0_EDX_IBRS_IBPB        BIT(26)
#define CPUID_7_0_EDX_L1D_FLUSH        BIT(28)
#define CPUID_7_0_EDX_ARCH_CAP         BIT(29)
#define CPUID_7_2_EDX_RRSBA_CTRL       BIT(2)
#define CPUID_D_1_EAX_XSAVES           BIT(3)
#define CPUID_80000001_ECX_SVM         BIT(2)
#define CPUID_80000001_ECX_SKINIT      BIT(12)
#define CPUID_80000001_EDX_SYSCALL     BIT(11)
#define CPUID_80000001_EDX_NX          BIT(20)
#define CPUID_80000001_EDX_PAGE1GB     BIT(26)
#define CPUID_80000001_EDX_RDTSCP      BIT(27)
#define CPUID_80000001_EDX_LM          BIT(29)
#define CPUID_80000008_EBX_INVLPGB     BIT(3)
#define CPUID_80000008_EBX_IBPB        BIT(12)
#define CPUID_80000008_EBX_BTC_NO      BIT(29)
#define CPUID_8000000A_EDX_NP          BIT(0)
#define CPUID_8000000A_EDX_SVML        BIT(2)
#define CPUID_8000000A_EDX_CLEAN       BIT(5)
#define CPUID_8000000A_EDX_FLUSHBYASID BIT(6)
#define CPUID_80000021_EAX_VERW_CLEAR  BIT(5)
#define CPUID_80000021_EAX_IBPB_BRTYPE BIT(28)
#define CPUID_80000021_EAX_SRSO_NO     BIT(29)
#define CPUID_80000021_EAX_SPEC_REDUCE BIT(31)
#define CPUID_80000021_ECX_TSA_SQ_NO   BIT(1)
#define CPUID_80000021_ECX_TSA_L1_NO   BIT(2)

#endif
