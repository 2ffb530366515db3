/* SPDX-License-Identifier: MIT */
/*
 * The machine's chipset is the guest's, but for what would reach past the hypervisor: registers that
 * move memory, SMRAM or the PM registers, that reset or sleep, SMIs, the A20 gate, devices of QEMU that no
 * IOMMU sees.
 */
#ifndef GUEST_CHIPSET_CHIPSET_H
#define GUEST_CHIPSET_CHIPSET_H

#include "guest/firmware/pci.h"
#include "guest/machine/machine.h"

/*
 * Find what has to be watched, by the firmware's tables and the chipset's own registers, and close what
 * is open. After memory_take(), and before the MMU is set up.
 * Returns 0, or -1 after a fail() line.
 */
int chipset_prepare(struct machine *m, const struct bootinfo *boot);

/* The parts of chipset_prepare(). */
void a20_watch(struct machine *m);
void cmos_watch(struct machine *m);
/* Before a reset: no firmware goes on where the guest says. */
void cmos_clear_shutdown(void);
void smi_watch(struct machine *m);
void fw_cfg_watch(struct machine *m);
/* QEMU's alone, after fw_cfg_watch(). */
int vapic_watch(struct machine *m);
int hpet_watch(struct machine *m);
void nvdimm_watch(struct machine *m);
/* After ecam_watch(). Those that there are at boot; pci_filter() sees to it that none begins later. */
int balloon_hide(struct machine *m);
void pci_watch(struct machine *m);
int ecam_watch(struct machine *m, const struct bootinfo *boot);
int fch_watch(struct machine *m);
void smram_lock(void);

/* fch.c. The guest's write to watched memory. False: it is refused. */
bool fch_write(struct machine *m, u64 gpa, u32 value, u32 size);
/* hpet.c. The same. */
bool hpet_write(struct machine *m, u64 gpa, u32 value, u32 size);
/* vapic.c. The same. */
bool vapic_write(const struct machine *m, u64 gpa);

/*
 * pci_filter.c. What is left of a guest's write: protected bytes of *value keep what the register has.
 * What is refused is said, once for each register. A reset asked for by such a register does not return.
 * Returns false when nothing is left to write.
 */
bool pci_filter(struct machine *m, const struct pci_function *f, u32 reg, u32 size, u32 *value);

/* The same. What a function is; its vendor is ffffh where there is none. */
struct pci_id pci_identify(const struct pci_function *f);

/* ecam.c. The guest's write to a window. False: the address is in none. */
bool ecam_write(struct machine *m, u64 gpa, u32 value, u32 size);

/* Why a write is refused. */
#define PCI_OVER_HIDDEN "the device would decode memory or ports that are notrap's"

/* A function as a guest's write of a word to reg would have it. */
struct pci_view {
	const struct pci_function *f;
	u32 reg, value;
};

static inline u32 pci_view_word(const struct pci_view *w, u32 reg)
{
	return reg == w->reg ? w->value : pci_read(w->f, reg, 4);
}

/* pci_bars.c. True when the function would decode memory or ports that are hidden or watched. */
bool pci_decodes_hidden(const struct machine *m, const struct pci_function *f, u32 reg, u32 value);

/*
 * pci_bars.c. True when one of the `nr` BARs from `first` on would decode memory that is hidden or watched, or
 * watched ports. They are sized on the way. spaces: PCI_COMMAND_MEM, PCI_COMMAND_IO, or both. copies: how
 * often what a BAR tells is there, one behind the other.
 */
bool pci_bars_hit(const struct machine *m, const struct pci_view *w, u32 first, u32 nr, u32 copies,
		  u32 spaces);

/*
 * pci_caps.c. NULL when the word at reg, 40h or above, may become this value; or why not. Of the capabilities
 * that tell or change where a function decodes.
 */
const char *pci_caps_refuse(const struct machine *m, const struct pci_function *f, u32 reg,
			    u32 value);

/*
 * watch.c. Memory that is no RAM, by an instruction that is carried out, of which what is watched is always
 * written so: PCI's configuration space (ECAM), and what ends or sleeps the machine where firmware has put
 * that in memory. Past the direct map a read gives all ones, and a write is lost, with a line. gpa: not
 * hidden; size: 1 to 16 bytes.
 */
void device_read(u64 gpa, void *to, u32 size);
void device_write(struct machine *m, u64 gpa, const void *from, u32 size);

/* Say, once, that the instruction at rip writes to a watched register and cannot be carried out. */
void watched_unknown(struct machine *m, u64 gpa, u64 rip);

#endif
