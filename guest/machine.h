/* SPDX-License-Identifier: MIT */
/* The machine: everything there is one of. */
#ifndef GUEST_MACHINE_H
#define GUEST_MACHINE_H

#include "guest/acpi.h"
#include "guest/bootinfo.h"
#include "guest/chipset.h"
#include "guest/iommu/iommu.h"
#include "guest/memtype.h"
#include "guest/options.h"
#include "guest/vcpu.h"

/* Lines that a guest can bring about again and again: so many of each, and no more. */
enum guest_line { LINE_STRING_IO, LINE_POWER_OFF, NR_GUEST_LINES };
#define GUEST_LINES_MAX 8

#define HIDDEN_RAM      2 /* the first of them */
#define HIDDEN_MAX      (IOMMU_UNITS_MAX + 32)
#define IO_APICS_MAX    8
#define WATCHED_MAX     16

struct machine {
	const struct options *opt;
	const struct backend *ops;
	struct mmu *mmu;
	struct nested *nested;
	const struct paging_ops *paging;  /* by `mmu` or by `nested` */
	struct guest_paging guest_paging; /* of guest_map */
	struct memmap guest_map; /* the firmware's, the hypervisor's memory made reserved */
	/* Never the guest's: image, pool; then pages of registers, which need not be RAM. */
	struct memmap_range hidden[HIDDEN_MAX];
	enum memtype hidden_type[HIDDEN_MAX]; /* what type the firmware's MTRRs gave them */
	u32 nr_hidden;
	/* Pages of registers that the guest reads itself, and that are written for it: guest/watch.h. */
	struct memmap_range watched[WATCHED_MAX];
	u32 nr_watched;
	bool watched_said;
	u64 ipi_base; /* of the local APIC's page, where INIT and start-up IPIs are dropped: guest/ipi.h */
	bool ipi_said;
	u64 io_apic[IO_APICS_MAX]; /* and their pages, watched as well */
	u32 nr_io_apics;
	u64 guest_pat; /* where the CPU does not switch it: guest/pat.h */
	struct iommu iommu;
	struct acpi_power power;
	struct chipset chipset;
	u64 cr4_allowed, efer_allowed;  /* bits that the guest's CPU has */
	u8 maxphyaddr;                  /* without bits that name a key: guest/phys_bits.h */
	bool notrap;                    /* notrap entries are in use: see handle_page_fault() */
	bool bypass;                    /* and the fault filter goes by it */
	bool invpcid;                   /* the guest's CPU has INVPCID */
	bool mtrr_refused, pat_differs; /* the line that says so is printed */
	u64 guest_entry;                /* TSC at the guest's first instruction */
	u8 last_words;                  /* how often they were said */
	u8 lines_said[NR_GUEST_LINES];
	u64 stats_ticks; /* between live reports; 0: none */
	struct vcpu vcpu;
};

/*
 * Take the machine with the vendor's backend: probe the CPU, set memory aside, prove the traps, load
 * the guest and run it.
 * Returns only on an error, -1 after its fail() line.
 */
int machine_start(const struct bootinfo *boot, const struct options *opt,
		  const struct backend *ops);

/* What there is to tell of a run: its start, parked CPUs, counters. */
void machine_report(struct machine *machine);

/* May one more line be said of this? Counts it. */
bool machine_may_say(struct machine *machine, enum guest_line what);

/* The report, and a line that says what comes next, all of it out on the console. */
void machine_last_words(struct machine *machine, const char *what);

/* Report, then switch the machine off by ACPI (S5); halts where that is not possible. */
NORETURN void machine_power_off(struct machine *machine);

/* Report, then reset the machine. */
NORETURN void machine_reset(struct machine *machine);

#endif
