/* SPDX-License-Identifier: MIT */
/* The hypercalls of guest/hypercall.h. */
#include "guest/hypercall.h"

#include "arch/console.h"
#include "guest/chipset/end.h"
#include "guest/exit/handlers.h"
#include "guest/machine/report.h"
#include "guest/vcpu/instruction.h"

/* To change something is the kernel's right alone; what there is may be asked for by anybody. */
static bool is_allowed(const struct vcpu *v, u32 number)
{
	return number == HC_VERSION || number == HC_COUNTER || v->ops->cpl(v) == 0;
}

void handle_hypercall(struct vcpu *v, const struct vmexit *exit)
{
	/* Other code cannot see the high half, and has not set it. */
	u64 argument = guest_code_is_64bit(v) ? v->gpr[RBX] : (u32)v->gpr[RBX], result = 0;

	switch (is_allowed(v, (u32)v->gpr[RAX]) ? (u32)v->gpr[RAX] : HC_NONE) {
	case HC_VERSION:
		result = NOTRAP_VERSION;
		break;
	case HC_COUNTER:
		count_filter(v);
		result = argument < NR_COUNTERS ? counter_read(&v->counters, argument) : ~0ULL;
		break;
	case HC_REPORT_FAULTS:
		v->counters.value[CNT_pf_guest_counted] = argument;
		break;
	case HC_END:
		if (argument)
			say("the guest ended: fail %lu", argument);
		else
			say("the guest ended: pass");
		machine_power_off(v->machine);
		break;
	default:
		result = ~0ULL;
	}
	v->gpr[RAX] = result;
	insn_skip(v, exit);
}
