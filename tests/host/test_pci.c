/* SPDX-License-Identifier: MIT */
/*
 * Where a guest may have a PCI function decode: guest/chipset/pci_filter.c and what is behind it, on
 * functions of the test's own. What the filter lets through is written, so that each case goes on from what
 * there is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* the console has a function of that name */

#include "arch/console.h"
#include "guest/chipset/chipset.h"
#include "guest/chipset/pci_guard.h"
#include "guest/chipset/power.h"
#include "tests/host/fake/console.h"

#define RAM       0x10000000ULL /* hidden, and 1 MiB long */
#define REGISTERS 0xfed90000ULL /* hidden, a page */
#define WATCHED   0xe0000000ULL /* 16 MiB */
#define PORT      0xcf8         /* to PORT + 7, watched */
#define FREE      0xc0000000ULL

#define COMMAND   0x04
#define BOTH      3

static struct machine machine;
static u32 config[0x400], writable[0x400];
static const struct pci_function function = {.bdf = 0x18};

u32 pci_read(const struct pci_function *f, u32 reg, u32 size)
{
	(void)f;
	return (u32)((u64)config[reg / 4] >> 8 * (reg & 3) & ((1ULL << 8 * size) - 1));
}

void pci_write(const struct pci_function *f, u32 reg, u32 size, u32 value)
{
	u32 mask = (u32)((1ULL << 8 * size) - 1) << 8 * (reg & 3) & writable[reg / 4];

	(void)f;
	config[reg / 4] = (config[reg / 4] & ~mask) | (value << 8 * (reg & 3) & mask);
}

bool power_write(struct machine *m, u8 space, u64 addr, u32 value, u32 size)
{
	(void)m;
	(void)space;
	(void)addr;
	(void)value;
	(void)size;
	return true;
}

u16 console_uart(void)
{
	return 0x3f8;
}

/* A function of this header type that decodes nothing; all of its registers from 10h on can be written. */
static void new_function(u32 type)
{
	memset(&machine, 0, sizeof(machine));
	machine.hidden[0] = (struct memmap_range){RAM, RAM + MIB(1), MEMMAP_RESERVED};
	machine.hidden[HIDDEN_RAM] =
		(struct memmap_range){REGISTERS, REGISTERS + PAGE_SIZE, MEMMAP_RESERVED};
	machine.nr_hidden = HIDDEN_RAM + 1;
	machine.watched[0] = (struct memmap_range){WATCHED, WATCHED + MIB(16), MEMMAP_RESERVED};
	machine.nr_watched = 1;
	machine.chipset.io[0] = (struct io_range){.first = PORT, .last = PORT + 7};
	machine.chipset.nr_io = 1;
	memset(config, 0, sizeof(config));
	memset(writable, 0, sizeof(writable));
	config[0] = 0x100e8086;
	config[2] = type == PCI_TYPE_CARDBUS ? 0x06070000 : 0x02000000;
	config[3] = type << 16;
	writable[COMMAND / 4] = BOTH;
	for (u32 reg = 0x10; reg < 0x40; reg += 4)
		writable[reg / 4] = 0;
}

/* The guest's write; true when it was done as it is. */
static bool set(u32 reg, u32 size, u32 value)
{
	u32 filtered = value;

	if (!pci_filter(&machine, &function, reg, size, &filtered))
		return false;
	pci_write(&function, reg, size, filtered);
	return filtered == value;
}

/* It decodes memory and ports, or nothing. */
static void decode(bool on)
{
	pci_write(&function, COMMAND, 2, on ? BOTH : 0);
}

/* A window from [base] to [base + 4]: over `start` it may not be, however it is got there. */
static void window(u32 base, u32 start, u32 size, bool must)
{
	u32 limit = base + 4;

	writable[base / 4] = writable[limit / 4] = ~(size - 1);
	for (u32 on = 0; on < 2; on++) {
		decode(false);
		assert_true(set(base, 4, start + size) && set(limit, 4, start));
		decode(on);
		/* Nothing is decoded, or the window is closed. */
		assert_int_equal(set(base, 4, start), !on || !must);
		decode(false);
		assert_true(set(base, 4, start) && set(limit, 4, start - size));
		decode(on);
		assert_int_equal(set(limit, 4, start), !on || !must);
		/* From before it to behind it, and byte by byte. */
		decode(false);
		assert_true(set(base, 4, start - size) && set(limit, 4, start - 2 * size));
		decode(on);
		assert_int_equal(set(limit, 4, start + size), !on || !must);
	}
	/* Or to begin with. */
	decode(false);
	assert_true(set(base, 4, start) && set(limit, 4, start));
	assert_int_equal(set(COMMAND, 2, BOTH), !must);
	decode(false);
	assert_true(set(base, 4, start + size) && set(limit, 4, start));
	assert_true(set(COMMAND, 2, BOTH));
	decode(false);
	writable[base / 4] = writable[limit / 4] = 0;
	config[base / 4] = ~0U << 12;
	config[limit / 4] = 0;
}

static void cardbus(void **state)
{
	(void)state;
	new_function(PCI_TYPE_CARDBUS);
	/* Closed, all of them. */
	for (u32 base = 0x1c; base < 0x3c; base += 8)
		config[base / 4] = 0xfffff000;
	for (u32 base = 0x1c; base < 0x2c; base += 8) {
		window(base, REGISTERS, PAGE_SIZE, true);
		window(base, WATCHED, PAGE_SIZE, true);
		/* RAM does not hear of it. */
		window(base, RAM, PAGE_SIZE, false);
		window(base, FREE, PAGE_SIZE, false);
	}
	for (u32 base = 0x2c; base < 0x3c; base += 8) {
		window(base, PORT, 4, true);
		window(base, PORT + 4, 4, true);
		window(base, 0x3f8, 4, true);
		window(base, 0x500, 4, false);
	}
	/* Its own registers. */
	writable[0x10 / 4] = 0xfffff000;
	decode(true);
	assert_false(set(0x10, 4, RAM));
	assert_false(set(0x10, 4, REGISTERS));
	assert_true(set(0x10, 4, FREE));
	/* Ports for cards of 16 bits, which are behind the header. */
	writable[0x44 / 4] = ~0U;
	assert_false(set(0x44, 4, PORT | 1));
	assert_false(set(0x44, 2, PORT | 1));
	assert_true(set(0x44, 4, 0x3e1));
	assert_true(set(0x48, 4, PORT) || !writable[0x48 / 4]);
}

/* 32-bit windows to ports are told from those of 16 bits by their lowest bit. */
static void cardbus_ports(void **state)
{
	struct memmap_range r;

	(void)state;
	r = pci_cardbus_io_range(0x10001, 0x20001);
	assert_int_equal(r.start, 0x10000);
	assert_int_equal(r.end, 0x20004);
	r = pci_cardbus_io_range(0xffff0cf8, 0xcf8);
	assert_int_equal(r.start, 0xcf8);
	assert_int_equal(r.end, 0xcfc);
	r = pci_cardbus_io_range(0xcf8, 0xcf4);
	assert_true(r.start >= r.end);
	r = pci_cardbus_range(0xfffff000, 0xffffffff);
	assert_true(r.start < r.end);
	assert_int_equal(r.end, GIB(4));
}

/* Two BARs that can be resized, and a register behind them that has nothing to do with it. */
static void resizable(void **state)
{
	(void)state;
	new_function(0);
	config[0x100 / 4] = 0x14010001;
	config[0x140 / 4] = 0x00010015;
	for (u32 reg = 0x144; reg < 0x15c; reg += 4)
		writable[reg / 4] = 0x3f00;
	config[0x148 / 4] = 2 << 5;
	config[0x150 / 4] = 1;
	writable[0x10 / 4] = 0xfff00000;
	pci_write(&function, 0x10, 4, RAM + MIB(1));
	for (u32 control = 0x148; control <= 0x150; control += 8) {
		decode(true);
		assert_false(set(control, 4, config[control / 4] | 0x500));
		assert_false(set(control + 1, 1, 5));
		assert_true(set(control + 1, 1, 0));
		decode(false);
		assert_true(set(control + 1, 1, 5));
	}
	assert_true(set(0x154, 4, 0x500));
	/* What it has become is seen when it is to decode: its lower bits are gone. */
	assert_true(set(COMMAND, 2, BOTH));
	decode(false);
	writable[0x10 / 4] = 0xfe000000;
	config[0x10 / 4] &= 0xfe000000;
	assert_false(set(COMMAND, 2, BOTH));
	decode(true);
	assert_true(set(0x154, 4, 0x900));
	assert_true(set(0x100, 4, 0));
}

/* Entries of three words and of five; all of them stay. */
static void allocation(void **state)
{
	static const u32 types[] = {0, PCI_TYPE_BRIDGE, PCI_TYPE_CARDBUS};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(types); i++) {
		u32 first = types[i] == PCI_TYPE_BRIDGE ? 0x68 : 0x64, end = first + 12 + 20;

		new_function(types[i]);
		config[1] = 0x00100000;
		config[(types[i] == PCI_TYPE_CARDBUS ? 0x14 : 0x34) / 4] = 0x50;
		config[0x50 / 4] = 0x6001;
		config[0x60 / 4] = 0x00020014;
		config[first / 4] = 0x80000002;
		config[first / 4 + 3] = 0x80000004;
		for (u32 reg = 0x50; reg < 0x90; reg += 4) {
			u32 old = config[reg / 4];
			bool inside = reg >= 0x60 && reg < end;

			writable[reg / 4] = ~0U;
			for (u32 byte = 0; byte < 4; byte++) {
				assert_int_equal(
					set(reg + byte, 1, (old >> 8 * byte & 0xff) ^ 0x40),
					!inside);
				config[reg / 4] = old;
			}
			assert_int_equal(set(reg, 4, old ^ 0x40000000), !inside);
			config[reg / 4] = old;
			assert_true(set(reg, 4, old));
		}
		/* Without the bit for it there is no list. */
		config[1] = 0;
		assert_true(set(first, 4, 0));
	}
}

/* Eight virtual functions of 64 KiB each, whose BAR has 64 bits. */
static void virtual_functions(void **state)
{
	u32 sriov = 0x200, control = sriov + 8, bar = sriov + 0x24;

	(void)state;
	new_function(0);
	config[0x100 / 4] = 0x20010001;
	config[sriov / 4] = 0x30010010;
	config[0x300 / 4] = 0x00010024;
	config[0x308 / 4] = 1 << 5;
	writable[0x308 / 4] = 0x3f00;
	config[sriov / 4 + 3] = 0x00080008;
	writable[control / 4] = 0x1f;
	writable[sriov / 4 + 8] = ~0U;
	config[bar / 4] = 4;
	writable[bar / 4] = 0xffff0000;
	writable[bar / 4 + 1] = ~0U;
	/* The last of them would be there. */
	assert_true(set(bar, 4, RAM - 7 * 0x10000));
	assert_true(set(control, 2, 1));
	assert_false(set(control, 2, 9));
	assert_true(set(bar, 4, RAM - 8 * 0x10000));
	assert_true(set(control, 2, 9));
	assert_false(set(bar, 4, RAM - 7 * 0x10000));
	assert_false(set(bar, 4, RAM + MIB(1) - 0x10000));
	assert_true(set(bar, 4, RAM + MIB(1)));
	assert_true(set(bar + 4, 4, 1));
	assert_true(set(bar, 4, RAM));
	assert_false(set(bar + 4, 4, 0));
	assert_int_equal(config[control / 4], 9);
	/* Nothing changes its size meanwhile. */
	assert_false(set(sriov + 0x20, 4, 2));
	assert_false(set(0x308, 4, 1 << 5 | 0x500));
	assert_true(set(control, 2, 1));
	assert_true(set(sriov + 0x20, 4, 2));
	assert_true(set(0x308, 4, 1 << 5 | 0x500));
}

/* What was there before: BARs, at the address and when they begin to decode. */
static void devices(void **state)
{
	(void)state;
	new_function(0);
	writable[0x10 / 4] = 0xffff0000;
	assert_true(set(0x10, 4, RAM));
	assert_false(set(COMMAND, 2, 2));
	assert_true(set(COMMAND, 2, 1));
	assert_true(set(0x10, 4, FREE));
	assert_true(set(COMMAND, 2, 2));
	fake_console_clear();
	assert_false(set(0x10, 4, RAM));
	assert_false(set(0x10, 4, REGISTERS));
	assert_int_equal(fake_says, 1);
	assert_int_equal(config[0x10 / 4], FREE);
	assert_int_equal(config[COMMAND / 4], 2);
}

/* Nothing of it can be written, wherever it is. */
static void balloons(void **state)
{
	static const u32 ids[] = {0x10021af4, 0x10451af4, 0x10411af4 /* a network card */};
	(void)state;

	for (u32 i = 0; i < ARRAY_SIZE(ids); i++) {
		new_function(0);
		fake_console_clear();
		config[0] = ids[i];
		writable[COMMAND / 4] = 7;
		assert_int_equal(set(COMMAND, 1, 7), i == 2);
		assert_int_equal(set(COMMAND, 4, 0), i == 2);
		assert_int_equal(set(0x84, 2, 1), i == 2);
		assert_int_equal(fake_says, i == 2 ? 0 : 2);
		assert_int_equal(config[COMMAND / 4], 0);
	}
}

/* One that reads as absent, and takes writes all the same. */
static void hidden_function(void **state)
{
	static const struct pci_function p2sb = {.bdf = 0xf9}, atom = {.bdf = 0x68},
					 other = {.segment = 1, .bdf = 0xf9}, vf = {.bdf = 0x181};
	(void)state;

	for (u32 size = 1; size <= 4; size *= 2) {
		u32 value = 0;

		new_function(0);
		config[0] = ~0U;
		assert_false(pci_filter(&machine, &p2sb, 0x10, size, &value));
		assert_false(pci_filter(&machine, &atom, 0x60, size, &value));
		assert_false(pci_filter(&machine, &p2sb, COMMAND, size, &value));
		assert_true(pci_filter(&machine, &p2sb, 0xe0, size, &value));
		assert_true(pci_filter(&machine, &other, 0x10, size, &value));
		assert_true(pci_filter(&machine, &vf, COMMAND, size, &value));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices),       cmocka_unit_test(cardbus),
		cmocka_unit_test(cardbus_ports), cmocka_unit_test(resizable),
		cmocka_unit_test(allocation),    cmocka_unit_test(virtual_functions),
		cmocka_unit_test(balloons),      cmocka_unit_test(hidden_function),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
