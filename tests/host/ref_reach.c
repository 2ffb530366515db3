/* SPDX-License-Identifier: MIT */
/* What the guest's tables lead to: see ref_reach.h. */
#include "tests/host/ref_reach.h"
#include "arch/cpu.h"
#include "tests/host/sim_mem.h"

/* Tables that have been looked through: most lead to one another in circles. */
#define SEEN_MAX 4096

struct reach_search {
	const struct ref_cpu *cpu;
	u64 gpa;
	u64 seen[SEEN_MAX]; /* table and level */
	u32 nr_seen;
};

static bool is_seen(struct reach_search *r, const struct ref_path *path)
{
	u64 key = path->table | (u64)path->level;

	for (u32 i = 0; i < r->nr_seen; i++) {
		if (r->seen[i] == key)
			return true;
	}
	if (r->nr_seen < SEEN_MAX)
		r->seen[r->nr_seen++] = key;
	return false;
}

/* Rights on the way do not matter, so one way to a table is as good as another. */
static bool leads(struct reach_search *r, const struct ref_path *path, u64 gva)
{
	u32 size = ref_entry_size(r->cpu), bits = size == 4 ? 10 : 9;
	u64 first = path->table & ~4095ULL;

	if (!sim_is_ram(first) || is_seen(r, path))
		return false;
	for (u64 i = 0; i < 4096 / size; i++) {
		u64 at_gva = gva | i << (12 + bits * (path->level - 1)),
		    at = ref_entry_addr(r->cpu, path, at_gva);
		struct ref_path next = *path;
		enum ref_kind kind = ref_next(r->cpu, &next, at_gva, sim_read(at, size));

		if (path->level == 1 && at == r->gpa && kind == REF_LEAF)
			return true;
		if (path->level > 1 && kind == REF_TABLE && leads(r, &next, at_gva))
			return true;
	}
	return false;
}

bool ref_leads_to_page(const struct ref_cpu *cpu, u64 gpa)
{
	static struct reach_search r;
	struct ref_path path;

	r.cpu = cpu;
	r.gpa = gpa;
	r.nr_seen = 0;
	/* The PDPTEs of PAE are registers. */
	for (u64 top = 0; top < (cpu->mode == REF_PAE ? 4 : 1); top++) {
		if (ref_start(cpu, top << 30, &path) == REF_TABLE && leads(&r, &path, top << 30))
			return true;
	}
	return false;
}
