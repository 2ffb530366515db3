/* SPDX-License-Identifier: MIT */
/* The machine: everything there is one of. */
#ifndef GUEST_MACHINE_MACHINE_H
#define GUEST_MACHINE_MACHINE_H

#include "guest/bootinfo.h"
#include "guest/firmware/acpi.h"
#include "guest/machine/chipset_state.h"
#include "guest/machine/iommu_state.h"
#include "guest/machine/memtype.h"
#include "guest/machine/paging.h"
#include "guest/machine/vcpu.h"
#include "guest/options.h"

/* Lines that a guest can bring about again and again: some of the first two kinds, one of each other. */
enum guest_line {
	LINE_STRING_IO,
	LINE_UNREAD,
	LINE_SLEEP,
	LINE_SMI,
	LINE_SMI_EN,
	LINE_FW_CFG,
	LINE_HPET,
	LINE_NVDIMM,
	LINE_FCH,
	LINE_WATCHED,
	LINE_IPI,
	LINE_MTRR,
	LINE_PAT,
	LINE_FAR,
	NR_GUEST_LINES
};
#define GUEST_LINES_MAX 8

#define HIDDEN_RAM      2 /* the first of them */
#define HIDDEN_MAX      (IOMMU_UNITS_MAX + 32)
#define IO_APICS_MAX    8
#define WATCHED_MAX     16

struct machine {
	const struct options *opt;
	const struct backend *ops;
	const struct paging_ops *paging;  /* shadow_paging or nested_paging */
	struct nested *nested;            /* of the latter */
	struct guest_paging guest_paging; /* of `readable` */
	/* The firmware's map, the hypervisor's memory made reserved. */
	struct memmap guest_map;
	/* As RAM: what the guest's CPU may walk tables in. memory_readable() */
	struct memmap readable;
	/* Never the guest's: image, pool; then pages of registers, which need not be RAM. */
	struct memmap_range hidden[HIDDEN_MAX];
	u32 nr_mtrrs;                         /* pairs, at boot: guest/exit/mtrr.c */
	enum memtype hidden_type[HIDDEN_MAX]; /* what type the firmware's MTRRs gave them */
	u32 nr_hidden;
	/* Pages of registers that the guest reads itself, and writes by exits: guest/chipset/watch.c. */
	struct memmap_range watched[WATCHED_MAX];
	u32 nr_watched;
	u64 ipi_base; /* of the local APIC's page, where INIT and start-up IPIs are dropped: guest/cpus/ipi.h */
	u64 io_apic[IO_APICS_MAX]; /* and their pages, watched as well */
	u32 nr_io_apics;
	u64 guest_pat; /* where the CPU does not switch it: guest/exit/pat.c */
	struct iommu iommu;
	struct acpi_power power;
	struct chipset chipset;
	u64 cr4_allowed, efer_allowed; /* bits that the guest's CPU has */
	u8 maxphyaddr;                 /* without bits that name a key: guest/start/phys_bits.c */
	bool bypass;                   /* not-present faults stay in the guest */
	bool invpcid;                  /* the guest's CPU has INVPCID */
	u64 guest_entry;               /* TSC at the guest's first instruction */
	u8 lines_said[NR_GUEST_LINES];
	u64 stats_ticks; /* between live reports; 0: none */
	struct vcpu vcpu;
};

/* Before v->mmu.regs are used: they are what the guest's CPU has. */
static inline void follow_paging_regs(struct vcpu *v)
{
	if (v->machine->paging->follow_regs)
		v->machine->paging->follow_regs(v);
}

/* May one more line be said of this? Counts it. */
static inline bool machine_may_say(struct machine *m, enum guest_line what)
{
	if (m->lines_said[what] >= (what <= LINE_UNREAD ? GUEST_LINES_MAX : 1))
		return false;
	m->lines_said[what]++;
	return true;
}

#endif
