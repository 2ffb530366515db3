/* SPDX-License-Identifier: MIT */
/* One access: foretold, made, compared, noted. */
#include "tests/guests/differ/differ.h"

#include "guest/builtin/lib/print.h"

#define WORD_BYTES sizeof(reg)

extern const uintptr_t op_table[NR_OPS];
extern const char ops_start[];

/* This machine reads before it writes, and so XCHG and the like fault as reads: QEMU. */
static bool reads_first;

struct access_case {
	reg va;
	enum op op;
	bool user, ac;
	u64 value;
	u32 reads, writes; /* bytes from va on */
	struct walk walk[2];
	u32 walks; /* two when it straddles pages */
};

/* An entry that may change: which bits the access must set in it, or whether it is written. */
struct watched {
	u64 pa, old, set;
	bool written;
};

struct watch {
	struct watched at[20];
	u32 nr;
};

static struct watched *watch(struct watch *w, u64 pa)
{
	for (u32 i = 0; i < w->nr; i++)
		if (w->at[i].pa == pa)
			return &w->at[i];
	w->at[w->nr] = (struct watched){.pa = pa, .old = entry_at(pa)};
	return &w->at[w->nr++];
}

static u32 bytes_of(enum op op)
{
	switch (op) {
	case OP_MOVB:
		return 1;
	case OP_MOV4:
		return 4;
	case OP_WIDE:
		return 8;
	case OP_STOS:
		return 2 * WORD_BYTES;
	case OP_FETCH:
		return 2;
	default:
		return WORD_BYTES;
	}
}

void data_init(u32 f)
{
	u8 *page = ptr(frame[f]);

	for (u32 i = 0; i < PAGE_SIZE; i += 8)
		*(volatile u64 *)(page + i) = ((u64)f << 32 | i) * 0x100000001b3;
	*(volatile u16 *)(page + CODE_AT) = PROBE_FETCH_CODE;
}

static bool on_walk(const struct access_case *a, u64 pa)
{
	for (u32 i = 0; i < a->walks; i++)
		for (u32 k = 0; k < a->walk[i].used; k++)
			if (ALIGN_DOWN(a->walk[i].entry[k], PAGE_SIZE) == ALIGN_DOWN(pa, PAGE_SIZE))
				return true;
	return false;
}

static bool is_root_slot(u64 pa)
{
	u32 index = (u32)(pa & (PAGE_SIZE - 1)) / format.entry_bytes;

	for (u32 i = 0; i < format.root_slots; i++)
		if (format.root_slot[i] == index)
			return true;
	return false;
}

/* May these bytes be accessed so, and is the outcome unique? */
static bool may_touch(const struct access_case *a, u64 pa, u32 bytes)
{
	u32 offset = pa & (PAGE_SIZE - 1);
	int f = frame_at(pa);

	if (f < 0)
		return false;
	/* The kernel's own entries tell where its tables are, which the memory map decides. */
	if (a->op == OP_READ)
		return kind[f] != KIND_ROOT ||
		       offset >= (format.root_last + 1) * format.entry_bytes;
	if (a->op == OP_FETCH)
		return kind[f] == KIND_DATA && offset == CODE_AT;
	if (kind[f] == KIND_DATA)
		return offset + bytes <= CODE_AT || offset >= CODE_AT + CODE_SIZE;
	/* Several accesses, and the first one changes what the next one finds. */
	if ((a->walks > 1 || a->op == OP_STOS || a->op == OP_MOVS ||
	     (reads_first && a->op >= OP_XCHG && a->op <= OP_WIDE)) &&
	    on_walk(a, pa))
		return false;
	if (kind[f] == KIND_ROOT)
		return offset % format.entry_bytes + bytes <= format.entry_bytes &&
		       is_root_slot(pa);
	return true;
}

/* What faults on its first read would fault otherwise than on its write: make it a plain write. */
static bool foretell(struct access_case *a)
{
	enum access access = a->op == OP_READ    ? ACCESS_READ
			     : a->op == OP_FETCH ? ACCESS_FETCH
						 : ACCESS_WRITE;

	a->writes = bytes_of(a->op);
	a->reads = a->op == OP_MOVS ? 4 * WORD_BYTES : a->writes;
	a->writes = a->op == OP_MOVS ? 2 * WORD_BYTES : a->writes;
	a->walks = (a->va & (PAGE_SIZE - 1)) + a->reads > PAGE_SIZE ? 2 : 1;
	/* Repeated and paired accesses stay in a page. */
	if (a->walks > 1 && (a->op == OP_STOS || a->op == OP_MOVS || a->op == OP_FETCH))
		return false;
	for (u32 i = 0; i < a->walks; i++) {
		walk(&a->walk[i], i ? (reg)ALIGN_UP(a->va, PAGE_SIZE) : a->va, access, a->user,
		     a->ac);
		if (a->walk[i].foreign)
			return false;
	}
	if (a->walks > 1 && (a->walk[0].error != NO_FAULT || a->walk[1].error != NO_FAULT ||
			     a->op == OP_CMPXCHG || a->op == OP_WIDE))
		return false;
	if (a->walk[0].error != NO_FAULT) {
		bool modifies = a->op >= OP_XCHG && a->op <= OP_BTR;

		if (a->op == OP_MOVS || a->op == OP_CMPXCHG || a->op == OP_WIDE ||
		    (modifies && reads_first))
			a->op = OP_MOV;
		return true;
	}
	if (a->walks > 1) {
		u32 first = (u32)(PAGE_SIZE - (a->va & (PAGE_SIZE - 1)));

		return may_touch(a, a->walk[0].pa, first) &&
		       may_touch(a, a->walk[1].pa, a->writes - first);
	}
	return may_touch(a, a->walk[0].pa, a->writes);
}

/*
 * Upper entries of a walk that faults: CPUs differ in whether they set A, so it is set before. QEMU sets A in
 * the PDPTE of a 1G page whose low address bits are reserved, or whose rights do not do.
 */
static void preset_accessed(const struct walk *w)
{
	bool leaf = IS_64 && w->error & PFEC_P && w->used + 2 == format.levels;
	for (u32 i = IS_PAE; i + !leaf < w->used; i++)
		entry_put(w->entry[i], entry_at(w->entry[i]) | PTE_A);
}

static void watch_written(struct watch *w, u64 pa, u32 bytes)
{
	int f = frame_at(pa);

	if (kind[f] == KIND_DATA)
		return;
	for (u64 at = ALIGN_DOWN(pa, format.entry_bytes); at < pa + bytes; at += format.entry_bytes)
		watch(w, at)->written = true;
}

static void watch_case(const struct access_case *a, struct watch *w)
{
	bool fault = a->walk[0].error != NO_FAULT, writes = a->op != OP_READ && a->op != OP_FETCH;
	u32 first = (u32)(PAGE_SIZE - (a->va & (PAGE_SIZE - 1)));

	for (u32 i = 0; i < a->walks; i++) {
		const struct walk *k = &a->walk[i];

		for (u32 n = 0; n < k->used; n++) {
			struct watched *e = watch(w, k->entry[n]);

			if (fault || (IS_PAE && !n))
				continue;
			e->set |= PTE_A;
			if (writes && n + 1 == k->used)
				e->set |= PTE_D;
		}
	}
	if (fault || !writes)
		return;
	watch_written(w, a->walk[0].pa, a->walks > 1 ? first : a->writes);
	if (a->walks > 1)
		watch_written(w, a->walk[1].pa, a->writes - first);
}

static void compare(const struct access_case *a, const struct probe *got)
{
	u32 error = a->walk[0].error;

	if (error == NO_FAULT)
		check(got->vector == VECTOR_DONE,
		      "step %u: op %u %s at %lx: vector %u error %x cr2 %lx, not none", step_now,
		      a->op, a->user ? "user" : "kernel", a->va, got->vector, got->error, got->cr2);
	else
		expect(a->user ? "user" : "kernel", *got, error, a->va);
	/* A word of another access's walk may have changed since: only data is compared. */
	if (error == NO_FAULT && a->op == OP_READ && a->walks == 1)
		check(got->value == *(volatile reg *)ptr(a->walk[0].pa),
		      "step %u: read %lx at %lx, not what is at %" X64, step_now, got->value, a->va,
		      a->walk[0].pa);
}

/* After the access. True: something may be cached that is no more. */
static bool settle(const struct watch *w)
{
	bool stale = false;

	for (u32 i = 0; i < w->nr; i++) {
		const struct watched *e = &w->at[i];
		u64 now = entry_at(e->pa);

		if (!e->written) {
			check(now == (e->old | e->set),
			      "step %u: entry at %" X64 " is %" X64 ", was %" X64
			      ", to be set %" X64,
			      step_now, e->pa, now, e->old, e->set);
			note(now);
			continue;
		}
		note(now);
		now = entry_tame(e->pa);
		stale |= (e->old & PTE_P && now != e->old) ||
			 (IS_PAE && kind[frame_at(e->pa)] == KIND_ROOT);
	}
	return stale;
}

/* After a failed check: what the access was. */
static void explain(const struct access_case *a, const struct watch *w)
{
	print("  step %u: op %u, %s, AC %u, at %lx, error %x foretold; cr0 %lx cr4 %lx cr3 %lx nxe %u\n",
	      step_now, a->op, a->user ? "user" : "kernel", a->ac, a->va, a->walk[0].error,
	      read_cr0(), read_cr4(), read_cr3(), nxe_on);
	for (u32 i = 0; i < w->nr; i++)
		print("  entry at %" X64 ": %" X64 " before, %" X64 " now\n", w->at[i].pa,
		      w->at[i].old, entry_at(w->at[i].pa));
	for (u32 i = 0; i < a->walks; i++)
		print("  %u entries, maps %" X64 "\n", a->walk[i].used, a->walk[i].pa);
}

static void run(struct access_case *a)
{
	struct watch w = {.nr = 0};
	struct probe got;
	bool stale;
	reg ip;

	if (!foretell(a))
		return;
	if (a->walk[0].error != NO_FAULT)
		preset_accessed(&a->walk[0]);
	watch_case(a, &w);
	ip = op_table[a->op];
	if (a->user)
		ip = format.user_code + (ip - (uintptr_t)ops_start);
	got = probe_run(ip, a->user, a->va, a->ac ? RFLAGS_AC : 0, a->value);
	compare(a, &got);
	note(a->va);
	note((u64)got.vector << 32 | a->op);
	if (got.vector == VEC_PF) {
		/* P is judged by compare(), and some machines leave it out. */
		note(got.error & PFEC_RSVD ? got.error | PFEC_P : got.error);
		note(got.cr2);
	} else if (a->op != OP_FETCH) {
		note(got.value);
	}
	stale = settle(&w);
	if (check_failed())
		explain(a, &w);
	if (stale)
		flush_all();
}

void calibrate(void)
{
	struct path path = link_path();
	struct walk w;
	reg va;

	path.index[format.levels - 1] = 0;
	va = va_of(path.index);
	walk(&w, va, ACCESS_READ, false, false);
	entry_put(w.entry[format.levels - 2], arena | PTE_PS | PTE_P | BIT(IS_32 ? 21 : 14));
	flush_all();
	expect_calibrate(probe(ACCESS_READ, false, va, 0));
	entry_put(w.entry[format.levels - 2], 0);
	flush_all();
	reads_first = !(probe_run(op_table[OP_XOR], false, va, 0, 0).error & PFEC_W);
}

void random_access(void)
{
	struct access_case a = {.va = random_va(), .user = pick(2), .value = random_entry()};
	u32 what = pick(100);

	a.op = what < 35 ? OP_READ : what < 45 ? OP_FETCH : (enum op)(1 + pick(OP_FETCH - 1));
	a.ac = chance(30);
	if (a.op == OP_FETCH && chance(90))
		a.va = (reg)ALIGN_DOWN(a.va, PAGE_SIZE) + CODE_AT;
	if (a.op == OP_AND)
		a.value = ~BIT(pick(12));
	if (a.op == OP_OR || a.op == OP_XOR)
		a.value &= 0xfff;
	run(&a);
	/* Again: what is cached, and what the first one set. */
	if (chance(40)) {
		a.op = chance(50) ? OP_READ : OP_MOVB;
		a.user = chance(30) ? !a.user : a.user;
		run(&a);
	}
}
