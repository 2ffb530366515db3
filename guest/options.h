/* SPDX-License-Identifier: MIT */
/* notrap's command line, parsed. */
#ifndef GUEST_OPTIONS_H
#define GUEST_OPTIONS_H

#include "arch/console.h"
#include "guest/builtin_guests.h"

enum opt_trap { TRAP_AUTO, TRAP_ADDRESS, TRAP_STRUCTURAL };
enum opt_filter { FILTER_AUTO, FILTER_USER, FILTER_PRESENT };
enum opt_sync { SYNC_HYBRID, SYNC_ALWAYS, SYNC_NEVER };
enum opt_mmu { MMU_SHADOW, MMU_NPT, MMU_EPT };
enum opt_mitigations { MITIGATIONS_AUTO, MITIGATIONS_OFF, MITIGATIONS_ALL };

enum opt_iommu { IOMMU_AUTO, IOMMU_OFF, IOMMU_REQUIRE };

struct options {
	bool bypass_guest_pf;
	enum opt_trap trap;
	enum opt_filter filter;
	enum opt_sync sync;
	enum opt_mmu mmu;
	enum opt_mitigations mitigations;
	enum opt_iommu iommu;
	enum console_port console;
	u32 stats;                         /* seconds between live reports; 0: only the last one */
	u32 audit;                         /* exits between audits; 0: never */
	const struct builtin_guest *guest; /* NULL: not given */
	bool smi;                          /* the guest may ask its firmware for any SMI */
};

/*
 * The console that a command line asks for, so that it can be set up before anything else is said:
 * the last console= with a value that is known, else COM1. Says nothing.
 */
enum console_port options_console(const char *cmdline);

/*
 * Parse a command line into options (docs/options.md). A word is "name=value".
 *
 * Returns 0; or -1 after a fail() line that names the unknown option or the bad value and lists
 * what is known. `opt` always holds usable values, so the console may be set up from it first.
 */
int options_parse(const char *cmdline, struct options *opt);

#endif
