/* SPDX-License-Identifier: MIT */
/*
 * The differential workload: random changes of page tables, each flushed as the architecture wants,
 * and random accesses, so that every outcome is unique. A walk in software foretells each of them;
 * all outcomes go into a hash besides, for a comparison with another machine.
 */
#ifndef DIFFER_H
#define DIFFER_H

#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/test.h"

/* How a u64 is printed. */
#ifdef __x86_64__
#define X64 "lx"
#else
#define X64 "llx"
#endif

/* What the workload plays with: page frames in one piece of 4 MiB, half of them in each 2 MiB. */
#define ROOTS  3
#define TABLES 9
#define FRAMES 24
#define SLOTS  8 /* entries of each table that linear addresses are made of */

enum kind { KIND_ROOT, KIND_TABLE, KIND_DATA };

extern u64 arena, frame[FRAMES];
extern enum kind kind[FRAMES];

/* The frame at a physical address; -1: none of ours. */
int frame_at(u64 pa);

/* A paging mode. */
struct format {
	const char *name;
	u32 levels, index_bits, entry_bytes;
	u32 slot[SLOTS];      /* used at every level below the root */
	u32 root_slot[SLOTS]; /* used in a root; some of the others are the kernel's */
	u32 root_slots;
	u32 root_last; /* the root's entries 0 to this one may be the kernel's: copied */
	reg user_code; /* where user mode finds the accesses' code */
};

extern struct format format;

#define IS_64  (format.levels >= 4)
#define IS_PAE (format.levels == 3)
#define IS_32  (format.levels == 2)

/* setup.c: choose the n-th mode this kernel has of those on its command line; false: no more. */
bool setup_mode(u32 n);
/* Back to what the runtime had. */
void setup_end(void);

/* The CPU's. */
extern bool has_nx, has_1g, has_smep, has_smap, has_pse36;
extern bool nxe_on; /* EFER.NXE; reading an MSR may be slow under a hypervisor */
extern u32 maxphyaddr;

/* A seed's. */
extern bool use_global;
extern u32 root; /* the root in CR3: index of a frame */
extern u32 step_now;

/* main.c: random numbers and the hash of what was seen. */
u64 rnd(void);
u32 pick(u32 n);
void note(u64 seen);

static inline bool chance(u32 percent)
{
	return pick(100) < percent;
}

static inline u64 entry_at(u64 pa)
{
	return format.entry_bytes == 8 ? *(volatile u64 *)ptr(pa) : *(volatile u32 *)ptr(pa);
}

static inline void entry_put(u64 pa, u64 value)
{
	if (format.entry_bytes == 8)
		*(volatile u64 *)ptr(pa) = value;
	else
		*(volatile u32 *)ptr(pa) = (u32)value;
}

static inline u64 entry_pa(u32 f, u32 index)
{
	return frame[f] + index * format.entry_bytes;
}

static inline u32 entries(void)
{
	return 1u << format.index_bits;
}

/* walk.c: what an access must do. */
struct walk {
	u32 error;    /* NO_FAULT, or the error code */
	bool foreign; /* leads through memory that is not ours to tables: keep away */
	u32 used; /* entries that were used, the root's first; the last is the leaf or faulted */
	u64 entry[5]; /* their addresses */
	u64 pa;       /* what is mapped, without a fault */
};

void walk(struct walk *w, reg va, enum access access, bool user, bool ac);

/* A linear address made of slots; it prefers entries that are present. */
reg random_va(void);

/* The linear address of a path: a slot of the root, an index at each level below. */
reg va_of(const u32 *index);

/*
 * Collect the linear addresses whose translation ends in this 4K entry, under the root in use.
 * Returns their number; more than `max`, or an entry that is used above level 1 too: ~0.
 */
u32 users_of(u64 pa, reg *va, u32 max);

/* access.c */
enum op {
	OP_READ,
	OP_MOV,
	OP_MOV4,
	OP_MOVB,
	OP_XCHG,
	OP_AND,
	OP_OR,
	OP_XOR,
	OP_BTS,
	OP_BTR,
	OP_CMPXCHG,
	OP_WIDE,
	OP_STOS,
	OP_MOVS,
	OP_FETCH,
	NR_OPS
};

/* Where a data frame has code for OP_FETCH. */
#define CODE_AT   64
#define CODE_SIZE 16

/* Find out what faults look like here, in a seed's own tables, which are spoilt by it. */
void calibrate(void);

/* One random access through a random linear address. */
void random_access(void);

/* Make a frame data: words that tell its number, and code. */
void data_init(u32 f);

/* change.c: the tables' and registers' random changes. */
u64 random_entry(void);

/* After any write to a table's entry: what must not stay is taken out. Returns the entry. */
u64 entry_tame(u64 pa);

/* Forget every translation, in one of the ways there are. */
void flush_all(void);

void change_entry(void);
void change_bits(void);
void change_root(void);
void change_registers(void);
void change_role(void);
void copy_table(void);
void build_path(void);

/* A path of distinct tables down to a page table, in the root in use. */
struct path {
	u32 index[5];
	u32 table; /* the last one's frame */
};

struct path link_path(void);

/* burst.c: demand paging, fork-like floods and unmapping of a whole page table. */
void burst(void);

#endif
