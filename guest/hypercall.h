/* SPDX-License-Identifier: MIT */
/*
 * The guest's way to talk to notrap. Plain numbers: included by guests and by assembly too.
 *
 * CPUID leaf 0x40000000 says "notrapnotrap" in EBX, ECX, EDX and the highest leaf in EAX.
 * Leaf 0x40000001: EAX = interface version, EBX = NOTRAP_INFO_* bits.
 * Leaf 0x40000002, ECX = counter's index: EDX:EAX = its value, EBX = number of counters; all
 * zero past the last. Works from user mode.
 *
 * VMCALL (Intel) or VMMCALL (AMD): EAX = HC_*, RBX = argument; RAX = result, ~0 on an unknown
 * number, a bad argument, or one of the kernel's calls at a privilege level other than 0. No other
 * register changes.
 *
 * Counters are everybody's to read: they tell how often the whole guest exits and why, as its
 * /proc/vmstat does of its faults, never at which address, and a user who times his own instructions
 * learns more of both.
 */
#ifndef GUEST_HYPERCALL_H
#define GUEST_HYPERCALL_H

#define NOTRAP_CPUID_BASE    0x40000000
#define NOTRAP_CPUID_INFO    0x40000001
#define NOTRAP_CPUID_COUNTER 0x40000002
#define NOTRAP_VERSION       1

#define NOTRAP_INFO_SVM      (1 << 0) /* VMMCALL, not VMCALL */
#define NOTRAP_INFO_BYPASS   (1 << 1) /* the fault filter is on */
#define NOTRAP_INFO_NESTED   (1 << 2) /* nested paging: the CPU walks the guest's tables itself */

#define HC_VERSION           0     /* RAX = NOTRAP_VERSION */
#define HC_COUNTER           1     /* RBX = index in counters.def; RAX = value */
#define HC_NONE              (~0U) /* no call */

/* The kernel's. */
#define HC_REPORT_FAULTS 2 /* RBX = page faults that the guest's own handler has counted so far */
#define HC_END           3 /* RBX = 0 pass, else fail: final report, then power off */

#endif
