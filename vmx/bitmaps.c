/* SPDX-License-Identifier: MIT */
/* What exits by choice: ports, MSRs, INVLPG. Everything starts as pass-through. */
#include "vmx/vmx.h"

void vmx_set_invlpg_exiting(struct vcpu *v, bool on)
{
	struct vmx_vcpu *vmx = to_vmx(v);
	u32 proc = on ? vmx->proc | PROC_INVLPG : vmx->proc & ~PROC_INVLPG;

	if (proc == vmx->proc)
		return;
	vmx->proc = proc;
	vmwrite(VMCS_PROC_CONTROLS, proc);
}

/* SDM vol. 3C 25.6.4. */
void vmx_intercept_port(struct vcpu *v, u16 port, bool on)
{
	u8 *byte = &to_vmx(v)->io_bitmap[port / 8], bit = (u8)BIT(port % 8);

	*byte = on ? *byte | bit : *byte & ~bit;
}

/* SDM vol. 3C 25.6.9: reads below 2000h, reads from C0000000h, then the same for writes; 1 KiB each. */
void vmx_intercept_msr(struct vcpu *v, u32 msr, bool read, bool write)
{
	u8 *bitmap = to_vmx(v)->msr_bitmap;
	u32 index = msr & 0x1fff;

	if (msr - index != 0 && msr - index != 0xc0000000)
		return; /* outside of the bitmaps: always exits */
	if (msr >= 0xc0000000)
		bitmap += 1024;
	if (read)
		bitmap[index / 8] |= BIT(index % 8);
	if (write)
		bitmap[2048 + index / 8] |= BIT(index % 8);
}
