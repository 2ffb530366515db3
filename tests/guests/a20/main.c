/* SPDX-License-Identifier: MIT */
/*
 * Closes the A20 gate by every way a PC has. Under notrap it stays open in the machine: the guest's odd
 * megabytes and the hypervisor's stay where they are. bare=1: on the bare machine the first way closes it.
 */
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/pci.h"
#include "guest/builtin/lib/print.h"

#define SYSTEM_A 0x92
#define A20      BIT(1)

static void kbd_wait(void)
{
	for (u32 i = 0; i < 100000 && (in8(0x64) & 2); i++)
		;
}

static void kbd(u8 command)
{
	kbd_wait();
	out8(0x64, command);
	kbd_wait();
}

/* The keyboard answers what the controller passes on to it, and takes its time. */
static void kbd_drain(void)
{
	for (u32 looks = 0; looks < 40; looks++) {
		for (volatile u32 i = 0; i < 10000; i++)
			;
		if (in8(0x64) & 1) {
			in8(0x60);
			looks = 0;
		}
	}
}

static u8 kbd_command_byte(void)
{
	kbd_drain();
	kbd(0x20);
	for (u32 i = 0; i < 100000 && !(in8(0x64) & 1); i++)
		;
	return in8(0x60);
}

static void kbd_output(u8 value)
{
	kbd(0xd1);
	out8(0x60, value);
	kbd_wait();
}

static void by_port(bool open)
{
	out8(SYSTEM_A, open ? in8(SYSTEM_A) | A20 : in8(SYSTEM_A) & ~(A20 | 1));
}

static void by_word(bool open)
{
	out16(SYSTEM_A, (u16)(open ? A20 : 0));
}

static void by_output(bool open)
{
	kbd_output(open ? 0xdf : 0xdd);
}

/* A command without a byte comes in between: some controllers wait on for that of D1h. */
static void by_late_output(bool open)
{
	kbd(0xd1);
	kbd(0xae);
	out8(0x60, open ? 0xdf : 0xdd);
	kbd_wait();
}

/* A command that takes a byte on some controllers, and that others pass over. */
static void by_later_output(bool open)
{
	kbd(0xd1);
	kbd(0x61);
	out8(0x60, open ? 0xdf : 0xdd);
	kbd_wait();
}

/* A function with ports, their BAR and how many they are; PCI_NONE: none. */
static u32 find_ports(u32 *reg, u32 *size)
{
	for (u32 bdf = 0; bdf < 256; bdf++) {
		if (pci_read(bdf, 0) == ~0U || pci_read(bdf, 8) >> 16 == 0x0600 ||
		    (pci_read(bdf, 0xc) >> 16 & 0x7f))
			continue;
		for (*reg = 0x10; *reg < 0x28; *reg += 4) {
			u32 old = pci_read(bdf, *reg), mask;

			pci_write(bdf, *reg, ~0U);
			mask = pci_read(bdf, *reg);
			pci_write(bdf, *reg, old);
			*size = -(mask & ~3U);
			if ((mask & 1) && *size <= 0x40)
				return bdf;
		}
	}
	return PCI_NONE;
}

/* A device over ports 60h and 64h takes the byte that is waited for; its place comes after it. */
static void by_device(bool open)
{
	u32 reg, size, bdf = find_ports(&reg, &size), old, command;

	kbd(0xd1);
	if (bdf != PCI_NONE) {
		old = pci_read(bdf, reg);
		command = pci_read(bdf, 4) & 0xffff;
		pci_write(bdf, reg, 0x60 & ~(size - 1));
		pci_write(bdf, 4, command | 1);
		out8(0x60, 0xdf);
		pci_write(bdf, 4, command & ~1U);
		pci_write(bdf, reg, old);
		pci_write(bdf, 4, command);
	}
	out8(0x60, open ? 0xdf : 0xdd);
	kbd_wait();
}

static void by_command(bool open)
{
	kbd(open ? 0xdf : 0xdd);
}

static void by_pulse(bool open)
{
	if (!open)
		kbd(0xfd);
}

static void by_old_port(bool open)
{
	if (!open)
		out8(0xee, 0);
}

static const struct {
	const char *name;
	void (*gate)(bool open);
} ways[] = {
	{"port 92h", by_port},
	{"port 92h, two bytes", by_word},
	{"the controller's output port", by_output},
	{"the same, late", by_late_output},
	{"the same, later", by_later_output},
	{"the same, a device in between", by_device},
	{"the controller's command", by_command},
	{"a pulse", by_pulse},
	{"port EEh", by_old_port},
};

const char *guest_main(void)
{
	volatile u32 *low = ptr(page_alloc(1, MIB(2))), *high = ptr((uintptr_t)low + MIB(1));
	bool bare = guest_option_number("bare", 0);

	if (!memory_is_ram((uintptr_t)high, (uintptr_t)high + PAGE_SIZE))
		return "no odd megabyte of RAM";
	for (u32 i = 0; i < ARRAY_SIZE(ways); i++) {
		u32 seen;

		ways[i].gate(true);
		*low = 0x55;
		*high = 0xaa;
		ways[i].gate(false);
		__asm__ volatile("wbinvd" : : : "memory");
		seen = *high;
		if (!i && (in8(SYSTEM_A) & A20))
			return "port 92h reads otherwise than it was written";
		cpuid(0, 0);
		ways[i].gate(true);
		print("a20: %s: %s\n", ways[i].name, seen == 0xaa ? "open" : "closed");
		if (bare)
			return seen == 0x55 ? NULL : "the gate does not close";
		if (seen != 0xaa)
			return "the gate is closed";
	}
	/* A byte to the controller that is no output port: the command byte keeps what it is given. */
	u8 ccb = kbd_command_byte() & ~3;

	kbd(0xd1);
	kbd(0x60);
	out8(0x60, ccb);
	kbd_wait();
	return kbd_command_byte() == ccb ? NULL : "the controller's command byte was changed";
}
