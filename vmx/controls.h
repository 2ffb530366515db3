/* SPDX-License-Identifier: MIT */
/* Bits of the VMX controls and capability MSRs: SDM vol. 3C 25.6 to 25.8, vol. 3D appendix A. */
#ifndef VMX_CONTROLS_H
#define VMX_CONTROLS_H

#include "arch/types.h"

/* IA32_VMX_BASIC: A.1. */
#define VMX_BASIC_REVISION(v) ((u32)((v)&GENMASK(30, 0)))
#define VMX_BASIC_SIZE(v)     ((u32)((v) >> 32 & GENMASK(12, 0)))
#define VMX_BASIC_32BIT_ADDR  BIT(48)
#define VMX_BASIC_MEMTYPE(v)  ((u32)((v) >> 50 & 0xf))
#define VMX_BASIC_TRUE_CTLS   BIT(55)
#define VMX_MEMTYPE_WB        6

/* Pin-based execution controls. */
#define PIN_NMI          BIT(3)
#define PIN_VIRTUAL_NMIS BIT(5)

/* Primary processor-based execution controls. */
#define PROC_HLT              BIT(7)
#define PROC_INVLPG           BIT(9)
#define PROC_MWAIT            BIT(10)
#define PROC_RDPMC            BIT(11)
#define PROC_RDTSC            BIT(12)
#define PROC_CR3_LOAD         BIT(15)
#define PROC_CR3_STORE        BIT(16)
#define PROC_CR8_LOAD         BIT(19)
#define PROC_CR8_STORE        BIT(20)
#define PROC_NMI_WINDOW       BIT(22)
#define PROC_MOV_DR           BIT(23)
#define PROC_UNCONDITIONAL_IO BIT(24)
#define PROC_IO_BITMAPS       BIT(25)
#define PROC_MSR_BITMAPS      BIT(28)
#define PROC_MONITOR          BIT(29)
#define PROC_PAUSE            BIT(30)
#define PROC_SECONDARY        BIT(31)

/* Secondary processor-based execution controls. */
#define PROC2_EPT                BIT(1)
#define PROC2_RDTSCP             BIT(3)
#define PROC2_VPID               BIT(5)
#define PROC2_UNRESTRICTED_GUEST BIT(7)
#define PROC2_INVPCID            BIT(12)
#define PROC2_XSAVES             BIT(20)
#define PROC2_USER_WAIT          BIT(26)

/* VM-exit controls. */
#define EXIT_CTL_SAVE_DEBUG BIT(2)
#define EXIT_CTL_HOST_64    BIT(9)
#define EXIT_CTL_SAVE_PAT   BIT(18)
#define EXIT_CTL_LOAD_PAT   BIT(19)
#define EXIT_CTL_LOAD_EFER  BIT(21)

/* VM-entry controls. */
#define ENTRY_CTL_LOAD_DEBUG  BIT(2)
#define ENTRY_CTL_IA32E_GUEST BIT(9)
#define ENTRY_CTL_LOAD_PAT    BIT(14)
#define ENTRY_CTL_LOAD_EFER   BIT(15)

/* IA32_VMX_EPT_VPID_CAP: A.10. */
#define EPT_CAP_WALK_4   BIT(6)
#define EPT_CAP_WB       BIT(14)
#define EPT_CAP_2M       BIT(16)
#define EPT_CAP_INVEPT   BIT(20)
#define EPT_CAP_SINGLE   BIT(25)
#define EPT_CAP_ALL      BIT(26)
#define VPID_CAP_INVVPID BIT(32)
#define VPID_CAP_ADDRESS BIT(40)
#define VPID_CAP_SINGLE  BIT(41)
#define VPID_CAP_ALL     BIT(42)

/* EPTP: SDM vol. 3C table 25-9. Accessed and dirty flags are bit 6. */
#define EPTP_MEMTYPE_WB VMX_MEMTYPE_WB
#define EPTP_WALK_4     ((4 - 1) << 3)

/* Guest interruptibility state: table 25-3. */
#define INTERRUPTIBILITY_STI    BIT(0)
#define INTERRUPTIBILITY_MOV_SS BIT(1)
#define INTERRUPTIBILITY_NMI    BIT(3)

/* Pending debug exceptions: table 25-4. */
#define PENDING_DEBUG_ENABLED BIT(12) /* a breakpoint that is enabled was met */

/* VM-exit interruption information, beside what guest/machine/event.h has: table 25-19. */
#define INTR_INFO_NMI_UNBLOCKED BIT(12)

#endif
