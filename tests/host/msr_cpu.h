/* SPDX-License-Identifier: MIT */
/* A CPU that has all MSRs, in the place of arch/safe.h and arch/insn.h, and a guest that reads and writes them. */
#ifndef TESTS_HOST_MSR_CPU_H
#define TESTS_HOST_MSR_CPU_H

#include "guest/machine/machine.h"
#include "guest/machine/vcpu.h"

#define MTRR_PAIRS 8

/* The hypervisor's memory, and registers of its own. */
#define HIDDEN_START MIB(512)
#define HIDDEN_END   MIB(576)
#define REGISTERS    0xfed90000ULL

struct msr_cpu {
	/* What the last access did: to the CPU's MSRs, and to the guest. */
	u32 reads, writes, faults, done;
	u64 written;
	/* The MTRRs keep what is written to them; all other MSRs read as 0. */
	u64 pairs[2 * MTRR_PAIRS], def_type;
	u64 cr0;
	u32 flushes, intercepts;
	/* A guest on AMD can have CPUID say otherwise than at boot. */
	bool cpuid_changed;
};

extern struct msr_cpu cpu;
extern struct machine machine;
extern struct vcpu vcpu;

/* The guest's RDMSR or WRMSR: it is done, or raises #GP. */
void access_msr(u32 msr, u64 value, bool write);

/* Its WRMSR raises #GP. */
bool refused(u32 msr, u64 value);

#endif
