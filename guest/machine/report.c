/* SPDX-License-Identifier: MIT */
/* The counters' report: for people and programs alike. */
#include "guest/machine/report.h"
#include "arch/console.h"
#include "arch/index.h"

/*
 * Faults that never left the guest: pf_guest_counted - pf_guest.
 *
 * Returns false when that is not known: the guest reported no faults (HC_REPORT_FAULTS), or fewer
 * than the hypervisor gave it, so that its report is of an earlier time.
 */
static bool find_bypassed(const struct counters *sum, u64 *bypassed)
{
	u64 counted = sum->value[CNT_pf_guest_counted];
	u64 seen = sum->value[CNT_pf_guest];

	*bypassed = counted - seen;
	return counted && counted >= seen;
}

u64 counter_read(const struct counters *set, u32 index)
{
	u64 bypassed;

	/* Users choose it: CPUID and a hypercall. */
	if (index != CNT_pf_bypassed)
		return set->value[index_clamp(index, NR_COUNTERS)];
	return find_bypassed(set, &bypassed) ? bypassed : ~0ULL;
}

void count_filter(struct vcpu *v)
{
	u64 exits = v->counters.value[CNT_exits], more = exits - v->filter_since;

	v->filter_since = exits;
	if (!v->mmu.mmu)
		return;
	if (v->filter_user)
		count_add(&v->counters, filter_user_exits, more);
	else if (v->filter_present)
		count_add(&v->counters, filter_present_exits, more);
	else
		count_add(&v->counters, filter_all_exits, more);
}

void report_counters(const struct counters *sum)
{
	static const char *const name[] = {
#define COUNTER(name, help) #name,
#include "mm/counters.def"
#undef COUNTER
	};
	u64 bypassed;
	bool known = find_bypassed(sum, &bypassed);

	say("counters begin");
	for (u32 i = 0; i < NR_COUNTERS; i++) {
		if (i != CNT_pf_bypassed)
			say("%s = %lu", name[i], sum->value[i]);
		else if (known)
			say("%s = %lu", name[i], bypassed);
		else
			say("%s = unknown", name[i]);
	}
	say("counters end");
}
