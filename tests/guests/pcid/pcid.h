/* SPDX-License-Identifier: MIT */
/* PCIDs and INVPCID: what the tests share. */
#ifndef PCID_H
#define PCID_H

#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/test.h"

#define UPPER (PTE_P | PTE_W | PTE_U | PTE_A)
#define LEAF  (PTE_P | PTE_W | PTE_A | PTE_D)
#define VA    (16ULL << 39) /* the tests' pages: a root entry of their own */

enum invpcid_type { ADDRESS, SINGLE, ALL_GLOBAL, ALL };

struct descriptor {
	u64 pcid, va;
};

/* How an instruction ended. */
struct outcome {
	u64 vector; /* NOTHING: it was done */
	u64 error;
	u64 cr2; /* of #PF */
};

#define NOTHING 0xff

extern bool has_pcid, has_invpcid;

/* The last exception, and where to go on behind it; for ATTEMPT alone. */
extern struct outcome outcome;
extern u64 resume;

/* Run assembly that may fault; `...` are its input operands, by name. */
#define ATTEMPT(text, ...)                                               \
	({                                                               \
		outcome = (struct outcome){.vector = NOTHING};           \
		__asm__ volatile("movq $1f, %[resume]\n\t" text "\n1:\n" \
				 : [resume] "=m"(resume)                 \
				 : __VA_ARGS__                           \
				 : "memory", "cc");                      \
		outcome;                                                 \
	})

static inline struct outcome invpcid_at(u64 type, const void *descriptor)
{
	return ATTEMPT("invpcid (%[d]), %[t]", [d] "r"(descriptor), [t] "r"(type));
}

static inline struct outcome invpcid(u64 type, u64 pcid, u64 va)
{
	struct descriptor d = {pcid, va};

	return invpcid_at(type, &d);
}

static inline struct outcome load_cr0(u64 value)
{
	return ATTEMPT("movq %[v], %%cr0", [v] "r"(value));
}

static inline struct outcome load_cr3(u64 value)
{
	return ATTEMPT("movq %[v], %%cr3", [v] "r"(value));
}

static inline struct outcome load_cr4(u64 value)
{
	return ATTEMPT("movq %[v], %%cr4", [v] "r"(value));
}

void expect_done(const char *what, struct outcome got);
void expect_exception(const char *what, struct outcome got, u64 vector);
void expect_page_fault(const char *what, struct outcome got, u64 error, u64 va);

void test_registers(void); /* needs PCID; leaves CR4.PCIDE set, PCID 0 */
void test_faults(void);    /* needs INVPCID; whatever CR4.PCIDE is */
void test_stale(void);     /* needs both, and CR4.PCIDE set */
void test_random(void);    /* likewise */

#endif
