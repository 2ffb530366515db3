/* SPDX-License-Identifier: MIT */
/*
 * Writes to PCI registers that decide where memory, SMRAM, the PM registers and configuration space itself
 * are: by ports and by memory, in every size and alignment. None may change; what a driver needs does.
 */
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/pci.h"
#include "guest/builtin/lib/print.h"
#include "guest/builtin/lib/probe.h"

extern const u8 store_unknown[], string_in[], string_out[];

#define SPECIFIC    0x40 /* the first register that is not of every function */
#define WORDS       48   /* from there on */

#define COMMAND     0x04
#define COMMAND_MEM BIT(1)
#define BAR0        0x10
#define INT_LINE    0x3c
#define CLASS_ISA   0x06010000
#define CLASS_VGA   0x03000000

static u64 window; /* 0: ports alone */
static u32 writes;

static volatile u8 *at(u32 bdf, u32 reg)
{
	return ptr(window + (u64)bdf * PAGE_SIZE + reg);
}

static void out(u16 port, u32 size, u32 value)
{
	if (size == 1)
		out8(port, (u8)value);
	else if (size == 2)
		out16(port, (u16)value);
	else
		out32(port, value);
}

/* extra: bits of the address register that name no other register, or should not. */
static void by_ports(u32 bdf, u32 reg, u32 size, u32 value, u32 extra)
{
	u32 address;

	pci_select(bdf, reg);
	out32(PCI_ADDRESS, in32(PCI_ADDRESS) | extra);
	address = in32(PCI_ADDRESS);
	out((u16)(PCI_DATA + (reg & 3)), size, value);
	if (in32(PCI_ADDRESS) != address)
		guest_fail("the address register was %x and is %x", address, in32(PCI_ADDRESS));
	writes++;
}

static void by_memory(u32 bdf, u32 reg, u32 size, u32 value)
{
	volatile u8 *to = at(bdf, reg);

	if (!window)
		return;
	if (size == 1)
		*to = (u8)value;
	else if (size == 2)
		*(volatile u16 *)to = (u16)value;
	else if (size == 4)
		*(volatile u32 *)to = value;
	else
		*(volatile u64 *)to = (u64)value << 32 | value;
	writes++;
}

static void take(u32 bdf, u32 words[WORDS])
{
	for (u32 i = 0; i < WORDS; i++)
		words[i] = pci_read(bdf, SPECIFIC + 4 * i);
}

/* The registers are as they were. */
static void unchanged(u32 bdf, const u32 before[WORDS], const char *how, u32 reg, u32 size)
{
	u32 now[WORDS];

	take(bdf, now);
	for (u32 i = 0; i < WORDS; i++) {
		if (now[i] != before[i])
			guest_fail("function %x: %u bytes at %x %s: register %x was %x and is %x",
				   bdf, size, reg, how, SPECIFIC + 4 * i, before[i], now[i]);
	}
}

/* One byte, by every access that holds it. */
static void attack(u32 bdf, u32 reg)
{
	u32 before[WORDS];

	take(bdf, before);
	for (u32 size = 1; size <= 4; size *= 2) {
		for (u32 start = reg - size + 1; start <= reg; start++) {
			u32 word = ~pci_read(bdf, start);

			if ((start & 3) + size <= 4)
				word = word >> 8 * (start & 3);
			by_ports(bdf, start, size, word, 0);
			unchanged(bdf, before, "by ports", start, size);
			by_memory(bdf, start, size, word);
			unchanged(bdf, before, "by memory", start, size);
		}
	}
	for (u32 low = 1; low < 4; low++) {
		by_ports(bdf, reg & ~3U, 4, ~pci_read(bdf, reg), low);
		unchanged(bdf, before, "by ports, low bits set", reg, 4);
	}
	by_ports(bdf, reg & ~3U, 4, ~pci_read(bdf, reg), 0x0f000000);
	unchanged(bdf, before, "by ports, upper bits set", reg, 4);
	if (!window)
		return;
	by_memory(bdf, reg & ~7U, 8, ~pci_read(bdf, reg));
	unchanged(bdf, before, "by memory", reg & ~7U, 8);
	__asm__ volatile("xorb $0xff, %0" : "+m"(*at(bdf, reg)));
	__asm__ volatile("lock btcl $0, %0" : "+m"(*(volatile u32 *)at(bdf, reg & ~3U)));
	unchanged(bdf, before, "by instructions that read as well", reg, 1);
	/* #PF; under nested paging, where no linear address is known, #GP. */
	if (probe_run((uintptr_t)store_unknown, false, (uintptr_t)at(bdf, reg & ~3U), 0, 0)
		    .vector == VECTOR_DONE)
		guest_fail("a store that cannot be carried out has gone through");
	unchanged(bdf, before, "by an FPU's store", reg, 2);
}

/* INS and OUTS at the data port: what they move, where their registers end, what is refused, a fault. */
static void strings(void)
{
	u64 page = page_alloc(2, PAGE_SIZE), across = page + PAGE_SIZE - 2,
	    nothing = 0x123456789000;
	u32 before[WORDS], id;
	struct probe got;

	pci_select(0, 0);
	id = in32(PCI_DATA);
	got = probe_run((uintptr_t)string_in, false, across, 0, 0);
	if (got.vector != VECTOR_DONE || got.value != across + 4 || *(u32 *)ptr(across) != id)
		guest_fail("INSD: vector %u, RDI %lx, read %x", got.vector, got.value,
			   *(u32 *)ptr(across));
	take(0, before);
	*(u32 *)ptr(across) = ~0U;
	*(u32 *)ptr(across - 4) = 0;
	pci_select(0, 0x70);
	got = probe_run((uintptr_t)string_out, false, across, 0, 0);
	if (got.vector != VECTOR_DONE || got.value != across - 8)
		guest_fail("OUTSD: vector %u, RSI %lx", got.vector, got.value);
	unchanged(0, before, "by OUTSD", 0x70, 4);
	got = probe_run((uintptr_t)string_in, false, nothing, 0, 0);
	if (got.vector != VEC_PF || got.cr2 != nothing || got.error != 2)
		guest_fail("INSD to nowhere: vector %u, CR2 %lx, error %x", got.vector, got.cr2,
			   got.error);
}

/* Mechanism #2 of PCI 2.0: byte registers at CF8h and CFAh, and functions' registers from C000h on. */
static void second_mechanism(void)
{
	u32 before[WORDS], address;

	take(0, before);
	pci_select(0, 0x70);
	address = in32(PCI_ADDRESS);
	out8(PCI_ADDRESS + 2, 0);
	out8(PCI_ADDRESS, 0xf0);
	out16(PCI_ADDRESS, 0x00f0);
	out8(0xc072, ~(before[(0x70 - SPECIFIC) / 4] >> 16));
	if (in32(PCI_ADDRESS) != address)
		guest_fail("a byte has changed the address register");
	unchanged(0, before, "by mechanism #2", 0x72, 1);
}

static void changes(u32 bdf, u32 reg, const char *what)
{
	u32 old = pci_read(bdf, reg), new = old ^ 1;

	pci_write(bdf, reg, new);
	if (pci_read(bdf, reg) != new)
		guest_fail("%s cannot be changed", what);
	by_memory(bdf, reg, 1, old);
	pci_write(bdf, reg, old);
	by_memory(bdf, reg, 1, new);
	if (pci_read(bdf, reg) != (window ? new : old))
		guest_fail("%s cannot be changed by memory", what);
	pci_write(bdf, reg, old);
}

/* A BAR over `over` is refused while the function decodes, and decoding is while it is there. */
static void bar_over(u32 bdf, u64 over)
{
	u32 command = pci_read(bdf, COMMAND) & 0xffff, old = pci_read(bdf, BAR0), mask, bar;

	pci_write(bdf, COMMAND, command & ~COMMAND_MEM);
	pci_write(bdf, BAR0, ~0U);
	mask = pci_read(bdf, BAR0) & ~15U;
	pci_write(bdf, BAR0, old);
	pci_write(bdf, COMMAND, command | COMMAND_MEM);
	if (!(pci_read(bdf, COMMAND) & COMMAND_MEM) || pci_read(bdf, BAR0) != old || !mask)
		guest_fail("a BAR cannot be sized");
	bar = (u32)over & mask;
	print("pci: BAR %x, size %x, over %x\n", old, -mask, bar);
	pci_write(bdf, BAR0, bar);
	by_memory(bdf, BAR0, 4, bar);
	by_ports(bdf, BAR0 + 3, 1, bar >> 24, 0);
	by_ports(bdf, BAR0 + 2, 2, bar >> 16, 0);
	if (pci_read(bdf, BAR0) != old)
		guest_fail("a BAR is over hidden memory: %x", pci_read(bdf, BAR0));
	pci_write(bdf, COMMAND, command & ~COMMAND_MEM);
	pci_write(bdf, BAR0, bar);
	pci_write(bdf, COMMAND, command | COMMAND_MEM);
	by_ports(bdf, COMMAND, 1, command | COMMAND_MEM, 0);
	by_memory(bdf, COMMAND, 2, command | COMMAND_MEM);
	if (pci_read(bdf, COMMAND) & COMMAND_MEM)
		guest_fail("a device decodes hidden memory");
	pci_write(bdf, BAR0, old);
	pci_write(bdf, COMMAND, command | COMMAND_MEM);
	if (!(pci_read(bdf, COMMAND) & COMMAND_MEM) || pci_read(bdf, BAR0) != old)
		guest_fail("a device no longer decodes where it did");
	pci_write(bdf, COMMAND, command);
}

/* The largest reserved range that is as RAM is, and not the firmware's: the hypervisor. */
static u64 hypervisor(void)
{
	u64 start = 0, size = 0;

	for (u32 i = 0; i < memory_ranges; i++) {
		const struct memory_range *r = &memory_map[i];

		if (r->type != MEMORY_RAM && r->start >= MIB(1) &&
		    r->end <= memory_end() + MIB(16) && r->end - r->start > size) {
			start = r->start;
			size = r->end - r->start;
		}
	}
	return start;
}

static const struct {
	u32 host; /* the machine that has it */
	u8 bdf, reg;
} guarded[] = {
	{PCI_I440FX, PCI_BDF(0, 0), 0x5a},                                    /* PAM */
	{PCI_I440FX, PCI_BDF(0, 0), 0x5f}, {PCI_I440FX, PCI_BDF(0, 0), 0x72}, /* SMRAM */
	{PCI_I440FX, PCI_BDF(1, 0), 0x4f}, {PCI_I440FX, PCI_BDF(1, 0), 0x69}, /* TOM */
	{PCI_I440FX, PCI_BDF(1, 3), 0x41},                                    /* PMBASE */
	{PCI_I440FX, PCI_BDF(1, 3), 0x5f}, {PCI_I440FX, PCI_BDF(1, 3), 0x80}, /* PMREGMISC */
	{PCI_I440FX, PCI_BDF(1, 3), 0x91}, {PCI_Q35, PCI_BDF(0, 0), 0x63},    /* PCIEXBAR */
	{PCI_Q35, PCI_BDF(0, 0), 0x60},    {PCI_Q35, PCI_BDF(0, 0), 0x91},    /* PAM */
	{PCI_Q35, PCI_BDF(0, 0), 0x9d},    {PCI_Q35, PCI_BDF(0, 0), 0x9e},    /* SMRAM, ESMRAMC */
	{PCI_Q35, PCI_BDF(0, 0), 0xb3},    {PCI_Q35, PCI_BDF(31, 0), 0x41},   /* PMBASE */
	{PCI_Q35, PCI_BDF(31, 0), 0x44},   {PCI_Q35, PCI_BDF(31, 0), 0xa0},   /* GEN_PMCON */
	{PCI_Q35, PCI_BDF(31, 0), 0xf2},                                      /* RCBA */
};

const char *guest_main(void)
{
	u32 host = pci_read(0, 0), vga = pci_find(0, 8, CLASS_VGA, 0xffff0000), isa, done = 0;

	if (host != PCI_I440FX && host != PCI_Q35)
		return "no host bridge that is known";
	window = pci_window();
	if (window)
		map_identity(window, MIB(1));
	for (u32 i = 0; i < ARRAY_SIZE(guarded); i++) {
		if (guarded[i].host != host || pci_read(guarded[i].bdf, 0) == ~0U)
			continue;
		attack(guarded[i].bdf, guarded[i].reg);
		done++;
	}
	second_mechanism();
	strings();
	isa = pci_find(0, 8, CLASS_ISA, 0xffff0000);
	changes(isa, 0x60, "the routing of PIRQA");
	if (vga != PCI_NONE) {
		changes(vga, INT_LINE, "an interrupt line");
		bar_over(vga, hypervisor());
		if (window)
			bar_over(vga, window);
	}
	print("pci: %u registers, %u writes, %s, %s\n", done, writes,
	      window ? "ports and memory" : "ports", vga != PCI_NONE ? "a BAR" : "no BAR");
	return NULL;
}
