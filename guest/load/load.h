/* SPDX-License-Identifier: MIT */
/*
 * Loading the guest: from the boot loader's modules, or a built-in one.
 *
 * Protocols: Linux x86 boot protocol 2.10 and later (64-bit entry, else 32-bit entry), Multiboot
 * 0.6.96, Multiboot2 2.0. The files are untrusted: nothing outside them is read, and nothing is
 * ever written outside the RAM of the guest's map.
 */
#ifndef GUEST_LOAD_LOAD_H
#define GUEST_LOAD_LOAD_H

#include "guest/bootinfo.h"
#include "guest/options.h"

/*
 * The processor's state at the guest's first instruction. What is not here is zero, RFLAGS is 2
 * (interrupts off), A20 is on.
 *
 * CS is flat, execute/read, accessed, DPL 0: 64-bit (L=1) if long_mode, else 32-bit (D=1), base 0,
 * limit 4G. DS, ES, SS, FS and GS hold `ds`: flat, read/write, accessed, 32-bit. The GDT at
 * gdt_base, in guest RAM, holds just these.
 */
struct guest_start {
	bool long_mode; /* IA-32e with identity tables at cr3; else protected mode, paging off */
	u64 rip;
	u64 rax, rbx, rsi;
	u64 cr0, cr3, cr4, efer;
	u64 gdt_base;
	u16 gdt_limit;
	u16 cs, ds; /* selectors */
};

/*
 * Load the guest and say what was loaded where: module 1 is its kernel, chosen by content (Linux
 * bzImage, multiboot2, multiboot1), the further modules are the initrd or the kernel's modules.
 * Without a module the built-in guest opt->guest, the first of them if that is NULL.
 *
 * boot: must lie in memory that is not the guest's, its strings too: guest RAM is overwritten.
 * guest_map: boot->map with the hypervisor's memory made reserved.
 *
 * Returns 0; or -1 after one fail() line.
 */
int load_guest(const struct bootinfo *boot, const struct options *opt,
	       const struct memmap *guest_map, struct guest_start *out);

#endif
