/* SPDX-License-Identifier: MIT */
/* Nested paging, set up: the CPU walks the guest's tables itself, and then one of the hypervisor's. */
#include "guest/start/steps.h"

#include "arch/console.h"
#include "guest/machine/machine.h"
#include "guest/start/context.h"

/* The nested tables are empty yet, and have none of the context's memory ever: its first fetch exits. */
static int prove_nested(struct vcpu *v)
{
	struct vmexit exit;

	context_init(v, SPTE_FORMAT_64, 4);
	context_run(v, &(struct context_regs){0}, &exit);
	v->ops->set_pf_filter(v, PF_FILTER_NONE);
	if (exit.kind == VMEXIT_NPF)
		return 0;
	return fail(
		"self-test: an address that mmu=%s does not map does not exit (exit %lu, %s): use "
		"mmu=shadow",
		v->ops->nested_name, exit.reason, v->ops->exit_name(exit.reason));
}

int prepare_nested(struct vcpu *v, const struct mmu_config *config)
{
	struct machine *m = v->machine;
	struct nested_config tables = {
		.format = v->ops->nested_format,
		.maxphyaddr = config->guest->features.maxphyaddr,
		.guest_map = &m->guest_map,
		.tables = config->tables,
	};

	m->nested = nested_init(&tables);
	if (!m->nested)
		return -1;
	if (prove_exits(v) < 0)
		return -1;
	v->ops->enable_nested(v, nested_root(m->nested));
	if (prove_nested(v) < 0)
		return -1;
	say("nested paging (mmu=%s): the CPU walks the guest's own tables; no page fault exits, and "
	    "bypass_guest_pf, trap and sync have no effect",
	    v->ops->nested_name);
	return 0;
}
