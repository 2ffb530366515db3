/* SPDX-License-Identifier: MIT */
/*
 * Does the user filter do what SDM vol. 3C 26.2 says? It rests on a mismatch that inverts bit 14, which is
 * easily got wrong by an emulator or hypervisor below: so each kind of fault is taken once.
 */
#include "arch/cpu.h"
#include "guest/machine/backend.h"
#include "guest/start/context.h"
#include "guest/start/selftest.h"
#include "guest/start/steps.h"

/* CPUID exits on every CPU, and at every privilege level. */
static const u8 read_code[] = {
	0x8a, 0x03, /* mov al, [rbx] */
	0x0f, 0xa2, /* cpuid */
};
static const u8 write_code[] = {
	0x88, 0x03, /* mov [rbx], al */
	0x0f, 0xa2, /* cpuid */
};

#define SLOT_GVA(level) ((u64)CONTEXT_SLOT << LEVEL_SHIFT(level))

/* A read of, or a write to, what an entry at this level says, by the user or the supervisor. */
static void try(struct vcpu *v, bool user, bool write, int level, u64 entry, struct vmexit *exit)
{
	context_init(v, SPTE_FORMAT_64, 4);
	if (user)
		context_user(v);
	v->ops->set_pf_filter(v, PF_FILTER_USER);
	context_code(write ? write_code : read_code, sizeof(read_code));
	*context_entry(level) = entry;
	context_run(v, &(struct context_regs){.rbx = SLOT_GVA(level)}, exit);
}

/* The guest's own handler saw the fault, with this error code. */
static bool stays(struct vcpu *v, bool write, u64 entry, u32 pfec)
{
	struct vmexit exit;

	try(v, true, write, 1, entry, &exit);
	return exit.kind == VMEXIT_CPUID && v->gpr[RAX] == CONTEXT_FAULT_SEEN &&
	       v->gpr[RCX] == pfec && v->gpr[RDX] == SLOT_GVA(1);
}

static bool exits(struct vcpu *v, bool user, bool write, int level, u64 entry, u32 pfec)
{
	struct vmexit exit;

	try(v, user, write, level, entry, &exit);
	return exit.kind == VMEXIT_PF && exit.pf.gva == SLOT_GVA(level) && exit.pf.error == pfec;
}

static bool traps_exit(struct vcpu *v, const struct selftest_result *proved)
{
	const bool *address = proved->address[SPTE_FORMAT_64],
		   *structural = proved->structural[SPTE_FORMAT_64];
	u32 pfec = PFEC_P | PFEC_U | PFEC_RSVD;

	for (int level = 1; level <= 4; level++) {
		u64 trap = spte_trap_structural(level, v->machine->maxphyaddr);

		if (address[level] &&
		    !exits(v, true, false, level, spte_trap_address(SPTE_FORMAT_64), pfec))
			return false;
		if (structural[level] && !exits(v, true, false, level, trap, pfec))
			return false;
	}
	return true;
}

bool prove_user_filter(struct vcpu *v, const struct selftest_result *proved)
{
	u64 read_only = context_empty_table() | PTE_P | PTE_U, theirs = read_only & ~PTE_U;

	return stays(v, false, SPTE_NOTRAP, PFEC_U) &&
	       stays(v, true, read_only, PFEC_P | PFEC_W | PFEC_U) &&
	       stays(v, false, theirs, PFEC_P | PFEC_U) &&
	       exits(v, false, false, 1, SPTE_NOTRAP, 0) &&
	       exits(v, false, true, 1, theirs, PFEC_P | PFEC_W) && traps_exit(v, proved);
}
