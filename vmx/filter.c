/* SPDX-License-Identifier: MIT */
/*
 * The fault filter: which page faults leave the guest.
 *
 * A #PF exits when (error code & mask == match) equals bit 14 of the exception bitmap (SDM vol. 3C
 * 26.2): a mismatch *inverts* what the bit says. So the three fields mean something only together,
 * and this function is the only one that writes any of them (invariant 7 of docs/mmu.md). Of the other
 * exceptions, only #UD may exit: guest/exit/invpcid.c.
 */
#include "arch/cpu.h"
#include "vmx/vmx.h"

void vmx_set_pf_filter(struct vcpu *v, enum pf_filter filter)
{
	u32 bitmap = BIT(VEC_PF), mask = 0, match = 0;

	switch (filter) {
	case PF_FILTER_ALL: /* no bit looked at: always a match */
		break;
	case PF_FILTER_PRESENT: /* a match when P=1 */
		mask = PFEC_P;
		match = PFEC_P;
		break;
	case PF_FILTER_USER: /* a match when U=1 and RSVD=0, and a match does not exit */
		bitmap = 0;
		mask = PFEC_U | PFEC_RSVD;
		match = PFEC_U;
		break;
	case PF_FILTER_NONE: /* always a match, and a match does not exit */
		bitmap = 0;
		break;
	}
	if (to_vmx(v)->ud_exits)
		bitmap |= BIT(VEC_UD);
	vmwrite(VMCS_PFEC_MASK, mask);
	vmwrite(VMCS_PFEC_MATCH, match);
	vmwrite(VMCS_EXCEPTION_BITMAP, bitmap);
}
