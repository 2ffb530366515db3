/* SPDX-License-Identifier: MIT */
/*
 * The shadow MMU, as guest/ uses it.
 *
 * A struct mmu is the machine's: shadow tables, the state of every guest page frame, the trap
 * encodings. A struct mmu_vcpu is one virtual CPU's: its paging registers and its root. Nothing here
 * knows VMX or SVM: the user gives the hardware what struct mmu_hw says before the next entry.
 *
 * All calls on one struct mmu must be serialised by the caller.
 */
#ifndef MM_SHADOW_MMU_H
#define MM_SHADOW_MMU_H

#include "mm/counters.h"
#include "mm/guest/walk.h"
#include "mm/phys/memmap.h"
#include "mm/shadow/bounds.h"
#include "mm/shadow/spte.h"

struct mmu;
struct frame;
struct shadow;

/*
 * The user filter, where it may be used: where it seems to save more exits, always, never. The hardware, or
 * its user, has to be able to.
 */
enum mmu_user_filter { MMU_USER_AUTO, MMU_USER_ALWAYS, MMU_USER_NEVER };

enum mmu_sync { MMU_SYNC_HYBRID, MMU_SYNC_ALWAYS, MMU_SYNC_NEVER };

struct mmu_config {
	/* The guest's CPU, and what it can read: its map's RAM may hold page tables. Outlives the MMU. */
	const struct guest_paging *guest;
	struct spte_traps traps;
	bool bypass; /* the hardware filters by notrap entries, or its user does; else every fault exits */
	enum mmu_user_filter user_filter;
	enum mmu_sync sync;
	u32 (*read_pkru)(void); /* the guest's PKRU; called where CR4.PKE is set */
	u32 nr_vcpus; /* calls of mmu_vcpu_init() to come: the pool has to do for so many */
	struct tables_config tables;
	const struct mmu_bounds *bounds; /* NULL: mmu_bounds */
};

/* What the hardware must forget before the guest runs again. */
enum mmu_flush { MMU_FLUSH_NONE, MMU_FLUSH_GVA, MMU_FLUSH_ALL };

/* Pages that one instruction, or the delivery of one event, writes. */
#define MMU_LENT_MAX 8

/* What the hardware has to run with. The user loads what has changed, and flushes, before the guest runs. */
struct mmu_hw {
	bool due;         /* something below may have changed. The user clears it */
	u64 root;         /* CR3. Without LMA it is that of four PDPTEs, below 4 GiB */
	bool reload_root; /* it, or PDPTEs there, have changed: load it. The user clears it, and `flush` */
	bool filter_present; /* the filter may let not-present faults go to the guest */
	bool filter_user; /* rather every fault of users with RSVD=0, and no other. Not without the above */
	bool exit_invlpg; /* some table is out of sync, or may be soon */
	enum mmu_flush flush;
	u64 flush_gva; /* for MMU_FLUSH_GVA */
};

/*
 * Ways that were found not long ago: straight.c and invlpg.c, by memo.h. All of them are of one root, and good while
 * no link on a way has gone or changed, which mmu.ways tells: invariant 23. A page's own entry is compared, too.
 */

/* Down the shadow tables to those of level 1: where the leaves of 2 MiB are. */
struct mmu_way {
	u64 where; /* which 2 MiB; MMU_NOWHERE: none */
	u64 *leaves;
	const volatile u64 *guest; /* the guest's table that they mirror, ... */
	const struct frame
		*frame; /* ... and its frame. NULL: of a rarer kind, or an address of five levels */
	struct shadow *table[5]; /* by level, from 1; of four levels the last is NULL */
	u32 first;               /* the first leaf's slot */
	u32 rights;              /* W and U where all links on the way have them */
};

/* To a page that is a table with one shadow, of the most frequent kind; for faults with this error code. */
struct mmu_write_way {
	u64 where; /* which page; MMU_NOWHERE: none */
	const volatile u64 *leaf;
	u64 said; /* by the leaf */
	const struct frame *frame;
	u64 gpa;
	u32 state; /* the frame's: the shadow's index */
	u32 pfec;
};

/* To a page of code. */
struct mmu_code_way {
	u64 where; /* which page; MMU_NOWHERE: none */
	const volatile u64 *leaf;
	u64 said; /* by the leaf */
	u64 hpa;
};

/* Through the guest's own upper tables: by their entries, which are compared. */
struct mmu_own_way {
	u64 where;                 /* which 2 MiB; MMU_NOWHERE: none */
	const volatile u64 *at[4]; /* by level, from 2; of four levels the topmost twice */
	u64 said[4];
	u64 rights, table;
	u64 reserved; /* bits of the entries of level 1 */
	/* The way down the shadow tables that these entries ask for; NULL: not known. */
	const struct mmu_way *mirror;
};

#define MMU_NOWHERE    ~0ULL
#define MMU_WAYS       8 /* each at its number, modulo this */
#define MMU_WRITE_WAYS 8
#define MMU_CODE_WAYS  8

struct mmu_memos {
	u64 ways; /* mmu.ways, and the root, that all of them are of */
	u32 root;
	struct mmu_way way[MMU_WAYS];
	struct mmu_write_way write[MMU_WRITE_WAYS];
	struct mmu_code_way code[MMU_CODE_WAYS];
	struct mmu_own_way own;
};

/*
 * A root that was loaded not long ago, to be found at once: invariant 22. It is for the role that the registers
 * ask for, as they are.
 */
struct mmu_recent {
	u64 cr3; /* what names it, with all of cr3_ignored set; 0: nothing */
	u64 hpa;
	u16 *pins;
	u32 root;
};

/* Which filter is chosen, where either may be used: mm/shadow/filter.c. */
struct mmu_filter {
	bool user;
	u8 paid; /* exits that the other would have saved */
};

#define MMU_RECENT 8 /* each at its page frame's number, modulo this */

struct mmu_vcpu {
	struct mmu *mmu;
	struct counters *counters;
	struct paging_regs regs; /* the guest's view; set by mmu_set_regs() and mmu_set_cr3() */
	enum paging_mode mode;   /* paging_mode(&regs) */
	u32 root;                /* shadow table index; 0: none yet, or nested paging */
	u32 pae_root;            /* the four PDPTEs' own page, for every mode without LMA */
	u32 cr3_role; /* with four or five levels: a union role, of a root; else 0, which none has */
	struct mmu_hw hw;
	u16 *pins;       /* those of root */
	u64 cr3_ignored; /* bits of what is loaded to CR3 that name no root: PCIDs, NOFLUSH with them */
	struct mmu_recent recent[2][MMU_RECENT]; /* by hw.filter_user, as it was with this root */
	struct mmu_recent *recent_now;           /* those of hw.filter_user as it is */
	struct mmu_filter filter;
	u32 nr_lent; /* pages that mmu_lend() shows as the supervisor's */
	u32 lent[MMU_LENT_MAX];
	struct mmu_memos memo; /* the last: it changes nothing but how long things take */
};

enum mmu_verdict {
	MMU_RETRY,       /* the shadow was mended: run the instruction again */
	MMU_GUEST_FAULT, /* the guest's own fault: deliver guest_pfec and gva */
	MMU_TABLE_WRITE, /* a write to a synced guest table: emulate it, or mmu_let_unsync() */
	MMU_WP0_WRITE, /* a write, of RAM or not, that CR0.WP=0 alone allows: emulate it, or mmu_lend() */
	MMU_WATCHED_WRITE, /* a write that the guest may make, to a watched range: carry it out for it */
};

/*
 * Bytes of pool that a guest should have: the stated bound, MMU_POOL_PERMILLE of its RAM for shadow
 * tables. MMU_POOL_MAX is enough of them to map 120 GiB by 4K pages, and is found below 4 GiB on any
 * machine with that much RAM. ram: its bytes; end: where what may hold the guest's tables ends.
 */
#define MMU_POOL_PERMILLE 30
#define MMU_POOL_MAX      MIB(512)
u64 mmu_memory_size(u64 ram, u64 end);
/* Set up; returns NULL when the pool is too small, after a fail() line. */
struct mmu *mmu_init(const struct mmu_config *config);
void mmu_vcpu_init(struct mmu_vcpu *v, struct mmu *mmu, struct counters *counters);

/*
 * The guest changed CR0, CR3, CR4 or EFER in a way that its CPU accepts: take the registers, flush
 * what such a change flushes (SDM vol. 3A 4.10.4.1), resync, and find or make the root.
 */
void mmu_set_regs(struct mmu_vcpu *v, const struct paging_regs *regs);

/* MOV to CR3 alone: as mmu_set_regs(), quicker. regs.pdpte must hold the new PDPTEs in PAE mode. */
void mmu_set_cr3(struct mmu_vcpu *v, u64 cr3);

/*
 * What mmu_switch_cr3() begins with: the root is a recent one. The filter stays what it is. cr3: any value, NOFLUSH
 * included; one that the CPU would not take names no root.
 */
static inline bool mmu_switch_recent(struct mmu_vcpu *v, u64 cr3)
{
	const struct mmu_recent *r = &v->recent_now[cr3 / PAGE_SIZE % MMU_RECENT];
	u16 *pins = r->pins;

	if (unlikely(r->cr3 != (cr3 | v->cr3_ignored)))
		return false;
	--*v->pins;
	++*pins;
	v->pins = pins;
	v->root = r->root;
	v->hw.root = r->hpa;
	v->regs.cr3 = cr3 & ~CR3_NOFLUSH;
	return true;
}

/*
 * What mmu_set_cr3() begins with: all of it where the root is there, and nothing waits for this flush. To load
 * hw.root, and to forget everything, is the caller's to see to; v->hw.due is set where more has to follow. False,
 * with nothing done: also where cr3 has an address that is no RAM's. It takes a few dozen instructions.
 */
bool mmu_switch_cr3(struct mmu_vcpu *v, u64 cr3);

/*
 * The shortest way for a fault that reached the hypervisor only because the hardware cannot filter: it
 * happened while filter_present was true, and its error code has neither P nor RSVD, so it is
 * the guest's own. Nothing is walked. Returns the error code that the bare machine would give.
 */
u32 mmu_own_fault(struct mmu_vcpu *v, u32 pfec);

/* A page fault that reached the hypervisor: find out whose it is, and mend the shadow where it is ours. */
enum mmu_verdict mmu_fault(struct mmu_vcpu *v, struct mmu_fault *fault);

/* Ask this CPU's hardware to forget one address: with nested paging, too. */
void need_flush_gva(struct mmu_vcpu *v, u64 gva);

/* INVLPG, when it exits: SDM vol. 3A 4.10.4.1. */
void mmu_invlpg(struct mmu_vcpu *v, u64 gva);

/*
 * The straight way of most of them, in place of mmu_invlpg(): four levels or five, an address of 48 bits, at most an
 * entry of level 1 is brought up to date, nothing is left by earlier exits. False, with nothing done: it takes that.
 * If v->hw.due is not set after it, the hardware has to forget this address, and nothing else has changed.
 */
bool mmu_invlpg_straight(struct mmu_vcpu *v, u64 gva);

/*
 * The guest's access to a linear address in software, on behalf of an emulated instruction. pfec:
 * PFEC_W, PFEC_U, PFEC_I of the access. Sets A and D bits as the access would.
 * Returns 0 and the address in *gpa, or -1 with fault->guest_pfec.
 */
int mmu_translate(struct mmu_vcpu *v, struct mmu_fault *fault, u64 *gpa);

/*
 * Where the hardware has just fetched the code at an address: what its own tables say, rights
 * unchecked. False when they say nothing any more, or there are none: mmu_translate() knows.
 */
bool mmu_peek_code(const struct mmu_vcpu *v, u64 gva, u64 *hpa);

/*
 * Likewise a supervisor's data, that he may read. False for a user's page, where SMAP and keys have a say, and with
 * CR0.WP=0, where it may stand as a supervisor's. gva: canonical
 */
bool mmu_peek_data(const struct mmu_vcpu *v, u64 gva, u64 *hpa);

/*
 * Apply an emulated write to a guest table: memory first, then every shadow of that table.
 *
 * gpa, size: within one page. The store itself is one atomic access when size is 1, 2, 4 or 8 and
 * aligned. After MMU_TABLE_WRITE, or for any other RAM of the guest's.
 */
void mmu_write(struct mmu_vcpu *v, u64 gpa, const void *data, u32 size);

/* What mmu_fault_straight() has found. */
struct mmu_straight {
	u64 gpa;  /* MMU_STRAIGHT_WRITE: what is written, in one aligned entry of 8 bytes */
	u64 code; /* likewise, host-physical, RAM: the instruction */
	u32 slot; /* likewise: the one shadow entry that mirrors it */
	u32 pfec; /* MMU_STRAIGHT_OWN: the error code that the bare machine would give */
};

enum mmu_straight_way {
	MMU_NOT_STRAIGHT, /* nothing is done: mmu_fault() */
	MMU_STRAIGHT_WRITE, /* MMU_TABLE_WRITE. Nothing is done so far: mmu_written_straight(), or mmu_fault() */
	MMU_STRAIGHT_OWN,   /* MMU_GUEST_FAULT */
	MMU_STRAIGHT_MENDED /* MMU_RETRY */
};

/*
 * The straight ways of most page faults, in few instructions: the same as mmu_fault(), where there are four levels,
 * CR0.WP=1, nothing left by earlier exits, and nothing else in the case either:
 *
 * - a write to a table that has one shadow;
 * - a protection fault of the guest's own, on a page of 4 KiB;
 * - an access to such a page that is the first since the guest cleared A or D, whose leaf alone has to follow.
 *
 * gva, pfec: the fault's. rip: the linear address of the code that wrote; its bytes up to the end of the page are
 * found, too. v->hw.due is set where the hardware has to follow.
 */
enum mmu_straight_way mmu_fault_straight(struct mmu_vcpu *v, u64 gva, u32 pfec, u64 rip,
					 struct mmu_straight *out);

/*
 * After MMU_STRAIGHT_WRITE, when the caller has stored there, within the entry: in place of mmu_fault() and
 * mmu_write().
 */
void mmu_written_straight(struct mmu_vcpu *v, const struct mmu_straight *w);

/* As mmu_write(), if the old value is still there: LOCK CMPXCHG's way. size 4 or 8, aligned. */
bool mmu_cmpxchg(struct mmu_vcpu *v, u64 gpa, u64 old, u64 new, u32 size);

/* Let the table at gpa go out of sync, so that the guest can write it itself. */
void mmu_let_unsync(struct mmu_vcpu *v, u64 gpa);

/*
 * After MMU_WP0_WRITE, for a write that cannot be emulated: show the page as a supervisor's writable
 * one, for which neither SMAP nor keys hold, until mmu_take_back(). Every page fault exits meanwhile.
 * When MMU_LENT_MAX pages are lent, they are taken back first.
 */
void mmu_lend(struct mmu_vcpu *v, const struct mmu_fault *fault);

/* Show every page that was lent as the guest's tables say. To be called at the next exit. */
void mmu_take_back(struct mmu_vcpu *v);

/*
 * Check the invariants over every shadow table: docs/mmu.md lists them.
 * Returns the number of violations; each is a fail() line.
 */
u32 mmu_audit(struct mmu_vcpu *v);

#endif
