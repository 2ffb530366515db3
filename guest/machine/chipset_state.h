/* SPDX-License-Identifier: MIT */
/* What guest/chipset/ keeps of a machine. */
#ifndef GUEST_MACHINE_CHIPSET_STATE_H
#define GUEST_MACHINE_CHIPSET_STATE_H

#include "arch/types.h"

struct vcpu;

/* An access of 1, 2 or 4 bytes, aligned to its size. */
struct io_access {
	u16 port;
	u8 size;
	u32 value;
};

struct io_range {
	u16 first, last;
	/* Its registers have one byte each: a wider access is its bytes one by one, the lowest first. */
	bool bytes;
	/* It does not exit from the start. */
	bool later;
	/* Before the write, whose value it may change. False: the write is done, or refused. NULL: none. */
	bool (*write)(struct vcpu *v, struct io_access *w);
	/* After the read: it may change the value. NULL: none. */
	void (*read)(struct vcpu *v, struct io_access *r);
};

#define IO_RANGES_MAX 32

/* A window to PCI configuration space: 4 KiB for each function. PCI Firmware Specification 3.2, 4.1.2. */
struct ecam {
	u64 start, end;
	u64 base; /* where bus 0 is, or would be */
	u16 segment;
};

#define ECAM_MAX     8
#define BALLOONS_MAX 4
#define PCI_SAID_MAX 64

struct chipset {
	struct io_range io[IO_RANGES_MAX];
	u32 nr_io;

	/* power.c: a sleep was refused, and the guest has yet to see that it woke up. */
	bool woke;
	u8 letters; /* of Bochs' word that ends it, so many have come */

	/* a20.c */
	bool a20_closed;     /* what the guest wrote to port 92h */
	bool output_follows; /* the next byte to port 60h is the keyboard controller's output port */

	/* cmos.c */
	u8 cmos_index[2]; /* what the guest wrote to ports 70h and 72h */
	u8 shutdown;      /* the guest's shutdown byte */

	/* fch.c: there is one; what the guest wrote to its index port */
	bool fch;
	u8 fch_index;
	/* fw_cfg.c: it is there, so this is QEMU; the first half of an address */
	bool fw_cfg;
	u32 fw_cfg_high;

	/* vapic.c: the device's ROM; 0: there is none */
	u32 vapic_rom, vapic_rom_end;

	/* balloon.c: functions that the guest does not find */
	u16 balloon[BALLOONS_MAX];
	u32 nr_balloons;

	/* pci.c, ecam.c, pci_filter.c */
	struct ecam ecam[ECAM_MAX];
	u32 nr_ecam;
	u64 pci_said[PCI_SAID_MAX]; /* registers that were refused, each once */
	u32 nr_pci_said;
};

#endif
