/* SPDX-License-Identifier: MIT */
/*
 * A simulated machine around the shadow MMU: a guest CPU whose every step is judged.
 *
 * The guest runs on the shadow tables (tlb_model.h) as the hypervisor's run loop would let it;
 * whatever it sees must be something that a bare CPU may do (guest_tlb.h). A step that is not
 * ends the program through sim_fail(), with a trace of the last steps.
 */
#ifndef TESTS_HOST_SIM_H
#define TESTS_HOST_SIM_H

#include "mm/shadow/mmu.h"
#include "tests/host/guest_tlb.h"
#include "tests/host/tlb_model.h"

enum sim_traps { SIM_TRAPS_ADDRESS, SIM_TRAPS_STRUCTURAL, SIM_TRAPS_NONE, NR_SIM_TRAPS };

enum sim_filter { SIM_FILTER_ALL, SIM_FILTER_PRESENT, SIM_FILTER_USER };

struct sim_config {
	struct paging_features features;
	enum sim_traps traps;
	enum mmu_sync sync;
	enum mmu_user_filter user_filter;
	bool bypass;
	bool vpid;            /* translations outlive an exit */
	bool high_ram;        /* over 4 GiB */
	bool supervisor_keys; /* of the hardware: see struct ref_cpu */
	bool faults_keep;     /* of the hardware: see struct hw */
	bool pdptes_keep;
	u32 vcpus;        /* that the pool has to do for; 0: one */
	bool clock_wraps; /* the MMU's count of operations is about to */
	u64 pool_size;    /* 0: as much as mmu_memory_size() asks for */
	bool devices;     /* write to page tables: sim_device_write() */
	bool tight;       /* the bounds below, in place of mmu_bounds */
	struct mmu_bounds bounds;
};

#define SIM_TRACE_LINES 120
#define SIM_TRACE_WIDTH 120
#define SIM_FOREIGN     128

/* What the machine did: to see that a test reaches what it should. */
struct sim_stats {
	u64 steps, accesses, faults, bypassed, exits, table_writes, unsyncs, invlpg_native, retries;
	u64 wp0_writes, lent, storms, watched, device_writes, straight_cr3, straight_invlpg;
	u64 straight[MMU_STRAIGHT_MENDED + 1]; /* by enum mmu_straight_way */
	u64 user_entries, user_bypassed;       /* under the user filter; faults with P=1 */
};

struct sim {
	struct sim_config config;
	struct memmap map;
	struct guest_paging paging;
	struct memmap_range hidden[4], watched[3];
	struct mmu *mmu;
	struct mmu_vcpu v;
	struct counters counters;
	struct hw hw;
	struct mmu_hw last_hw; /* as the last entry had it */
	struct guest_tlb tlb;
	struct ref_cpu guest;
	struct paging_regs regs;
	enum sim_filter filter; /* of the last entry */
	struct rnd *r;
	struct sim_stats stats;
	const struct ref_access *current; /* the access under way, for A and D flags */
	bool audit_each;
	bool straight_each; /* compare the straight way of each fault with the general one: else of one in eight */
	u64 last_read;     /* where something was read that was there: code as good as any */
	bool unknown_insn; /* no write of the access under way is emulated */
	bool emulate_all;  /* every one is */
	bool lent;         /* a page is lent to the access under way */
	/*
	 * Frames that a device wrote to, and that may have a shadow since before; while there are some,
	 * and until a flush after that, the guest's translations are its own loss.
	 */
	u64 foreign[SIM_FOREIGN]; /* gfn */
	u32 nr_foreign;
	bool inexact;
	bool calm; /* no device writes just now */
	struct {
		u64 gpa, value;
		u32 size, looks; /* that the MMU has at memory until then; 0: none is under way */
	} device;
	u32 nr_lines;
	char line[SIM_TRACE_LINES][SIM_TRACE_WIDTH];
};

enum sim_result { SIM_DONE, SIM_FAULT };

/* Called by sim_fail() once everything is printed; must not return. The default aborts. */
extern void (*sim_on_fail)(void);

/* What sim_fail() and the console print is left out while true. */
extern bool sim_quiet;

/* The guest's PKRU, at the fault under way. */
extern u32 sim_pkru;

/* Shadow tables that the pool has room for. */
u32 sim_tables(const struct sim *s);

/* Bytes of pool below which mmu_init() refuses this configuration. */
u64 sim_least_pool(const struct sim_config *config);

/* A fresh machine, paging off, all guest RAM zero. Memory may be set up with sim_poke() at once. */
void sim_init(struct sim *s, const struct sim_config *config, struct rnd *r);

/* Write guest RAM behind the MMU's back: only before the first sim_set_regs(). */
void sim_poke(struct sim *s, u64 gpa, u64 value, u32 size);

/* The guest's memory changes as by its own store: the reference knows of it. */
void sim_store(struct sim *s, u64 gpa, const void *data, u32 size);

/*
 * A device writes one entry, which no CPU notices: at once, or in the middle of what the MMU does, when it
 * has looked at guest memory that often (looks). What it promises the guest after that is nothing until
 * the table's shadows have gone and all is flushed; but to go on, and all that protects itself.
 */
void sim_device_write(struct sim *s, u64 gpa, u64 value, u32 size, u32 looks);

/*
 * Load CR0, CR3, CR4 and EFER. flush: as a MOV to CR3 does, though no register changes.
 * Returns -1, with nothing loaded, when a PDPTE makes the load raise #GP.
 */
int sim_set_regs(struct sim *s, u64 cr0, u64 cr3, u64 cr4, u64 efer, bool flush);

/* MOV to CR3, with CR4.PCIDE also of a value with NOFLUSH; as above. */
int sim_set_cr3(struct sim *s, u64 cr3);

void sim_invlpg(struct sim *s, u64 gva);

/*
 * INVPCID of the current PCID, as guest/exit/invpcid.c asks it of mm/: of others nothing is kept. type 0: one
 * address; 1 to 3: all of it. Unlike MOV to CR3 it reads no PDPTEs.
 */
void sim_invpcid(struct sim *s, u32 type, u64 gva);

/*
 * An access by the guest, of size bytes within a page; data is what a write stores.
 * SIM_FAULT: the guest got #PF with *pfec.
 */
enum sim_result sim_access(struct sim *s, const struct ref_access *a, const void *data, u32 size,
			   u32 *pfec);

/* The same, made in software for an emulated instruction. */
enum sim_result sim_emulate(struct sim *s, const struct ref_access *a, const void *data, u32 size,
			    u32 *pfec);

/*
 * One instruction that nobody can emulate, on several pages: all have to be there at once. Where the
 * pool has no room for their tables, an interrupt ends it after some tries.
 */
void sim_access_pages(struct sim *s, const struct ref_access *a, u32 nr);

/* The audit, and the hardware's view of all shadow tables that the root reaches. */
void sim_check(struct sim *s);

/* At the end: the same, and memory that nobody wrote is as it was. Slow. */
void sim_finish(struct sim *s);

/* Add a line to the trace. */
void sim_trace(struct sim *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Print what is wrong and the trace. */
NORETURN void sim_fail(struct sim *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
