/* SPDX-License-Identifier: MIT */
/*
 * MTRRs are the guest's but for what they say of hidden memory: a type that is not coherent with what
 * the caches have of it would give the hypervisor old values.
 */
#include "guest/exit/handlers.h"

#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/safe.h"
#include "guest/machine/backend.h"
#include "guest/machine/machine.h"
#include "guest/machine/memtype.h"

/* At boot: AMD's CPUs let the kernel change what CPUID says, by MSRs that no manual lists in full. */
static u32 nr_pairs(void)
{
	u64 cap;

	if (!(cpuid(1, 0).edx & CPUID_1_EDX_MTRR) || !rdmsr_safe(MSR_MTRRCAP, &cap))
		return 0;
	return (cap & 0xff) < MTRR_VARIABLE_MAX ? cap & 0xff : MTRR_VARIABLE_MAX;
}

static void read_all(const struct machine *machine, struct mtrrs *m)
{
	m->nr = machine->nr_mtrrs;
	rdmsr_safe(MSR_MTRR_DEF_TYPE, &m->def_type);
	for (u32 i = 0; i < m->nr; i++) {
		rdmsr_safe(MSR_MTRR_PHYSBASE0 + 2 * i, &m->var[i].base);
		rdmsr_safe(MSR_MTRR_PHYSBASE0 + 2 * i + 1, &m->var[i].mask);
	}
}

static enum memtype hidden_type(const struct machine *machine, const struct mtrrs *m, u32 i)
{
	return mtrr_memtype(m, machine->hidden[i].start, machine->hidden[i].end,
			    machine->maxphyaddr);
}

void mtrr_intercept(struct vcpu *v)
{
	struct machine *machine = v->machine;
	struct mtrrs now;

	machine->nr_mtrrs = nr_pairs();
	if (!machine->nr_mtrrs)
		return;
	read_all(machine, &now);
	for (u32 i = 0; i < machine->nr_hidden; i++)
		machine->hidden_type[i] = hidden_type(machine, &now, i);
	v->ops->intercept_msr(v, MSR_MTRR_DEF_TYPE, false, true);
	for (u32 i = 0; i < 2 * now.nr; i++)
		v->ops->intercept_msr(v, MSR_MTRR_PHYSBASE0 + i, false, true);
}

bool mtrr_is(const struct machine *machine, u32 msr)
{
	return msr == MSR_MTRR_DEF_TYPE || msr - MSR_MTRR_PHYSBASE0 < 2 * machine->nr_mtrrs;
}

/* What the MTRRs would be. */
static void change(struct mtrrs *m, u32 msr, u64 value)
{
	u32 i = (msr - MSR_MTRR_PHYSBASE0) / 2;

	if (msr == MSR_MTRR_DEF_TYPE)
		m->def_type = value;
	else if (msr & 1)
		m->var[i].mask = value;
	else
		m->var[i].base = value;
}

/*
 * While they are off all memory is uncached, and systems change them so: what counts is what they say
 * once they are on (SDM vol. 3A 12.11.8).
 */
static bool spares_hidden(const struct machine *machine, const struct mtrrs *then)
{
	if (!(then->def_type & MTRR_DEF_TYPE_E))
		return true;
	for (u32 i = 0; i < machine->nr_hidden; i++) {
		enum memtype type = hidden_type(machine, then, i);

		/* RAM may be write-back too; registers keep the type that the firmware gave them. */
		if (type != machine->hidden_type[i] && (type != MEMTYPE_WB || i >= HIDDEN_RAM))
			return false;
	}
	return true;
}

/* As a system is to do it, whether or not the guest does: nothing of ours stays in a cache. */
static bool write_in_order(u32 msr, u64 value)
{
	u64 cr0 = read_cr0();
	bool ok;

	write_cr0((cr0 | CR0_CD) & ~CR0_NW);
	wbinvd();
	ok = wrmsr_safe(msr, value);
	wbinvd();
	write_cr3(read_cr3());
	write_cr0(cr0);
	return ok;
}

bool mtrr_write(struct vcpu *v, u32 msr, u64 value)
{
	struct machine *machine = v->machine;
	struct mtrrs m;
	u64 old;

	if (!rdmsr_safe(msr, &old) || value == old)
		return wrmsr_safe(msr, value);
	read_all(machine, &m);
	change(&m, msr, value);
	if (spares_hidden(machine, &m))
		return write_in_order(msr, value);
	if (machine_may_say(machine, LINE_MTRR))
		say("the guest writes %lx to MTRR %x at rip %lx, which would change the type of notrap's "
		    "memory: #GP",
		    value, msr, v->rip);
	return false;
}
