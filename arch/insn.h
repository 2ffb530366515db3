/* SPDX-License-Identifier: MIT */
/* The instructions that C has no word for, one inline function each. */
#ifndef ARCH_INSN_H
#define ARCH_INSN_H

#include "arch/cpu.h"
#include "arch/types.h"

struct cpuid {
	u32 eax, ebx, ecx, edx;
};

/* What LGDT, LIDT, SGDT and SIDT read and write in 64-bit mode: SDM vol. 3A 3.5.1. */
struct desc_ptr {
	u16 limit; /* bytes - 1 */
	u64 base;
} __attribute__((packed));

/* CPUID with a leaf in EAX and a subleaf in ECX. */
static inline struct cpuid cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

/* CPUID with the leaf in *rax and the subleaf in *rcx; each register's upper half is 0 afterwards. */
static inline void cpuid_gprs(u64 *rax, u64 *rbx, u64 *rcx, u64 *rdx)
{
	__asm__ volatile("cpuid" : "+a"(*rax), "=b"(*rbx), "+c"(*rcx), "=d"(*rdx));
}

static inline bool cpu_has_invpcid(void)
{
	return cpuid(0, 0).eax >= 7 && (cpuid(7, 0).ebx & CPUID_7_0_EBX_INVPCID);
}

/* An MSR that the CPU is known to have: a missing one raises #GP, which stops the hypervisor. */
static inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (u64)hi << 32 | lo;
}

static inline void wrmsr(u32 msr, u64 value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

#define PORT_ACCESSORS(bits, suffix)                                              \
	static inline u##bits in##bits(u16 port)                                  \
	{                                                                         \
		u##bits v;                                                        \
                                                                                  \
		__asm__ volatile("in" #suffix " %1, %0" : "=a"(v) : "Nd"(port));  \
		return v;                                                         \
	}                                                                         \
	static inline void out##bits(u16 port, u##bits v)                         \
	{                                                                         \
		__asm__ volatile("out" #suffix " %0, %1" : : "a"(v), "Nd"(port)); \
	}

/* in8(), out8() and so on. */
PORT_ACCESSORS(8, b)
PORT_ACCESSORS(16, w)
PORT_ACCESSORS(32, l)

#define CR_ACCESSORS(n)                                                        \
	static inline u64 read_cr##n(void)                                     \
	{                                                                      \
		u64 v;                                                         \
                                                                               \
		__asm__ volatile("mov %%cr" #n ", %0" : "=r"(v) : : "memory"); \
		return v;                                                      \
	}                                                                      \
	static inline void write_cr##n(u64 v)                                  \
	{                                                                      \
		__asm__ volatile("mov %0, %%cr" #n : : "r"(v) : "memory");     \
	}

/* read_cr0(), write_cr0() and so on. */
CR_ACCESSORS(0)
CR_ACCESSORS(2)
CR_ACCESSORS(3)
CR_ACCESSORS(4)
CR_ACCESSORS(8)

#define DR_ACCESSORS(n)                                           \
	static inline u64 read_dr##n(void)                        \
	{                                                         \
		u64 v;                                            \
                                                                  \
		__asm__ volatile("mov %%dr" #n ", %0" : "=r"(v)); \
		return v;                                         \
	}                                                         \
	static inline void write_dr##n(u64 v)                     \
	{                                                         \
		__asm__ volatile("mov %0, %%dr" #n : : "r"(v));   \
	}

DR_ACCESSORS(0)
DR_ACCESSORS(1)
DR_ACCESSORS(2)
DR_ACCESSORS(3)
DR_ACCESSORS(6)
DR_ACCESSORS(7)

/* The extended control register `nr`; CR4.OSXSAVE must be set. */
static inline u64 xgetbv(u32 nr)
{
	u32 lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(nr));
	return (u64)hi << 32 | lo;
}

static inline void xsetbv(u32 nr, u64 value)
{
	__asm__ volatile("xsetbv" : : "c"(nr), "a"((u32)value), "d"((u32)(value >> 32)));
}

/* The rights of the protection keys; CR4.PKE must be set. */
static inline u32 rdpkru(void)
{
	u32 v;

	__asm__ volatile("rdpkru" : "=a"(v) : "c"(0) : "edx");
	return v;
}

static inline void lgdt(const struct desc_ptr *p)
{
	__asm__ volatile("lgdt %0" : : "m"(*p));
}

static inline void lidt(const struct desc_ptr *p)
{
	__asm__ volatile("lidt %0" : : "m"(*p));
}

static inline void sgdt(struct desc_ptr *p)
{
	__asm__ volatile("sgdt %0" : "=m"(*p));
}

static inline void sidt(struct desc_ptr *p)
{
	__asm__ volatile("sidt %0" : "=m"(*p));
}

static inline void lldt(u16 sel)
{
	__asm__ volatile("lldt %0" : : "r"(sel));
}

static inline void ltr(u16 sel)
{
	__asm__ volatile("ltr %0" : : "r"(sel) : "memory");
}

static inline u16 read_tr(void)
{
	u16 sel;

	__asm__ volatile("str %0" : "=r"(sel));
	return sel;
}

#define SEG_READER(seg)                                             \
	static inline u16 read_##seg(void)                          \
	{                                                           \
		u16 sel;                                            \
                                                                    \
		__asm__ volatile("mov %%" #seg ", %0" : "=r"(sel)); \
		return sel;                                         \
	}

/* read_cs() and so on: selectors. */
SEG_READER(cs)
SEG_READER(ds)
SEG_READER(es)
SEG_READER(fs)
SEG_READER(gs)
SEG_READER(ss)

static inline void invlpg(const void *addr)
{
	__asm__ volatile("invlpg (%0)" : : "r"(addr) : "memory");
}

static inline u64 rdtsc(void)
{
	u32 lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (u64)hi << 32 | lo;
}

static inline void cpu_pause(void)
{
	__asm__ volatile("pause");
}

static inline void cpu_hlt(void)
{
	__asm__ volatile("hlt");
}

static inline void cpu_cli(void)
{
	__asm__ volatile("cli" : : : "memory");
}

static inline void wbinvd(void)
{
	__asm__ volatile("wbinvd" : : : "memory");
}

/* Write the cache line at addr, 64 bytes on every CPU with VMX or SVM, back to memory and drop it. */
static inline void clflush(const void *addr)
{
	__asm__ volatile("clflush (%0)" : : "r"(addr) : "memory");
}

/* Keeps the compiler from moving memory accesses across. */
static inline void barrier(void)
{
	__asm__ volatile("" : : : "memory");
}

static inline void mfence(void)
{
	__asm__ volatile("mfence" : : : "memory");
}

/* Store v at p; returns what was there. Atomic, a full barrier. */
static inline u32 xchg32(volatile u32 *p, u32 v)
{
	__asm__ volatile("xchg %0, %1" : "+r"(v), "+m"(*p) : : "memory");
	return v;
}

/* Add v at p; returns what was there before. Atomic, a full barrier. */
static inline u32 xadd32(volatile u32 *p, u32 v)
{
	__asm__ volatile("lock xadd %0, %1" : "+r"(v), "+m"(*p) : : "memory", "cc");
	return v;
}

#endif
