/* SPDX-License-Identifier: MIT */
/*
 * The machine's chipset is the guest's, but for what would reach past the hypervisor: registers that
 * move memory, SMRAM or the PM registers, that reset or sleep, SMIs, the A20 gate, QEMU's devices that no IOMMU sees.
 */
#ifndef GUEST_CHIPSET_H
#define GUEST_CHIPSET_H

#include "guest/io.h"

/* A window to PCI configuration space: 4 KiB for each function. PCI Firmware Specification 3.2, 4.1.2. */
struct ecam {
	u64 start, end;
	u64 base; /* where bus 0 is, or would be */
	u16 segment;
};

#define ECAM_MAX     8
#define PCI_SAID_MAX 64

struct chipset {
	struct io_range io[IO_RANGES_MAX];
	u32 nr_io;

	/* power.c: a sleep was refused; and the guest has yet to see that it woke up. */
	bool sleep_said, woke;

	/* a20.c */
	bool a20_closed;     /* what the guest wrote to port 92h */
	bool output_follows; /* the next byte to port 60h is the keyboard controller's output port */

	/* cmos.c */
	u8 cmos_index[2]; /* what the guest wrote to ports 70h and 72h */
	u8 shutdown;      /* the guest's shutdown byte */

	/* smi.c */
	bool smi_said, smi_en_said;

	/* fch.c: there is one; what the guest wrote to its index port */
	bool fch, fch_said;
	u8 fch_index;
	/* fw_cfg.c: it is there, so this is QEMU; the first half of an address */
	bool fw_cfg;
	u32 fw_cfg_high;
	bool fw_cfg_said;

	/* hpet.c */
	bool hpet_said;

	/* pci.c, ecam.c, pci_filter.c */
	struct ecam ecam[ECAM_MAX];
	u32 nr_ecam;
	u64 pci_said[PCI_SAID_MAX]; /* registers that were refused, each once */
	u32 nr_pci_said;
};

struct bootinfo;

/*
 * Find what has to be watched, by the firmware's tables and the chipset's own registers, and close what
 * is open. After memory_take(), and before the MMU is set up.
 * Returns 0, or -1 after a fail() line.
 */
int chipset_prepare(struct machine *machine, const struct bootinfo *boot);

/* The parts of chipset_prepare(). */
void a20_watch(struct machine *machine);
void cmos_watch(struct machine *machine);
/* Before a reset: no firmware goes on where the guest says. */
void cmos_clear_shutdown(void);
void smi_watch(struct machine *machine);
void fw_cfg_watch(struct machine *machine);
/* QEMU's alone, after fw_cfg_watch(). */
void vapic_watch(struct machine *machine);
int hpet_watch(struct machine *machine);
void pci_watch(struct machine *machine);
int ecam_watch(struct machine *machine, const struct bootinfo *boot);
int fch_watch(struct machine *machine);
void smram_lock(void);

/* fch.c. The guest's write to watched memory. False: it is refused. */
bool fch_write(struct machine *machine, u64 gpa, u32 value, u32 size);
/* hpet.c. The same. */
bool hpet_write(struct machine *machine, u64 gpa, u32 value, u32 size);

#endif
