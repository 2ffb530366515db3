/* SPDX-License-Identifier: MIT */
/* The simulated machine's accesses, and the judge of what comes of them; see sim.h. */
#include "mm/shadow/settle.h"
#include "tests/host/sim_changes.h"
#include "tests/host/sim_exit.h"
#include "tests/host/sim_mem.h"
#include "tests/host/straight.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More exits than this for one access, and the guest makes no progress. */
#define MAX_RETRIES 12

static const char *describe(const struct ref_access *a)
{
	static char text[80];

	snprintf(text, sizeof(text), "%s %s%s %lx pkru=%x", a->user ? "user" : "supervisor",
		 a->fetch   ? "fetch"
		 : a->write ? "write"
			    : "read",
		 a->ac ? " ac" : "", a->gva, a->pkru);
	return text;
}

static void trace_access(struct sim *s, const struct ref_access *a, const void *data, u32 size,
			 const char *how)
{
	u64 value = 0;

	if (!a->write) {
		sim_trace(s, "%s%s", describe(a), how);
		return;
	}
	memcpy(&value, data, size < 8 ? size : 8);
	sim_trace(s, "%s, %u bytes: %lx%s", describe(a), size, value, how);
}

static const struct memmap_range watched[] = SIM_WATCHED;
static const struct memmap_range far_hidden[] = SIM_FAR_HIDDEN;

static bool is_watched(u64 gpa)
{
	return ranges_overlap(watched, ARRAY_SIZE(watched), gpa, gpa + 1);
}

/* The hypervisor's, memory or registers. */
static bool is_hidden(u64 gpa)
{
	return sim_is_hidden(gpa) ||
	       ranges_overlap(far_hidden, ARRAY_SIZE(far_hidden), gpa, gpa + 1);
}

struct target {
	const struct sim *s;
	u64 hpa;
	u8 memtype;
	bool any_memtype;
};

/* The hole page stands for the hypervisor's memory, and for the page frame that marks traps. */
static bool is_target(void *ctx, u64 gpa, u8 memtype)
{
	const struct target *t = ctx;
	u64 top = (1ULL << (t->s->guest.maxphyaddr - 12)) - 1;

	if (t->hpa - SIM_HOLE < PAGE_SIZE)
		return (is_hidden(gpa) || gpa >> 12 == top) && (gpa ^ t->hpa) % PAGE_SIZE == 0;
	return gpa == t->hpa && (t->any_memtype || memtype == t->memtype);
}

/* A page that is lent (mmu_lend()) is a supervisor's in the hardware's eyes: no SMAP, no keys. */
static bool reaches(struct sim *s, const struct ref_access *a, struct target *t)
{
	struct ref_cpu lenient = s->guest;

	if (s->inexact || gt_allows(&s->tlb, &s->guest, a, is_target, t))
		return true;
	if (!s->v.nr_lent || a->user || a->fetch)
		return false;
	lenient.smap = lenient.pke = false;
	return gt_allows(&s->tlb, &lenient, a, is_target, t);
}

static void judge_reach(struct sim *s, const struct ref_access *a, u64 hpa, int memtype)
{
	struct target t = {s, hpa, memtype, memtype < 0};

	if (is_hidden(hpa) && hpa - SIM_HOLE >= PAGE_SIZE)
		sim_fail(s, "%s reached hidden memory at %lx", describe(a), hpa);
	if (!reaches(s, a, &t))
		sim_fail(s, "%s reached %lx, memory type %d, which no walk with A and D set allows",
			 describe(a), hpa, memtype);
}

static void judge_fault(struct sim *s, const struct ref_access *a, u32 pfec)
{
	s->stats.faults++;
	sim_trace(s, "    #PF %x", pfec);
	if (!s->inexact && !gt_allows_fault(&s->tlb, &s->guest, a, pfec))
		sim_fail(s, "%s got #PF with error code %x, which no walk allows", describe(a),
			 pfec);
}

/* The hypervisor writes for the guest: the bytes must be in memory, and nothing else changed. */
static void software_write(struct sim *s, u64 gpa, const void *data, u32 size)
{
	u64 first = gpa & ~7ULL, last = (gpa + size - 1) & ~7ULL, old[4], now[4] = {0}, word = 0;
	bool aligned = (size == 4 || size == 8) && gpa % size == 0;
	u8 before[16];

	s->calm = true;
	for (u32 i = 0; i < size; i++)
		before[i] = sim_read(gpa + i, 1);
	/* Said to sim_mem first, so that only what differs from it is reported. */
	for (u64 q = first; q <= last; q += 8)
		old[(q - first) / 8] = sim_read(q, 8);
	sim_write(gpa, data, size);
	for (u64 q = first; q <= last; q += 8) {
		now[(q - first) / 8] = sim_read(q, 8);
		if (old[(q - first) / 8] != now[(q - first) / 8])
			gt_changed(&s->tlb, q, old[(q - first) / 8], now[(q - first) / 8]);
	}
	memcpy(phys_ptr(gpa), before, size);
	memcpy(&word, before, size < 8 ? size : 8);
	if (aligned && one_in(s->r, 3)) {
		u64 new = 0;

		memcpy(&new, data, size);
		if (mmu_cmpxchg(&s->v, gpa, word ^ 4, new, size) ||
		    memcmp(phys_ptr(gpa), before, size))
			sim_fail(s, "mmu_cmpxchg() wrote though the old value differs");
		if (!mmu_cmpxchg(&s->v, gpa, word, new, size))
			sim_fail(s, "mmu_cmpxchg() did not write");
	} else {
		mmu_write(&s->v, gpa, data, size);
	}
	for (u64 q = first; q <= last; q += 8)
		if (sim_read(q, 8) != now[(q - first) / 8])
			sim_fail(s, "a software write at %lx made %lx of %lx", gpa, sim_read(q, 8),
				 now[(q - first) / 8]);
	s->calm = false;
}

/* What the guest's store does to memory once its address is known. */
static void complete(struct sim *s, const struct ref_access *a, u64 hpa, const void *data, u32 size)
{
	if (!a->write)
		return;
	if (sim_is_ram(hpa))
		sim_store(s, hpa, data, size);
	else if (sim_is_hidden(hpa))
		memcpy(phys_ptr(hpa), data, size);
}

/* A write to registers that the hypervisor carries out: here they keep nothing. */
static void watched_write(struct sim *s, const struct ref_access *a, u64 gpa)
{
	s->stats.watched++;
	if (!a->write || !is_watched(gpa))
		sim_fail(s, "MMU_WATCHED_WRITE at %lx for %s", gpa, describe(a));
	judge_changes(s);
	judge_reach(s, a, gpa, -1);
}

/* A write that CR0.WP=0 alone allows. True: it is done. */
static bool wp0_write(struct sim *s, const struct ref_access *a, const struct mmu_fault *f,
		      const void *data, u32 size)
{
	s->stats.wp0_writes++;
	if (!a->write || a->user || s->guest.wp)
		sim_fail(s, "MMU_WP0_WRITE at %lx for %s", f->gpa, describe(a));
	judge_changes(s);
	/* Hidden memory is the hole's once the hardware writes it itself. */
	if (!is_hidden(f->gpa))
		judge_reach(s, a, f->gpa, -1);
	if (s->unknown_insn || !sim_is_ram(f->gpa)) {
		sim_trace(s, "    %lx is lent", f->gva);
		s->stats.lent++;
		mmu_lend(&s->v, f);
		s->lent = true;
		return false;
	}
	sim_trace(s, "    %lx: emulated", f->gpa);
	software_write(s, f->gpa, data, size);
	return true;
}

/* True: the write is done. */
static bool table_write(struct sim *s, const struct ref_access *a, u64 gpa, const void *data,
			u32 size)
{
	s->stats.table_writes++;
	if (!a->write || !sim_is_ram(gpa))
		sim_fail(s, "MMU_TABLE_WRITE at %lx for %s", gpa, describe(a));
	judge_changes(s);
	judge_reach(s, a, gpa, -1);
	if (s->unknown_insn) {
		sim_trace(s, "    table %lx: unsync", gpa);
		s->stats.unsyncs++;
		mmu_let_unsync(&s->v, gpa);
		return false;
	}
	sim_trace(s, "    table %lx: emulated", gpa);
	software_write(s, gpa, data, size);
	return true;
}

static enum sim_result fault_exit(struct sim *s, const struct ref_access *a, const void *data,
				  u32 size, u32 *pfec, bool *again)
{
	struct mmu_fault f = {
		.gva = a->gva, .pfec = *pfec, .ac = a->ac, .pkru = a->pkru, .data = !a->fetch};
	enum mmu_straight_way way;
	enum mmu_verdict verdict;

	sim_left(s);
	sim_pkru = a->pkru;
	*again = false;
	/* As handle_page_fault() has it. */
	if (s->filter != SIM_FILTER_ALL && !(*pfec & (REF_PF_P | REF_PF_RSVD))) {
		*pfec = mmu_own_fault(&s->v, *pfec);
		judge_fault(s, a, *pfec);
		if (!s->hw.faults_keep)
			gt_fault(&s->tlb, a->gva);
		sim_resume(s);
		return SIM_FAULT;
	}
	way = straight_fault(s, a, data, size, pfec);
	if (way == MMU_STRAIGHT_WRITE) {
		s->stats.table_writes++;
		sim_resume(s);
		return SIM_DONE;
	}
	f.guest_pfec = *pfec;
	verdict = way == MMU_STRAIGHT_OWN      ? MMU_GUEST_FAULT
		  : way == MMU_STRAIGHT_MENDED ? MMU_RETRY
					       : mmu_fault(&s->v, &f);
	switch (verdict) {
	case MMU_RETRY:
		*again = true;
		sim_resume(s);
		return SIM_DONE;
	case MMU_GUEST_FAULT:
		judge_changes(s);
		*pfec = f.guest_pfec;
		judge_fault(s, a, *pfec);
		if (!s->hw.faults_keep)
			gt_fault(&s->tlb, a->gva);
		sim_resume(s);
		return SIM_FAULT;
	case MMU_TABLE_WRITE:
		*again = !table_write(s, a, f.gpa, data, size);
		sim_resume(s);
		return SIM_DONE;
	case MMU_WP0_WRITE:
		*again = !wp0_write(s, a, &f, data, size);
		sim_resume(s);
		return SIM_DONE;
	case MMU_WATCHED_WRITE:
		watched_write(s, a, f.gpa);
		sim_resume(s);
		return SIM_DONE;
	}
	sim_fail(s, "mmu_fault() returned %d", verdict);
}

/* SDM vol. 3C 26.2: a page fault exits if (error code & mask) == match, or if not, with bit 14 clear. */
static bool fault_exits(const struct sim *s, u32 pfec)
{
	static const struct {
		bool bit14;
		u32 mask, match;
	} fields[] = {
		[SIM_FILTER_ALL] = {true, 0, 0},
		[SIM_FILTER_PRESENT] = {true, REF_PF_P, REF_PF_P},
		[SIM_FILTER_USER] = {false, REF_PF_U | REF_PF_RSVD, REF_PF_U},
	};

	return ((pfec & fields[s->filter].mask) == fields[s->filter].match) ==
	       fields[s->filter].bit14;
}

/* True for a fault of the hardware's that does not exit. */
static bool bypassed(struct sim *s, const struct ref_access *a, u32 pfec)
{
	bool exits = fault_exits(s, pfec);

	if (s->hw.error)
		sim_fail(s, "%s", s->hw.error);
	sim_trace(s, "    hardware #PF %x%s", pfec, exits ? "" : ", no exit");
	hw_fault(&s->hw, a->gva, exits);
	if (exits)
		return false;
	s->stats.bypassed++;
	s->stats.user_bypassed += s->filter == SIM_FILTER_USER && (pfec & REF_PF_P);
	judge_fault(s, a, pfec);
	gt_fault(&s->tlb, a->gva);
	return true;
}

static enum sim_result access(struct sim *s, const struct ref_access *a, const void *data, u32 size,
			      u32 *pfec)
{
	u64 device_writes = s->stats.device_writes;

	/* What a device did meanwhile is one more reason to try again. */
	for (u32 i = 0; i <= MAX_RETRIES + s->stats.device_writes - device_writes; i++) {
		struct ref_path leaf;
		enum sim_result result;
		bool again;

		if (hw_access(&s->hw, a, s->r, &leaf, pfec)) {
			sim_trace(s, "    reaches %lx", leaf.addr);
			judge_reach(s, a, leaf.addr, leaf.memtype);
			if (a->write && is_watched(leaf.addr))
				sim_fail(s, "%s wrote to watched %lx itself", describe(a),
					 leaf.addr);
			complete(s, a, leaf.addr, data, size);
			return SIM_DONE;
		}
		if (bypassed(s, a, *pfec))
			return SIM_FAULT;
		result = fault_exit(s, a, data, size, pfec, &again);
		if (!again)
			return result;
		s->stats.retries++;
	}
	sim_fail(s, "%s makes no progress", describe(a));
}

enum sim_result sim_access(struct sim *s, const struct ref_access *a, const void *data, u32 size,
			   u32 *pfec)
{
	enum sim_result result;

	trace_access(s, a, data, size, "");
	s->stats.accesses++;
	s->current = a;
	/* One that the decoder does not know stays so at each retry. */
	s->unknown_insn = !s->emulate_all && one_in(s->r, 4);
	result = access(s, a, data, size, pfec);
	if (result == SIM_DONE && !a->write)
		s->last_read = a->gva;
	s->lent = false;
	s->current = NULL;
	return result;
}

enum sim_result sim_emulate(struct sim *s, const struct ref_access *a, const void *data, u32 size,
			    u32 *pfec)
{
	struct mmu_fault f = {.gva = a->gva, .ac = a->ac, .pkru = a->pkru};
	u64 gpa;

	trace_access(s, a, data, size, ", in software");
	sim_left(s);
	s->current = a;
	f.pfec = (a->write ? PFEC_W : 0) | (a->user ? PFEC_U : 0) | (a->fetch ? PFEC_I : 0);
	if (mmu_translate(&s->v, &f, &gpa)) {
		judge_changes(s);
		*pfec = f.guest_pfec;
		judge_fault(s, a, *pfec);
		gt_fault(&s->tlb, a->gva);
		s->current = NULL;
		/* A #PF that is injected has flushed nothing in the hardware. */
		sim_resume(s);
		return SIM_FAULT;
	}
	judge_changes(s);
	sim_trace(s, "    reaches %lx", gpa);
	if (!gt_allows(&s->tlb, &s->guest, a, is_target, &(struct target){s, gpa, 0, true}))
		sim_fail(s, "mmu_translate() of %s gives %lx", describe(a), gpa);
	if (a->write && sim_is_ram(gpa))
		software_write(s, gpa, data, size);
	s->current = NULL;
	sim_resume(s);
	return SIM_DONE;
}

void sim_access_pages(struct sim *s, const struct ref_access *a, u32 nr)
{
	u64 nothing = 0;
	u32 exits = 0;

	s->unknown_insn = true;
	for (u32 i = 0; i < nr && exits < 4 * nr; i++) {
		struct ref_path leaf;
		bool again;
		u32 pfec;

		s->current = &a[i];
		trace_access(s, &a[i], &nothing, 8, ", of several");
		if (hw_access(&s->hw, &a[i], s->r, &leaf, &pfec)) {
			judge_reach(s, &a[i], leaf.addr, leaf.memtype);
			continue;
		}
		if (bypassed(s, &a[i], pfec))
			break;
		fault_exit(s, &a[i], &nothing, 8, &pfec, &again);
		if (!again)
			break;
		/* From the start. */
		exits++;
		i = -1u;
	}
	s->current = NULL;
	s->lent = false;
	sim_left(s);
	sim_resume(s);
}
