/* SPDX-License-Identifier: MIT */
/* The simulated machine's set-up, its audit, and the record of what went wrong; see sim.h. */
#include "mm/shadow/audit.h"
#include "mm/shadow/types.h"
#include "tests/host/fake/console.h"
#include "tests/host/sim.h"
#include "tests/host/sim_mem.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct memmap_range watched[] = SIM_WATCHED;
static const struct memmap_range far_hidden[] = SIM_FAR_HIDDEN;

void (*sim_on_fail)(void) = abort;
bool sim_quiet;

void sim_trace(struct sim *s, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(s->line[s->nr_lines++ % SIM_TRACE_LINES], SIM_TRACE_WIDTH, fmt, args);
	va_end(args);
}

void sim_fail(struct sim *s, const char *fmt, ...)
{
	static const char *const mode[] = {"paging off", "32-bit", "PAE", "4-level", "5-level"};
	static const char *const traps[] = {"address", "structural", "none"};
	static const char *const sync[] = {"hybrid", "always", "never"};
	static const char *const user[] = {"auto", "always", "never"};
	va_list args;
	u32 i = s->nr_lines > SIM_TRACE_LINES ? s->nr_lines - SIM_TRACE_LINES : 0;

	if (!sim_quiet) {
		for (; i < s->nr_lines; i++)
			fprintf(stderr, "  %s\n", s->line[i % SIM_TRACE_LINES]);
		fprintf(stderr,
			"machine: %s, wp=%d smep=%d smap=%d pke=%d nx=%d nxe=%d cr3=%lx maxphyaddr=%d, "
			"traps=%s sync=%s user=%s bypass=%d vpid=%d pool=%luK tight=%d\nfailed: ",
			mode[s->guest.mode], s->guest.wp, s->guest.smep, s->guest.smap,
			s->guest.pke, s->guest.nx, s->guest.nxe, s->guest.cr3, s->guest.maxphyaddr,
			traps[s->config.traps], sync[s->config.sync], user[s->config.user_filter],
			s->config.bypass, s->config.vpid, s->config.pool_size >> 10,
			s->config.tight);
		va_start(args, fmt);
		vfprintf(stderr, fmt, args);
		va_end(args);
		fputc('\n', stderr);
	}
	sim_on_fail();
	abort();
}

/* --- the audit ---------------------------------------------------------------------------------- */

static void check_table(struct sim *s, const struct ref_path *path)
{
	u64 ones = GENMASK(s->guest.maxphyaddr - 1, 12);

	for (u32 i = 0; i < 512; i++) {
		u64 entry = *(u64 *)phys_ptr(path->table + 8 * i);
		struct ref_path next = *path;
		enum ref_kind kind = ref_next(&s->hw.cpu, &next, 0, entry);

		if (kind == REF_NOT_PRESENT && entry & ones && (entry & ones) != ones)
			sim_fail(s, "a not-present shadow entry names an address: %lx", entry);
		if (kind == REF_RESERVED && (entry & ones) != ones)
			sim_fail(s, "a trap names an address: %lx", entry);
		if (kind == REF_TABLE) {
			if (next.table < SIM_POOL || next.table >= s->hw.pool_end)
				sim_fail(s, "a shadow entry names a table outside the pool: %lx",
					 entry);
			check_table(s, &next);
		}
		if (kind != REF_LEAF || next.addr == SIM_HOLE)
			continue;
		if (next.addr < SIM_HIDDEN_END && next.addr + next.size > SIM_HIDDEN_START)
			sim_fail(s, "a shadow entry at level %d maps hidden memory: %lx",
				 path->level, entry);
		if (ranges_overlap(far_hidden, ARRAY_SIZE(far_hidden), next.addr,
				   next.addr + next.size))
			sim_fail(s, "a shadow entry at level %d maps hidden registers: %lx",
				 path->level, entry);
	}
}

/* What the hardware still holds, with all flushes made: no way past the shadow tables as they are. */
static void check_caches(struct sim *s)
{
	const struct mmu *m = s->mmu;

	for (u32 i = 0; i < HW_LEAVES; i++) {
		const struct ref_path *p = &s->hw.leaf[i].path;
		u64 at = p->addr & ~(p->size - 1), end = at + p->size;

		for (; s->hw.leaf[i].valid && at < end; at += PAGE_SIZE) {
			if (sim_is_hidden(at) && at != SIM_HOLE)
				sim_fail(s, "the TLB maps hidden memory at %lx", at);
			if (p->w && p->dirty && frame_is_tracked(frame_of(m, at >> PAGE_SHIFT)))
				sim_fail(s, "the TLB has a tracked table writable at %lx", at);
		}
	}
	for (u32 i = 0; i < HW_UPPERS; i++) {
		const struct ref_path *p = &s->hw.upper[i].path;
		u64 t = (p->table - m->tables_hpa) >> PAGE_SHIFT;

		if (s->hw.upper[i].valid &&
		    (t >= m->nr_shadows || (int)m->shadows[t].role.level != p->level))
			sim_fail(s, "a paging-structure cache names table %lu, which is no more",
				 t);
	}
}

void sim_check(struct sim *s)
{
	struct audit a = {.v = &s->v, .foreign = s->foreign, .nr_foreign = s->nr_foreign};
	struct ref_path path;

	s->calm = true;
	for (u64 i = 0; i < 4; i++) {
		if (ref_start(&s->hw.cpu, i << 30, &path) == REF_TABLE)
			check_table(s, &path);
		if (s->hw.cpu.mode != REF_PAE)
			break;
	}
	if (audit(&a))
		sim_fail(s, "the audit found violations");
	check_caches(s);
	s->calm = false;
}

void sim_finish(struct sim *s)
{
	sim_check(s);
	if (!sim_mem_rest_is_zero())
		sim_fail(s, "memory that nobody wrote has changed");
}

/* --- set-up ------------------------------------------------------------------------------------- */

static void make_traps(const struct sim_config *c, struct spte_traps *t)
{
	int width = c->features.maxphyaddr;

	for (int level = 1; level < PAGING_LEVELS; level++) {
		u64 *e64 = &t->entry[SPTE_FORMAT_64][level],
		    *pae = &t->entry[SPTE_FORMAT_PAE][level];

		*e64 = SPTE_TRAP_NOT_PRESENT;
		*pae = level > 2 ? 0 : SPTE_TRAP_NOT_PRESENT;
		if (c->traps == SIM_TRAPS_NONE)
			continue;
		if (*pae)
			*pae = spte_trap_address(SPTE_FORMAT_PAE);
		if (c->traps == SIM_TRAPS_ADDRESS && width < 52)
			*e64 = spte_trap_address(SPTE_FORMAT_64);
		else if (level > 1)
			*e64 = spte_trap_structural(level, width);
	}
}

u32 sim_pkru;

static u32 read_pkru(void)
{
	return sim_pkru;
}

static void configure(const struct sim_config *config, struct sim *s, struct mmu_config *c)
{
	sim_mem_map(&s->map);
	s->hidden[0] = (struct memmap_range){SIM_HIDDEN_START, SIM_HIDDEN_END, MEMMAP_RESERVED};
	memcpy(&s->hidden[1], far_hidden, sizeof(far_hidden));
	memcpy(s->watched, watched, sizeof(watched));
	guest_paging_init(&s->paging, &config->features, &s->map, &s->map);
	*c = (struct mmu_config){
		.read_pkru = read_pkru,
		.guest = &s->paging,
		.bypass = config->bypass,
		.sync = config->sync,
		.user_filter = config->user_filter,
		.nr_vcpus = config->vcpus ? config->vcpus : 1,
		.tables = {.hidden = s->hidden,
			   .nr_hidden = ARRAY_SIZE(s->hidden),
			   .watched = s->watched,
			   .nr_watched = ARRAY_SIZE(s->watched),
			   .hole_hpa = SIM_HOLE,
			   .pool_hpa = SIM_POOL,
			   .pool_size = config->pool_size},
		.bounds = config->tight ? &config->bounds : NULL,
	};
	if (!c->tables.pool_size)
		c->tables.pool_size =
			mmu_memory_size(memmap_ram_size(&s->map), memmap_ram_end(&s->map));
	make_traps(config, &c->traps);
}

u32 sim_tables(const struct sim *s)
{
	return s->mmu->nr_shadows - 1;
}

u64 sim_least_pool(const struct sim_config *config)
{
	static struct sim s;
	struct sim_config try = *config;
	struct mmu_config c;
	u64 low = 0, high = SIM_HIDDEN_END - SIM_POOL;
	bool echo = fake_echo;

	fake_echo = false;
	while (high - low > PAGE_SIZE) {
		try.pool_size = ALIGN_UP((low + high) / 2, PAGE_SIZE);
		sim_mem_reset(try.pool_size, try.high_ram);
		configure(&try, &s, &c);
		if (mmu_init(&c))
			high = try.pool_size;
		else
			low = try.pool_size;
	}
	fake_echo = echo;
	return high;
}

void sim_init(struct sim *s, const struct sim_config *config, struct rnd *r)
{
	const struct paging_features *f = &config->features;
	struct mmu_config c;

	fake_echo = !sim_quiet;
	*s = (struct sim){.config = *config, .r = r};
	sim_mem_reset(0, config->high_ram);
	configure(config, s, &c);
	sim_mem_reset(c.tables.pool_size, config->high_ram);
	s->config.pool_size = c.tables.pool_size;
	s->guest = (struct ref_cpu){.maxphyaddr = f->maxphyaddr,
				    .nx = f->nx,
				    .pages_1g = f->pages_1g,
				    .pse36 = f->pse36,
				    .amd = f->amd};
	s->hw.faults_keep = config->faults_keep;
	s->hw.pdptes_keep = config->pdptes_keep;
	s->hw.pool_start = SIM_POOL;
	s->hw.pool_end = SIM_POOL + c.tables.pool_size;
	s->mmu = mmu_init(&c);
	if (!s->mmu)
		sim_fail(s, "mmu_init() refuses a pool of %lu bytes", c.tables.pool_size);
	if (config->clock_wraps)
		s->mmu->clock = -100u;
	mmu_vcpu_init(&s->v, s->mmu, &s->counters);
	gt_flush_all(&s->tlb);
}
