/* SPDX-License-Identifier: MIT */
/* What of the chipset a guest may change: the decisions alone, without a machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "guest/chipset/pci_guard.h"
#include "guest/chipset/power.h"

static const struct pci_id i440fx = {0x8086, 0x1237, 0x0600, 0x00};
static const struct pci_id piix3 = {0x8086, 0x7000, 0x0601, 0x08};
static const struct pci_id piix4_pm = {0x8086, 0x7113, 0x0680, 0x0b};
static const struct pci_id ich9 = {0x8086, 0x2918, 0x0601, 0xf8};
static const struct pci_id amd_root = {0x1022, 0x1450, 0x0600, 0x00};
static const struct pci_id amd_map = {0x1022, 0x1601, 0x0600, 0xc1};
static const struct pci_id other_isa = {0x1106, 0x0686, 0x0601, 0x38};
static const struct pci_id iommu = {0x1022, 0x1451, 0x0806, 0x02};
static const struct pci_id nic = {0x8086, 0x100e, 0x0200, 0x18};
static const struct pci_id bridge = {0x8086, 0x3420, 0x0604, 0x10};

/* All registers from 40h on are closed, but for [first, last]. */
static void only_open(const struct pci_id *id, u32 first, u32 last, u32 first2, u32 last2)
{
	assert_true(pci_is_guarded(id));
	for (u32 reg = 0; reg < 0x1000; reg++) {
		bool open = reg < 0x40 ? reg != 0x0a && reg != 0x0b && (id != &iommu || reg != 4)
				       : (reg >= first && reg <= last) ||
						 (reg >= first2 && reg <= last2);

		assert_int_equal(pci_is_open(id, reg), open);
	}
}

static void registers(void **state)
{
	(void)state;
	only_open(&i440fx, 1, 0, 1, 0);
	only_open(&piix3, 0x60, 0x63, 0x82, 0x82);
	only_open(&piix4_pm, 1, 0, 1, 0);
	only_open(&ich9, 0x60, 0x64, 0x68, 0x6b);
	only_open(&amd_root, 0x60, 0x63, 0xb8, 0xbb);
	only_open(&amd_map, 1, 0, 1, 0);
	only_open(&other_isa, 1, 0, 1, 0);
	only_open(&iommu, 1, 0, 1, 0);
	for (u32 reg = 0; reg < 0x1000; reg++)
		assert_true(pci_is_open(&nic, reg) && pci_is_open(&bridge, reg));
}

static void southbridge(void **state)
{
	(void)state;
	for (u32 reg = 0; reg < 256; reg++)
		assert_int_equal(fch_is_open((u8)reg),
				 (reg < 0x20 || reg > 0x2f) && (reg < 0x60 || reg > 0x6f));
}

static void is_range(struct memmap_range r, u64 start, u64 end)
{
	assert_int_equal(r.start < r.end, start != end);
	if (start == end)
		return;
	assert_int_equal(r.start, start);
	assert_int_equal(r.end, end);
}

static void bar(u32 low, u32 high, u32 mask_low, u32 mask_high, u64 start, u64 end)
{
	is_range(pci_bar_range(low, high, mask_low, mask_high), start, end);
}

static void ports(u32 value, u32 mask, u64 start, u64 end)
{
	is_range(pci_io_bar_range(value, mask), start, end);
}

static void io_window(u32 word, u32 high, u64 start, u64 end)
{
	is_range(pci_io_window_range(word, high), start, end);
}

/* BARs of 32 and of 16 bits, and bridges' windows: closed, of 16 bits, of 32. */
static void io_ranges(void **state)
{
	(void)state;
	ports(0xc001, 0xffffffe1, 0xc000, 0xc020);
	ports(0x61, 0xfff1, 0x60, 0x70);
	ports(1, 1, 0, 0);
	ports(0x1fd, 0xfffffffd, 0x1fc, 0x200);
	io_window(0x00f0, 0, 0, 0);
	io_window(0xd0c0, 0, 0xc000, 0xe000);
	io_window(0, 0, 0, 0x1000);
	io_window(0x2111, 0x00010001, 0x11000, 0x13000);
}

static void bars(void **state)
{
	(void)state;
	bar(0xfd000008, 0, 0xff000008, ~0U, 0xfd000000, 0xfe000000);
	bar(0xffffffff, 0, 0xfffff000, ~0U, 0xfffff000, GIB(4));
	bar(0, 0, 0, ~0U, 0, 0);               /* there is none */
	bar(0xc001, 0, 0xffffffe1, ~0U, 0, 0); /* I/O: below */
	bar(0xf000000c, 1, 0xfff0000c, ~0U, GIB(4) + 0xf0000000, GIB(4) + 0xf0100000);
	/* 8 GiB: no bit of the lower word can be set. */
	bar(0x0000000c, 6, 0x0000000c, 0xfffffffe, GIB(24), GIB(32));
	/* Low bits of a value that the guest is about to write say nothing. */
	bar(0x1234567f, 0, 0xfffff000, ~0U, 0x12345000, 0x12346000);
}

static void windows(void **state)
{
	(void)state;
	is_range(pci_window_range(0xfebffea0, 0, 0), 0xfea00000, 0xfec00000);
	is_range(pci_window_range(0x0000fff0, 0, 0), 0, 0);
	is_range(pci_window_range(0x00010001, 8, 9), GIB(32), GIB(36) + MIB(1));
}

static struct acpi_power acpi = {
	.smi_cmd = 0xb2,
	.acpi_enable = 0xf1,
	.acpi_disable = 0xf0,
	.pstate_cnt = 0x80,
	.nr_sleep = 3,
	.sleep = {{ACPI_SPACE_IO, 0x605, 0},
		  {ACPI_SPACE_IO, 0x609, 5},
		  {ACPI_SPACE_MEMORY, 0xfea00200, 0}},
	.s5_known = true,
	.reset = {true, ACPI_SPACE_PCI, 0x1f00000044, 0x12},
};

static enum power_effect effect(u8 space, u64 addr, u8 byte)
{
	return power_effect(&acpi, space, addr, byte);
}

static void sleep_and_off(void **state)
{
	(void)state;
	for (u32 byte = 0; byte < 256; byte++) {
		bool go = byte & 0x20;

		assert_int_equal(effect(ACPI_SPACE_IO, 0x605, byte), !go           ? POWER_NONE
								     : byte & 0x1c ? POWER_SLEEP
										   : POWER_OFF);
		assert_int_equal(effect(ACPI_SPACE_MEMORY, 0xfea00200, byte), !go ? POWER_NONE
									      : byte & 0x1c
										      ? POWER_SLEEP
										      : POWER_OFF);
		assert_int_equal(effect(ACPI_SPACE_IO, 0x604, byte), POWER_NONE);
		assert_int_equal(effect(ACPI_SPACE_MEMORY, 0x605, byte), POWER_NONE);
	}
	assert_int_equal(effect(ACPI_SPACE_IO, 0x609, 0x34), POWER_OFF);
	assert_int_equal(effect(ACPI_SPACE_IO, 0x609, 0x20), POWER_SLEEP);
	acpi.s5_known = false;
	assert_int_equal(effect(ACPI_SPACE_IO, 0x605, 0x20), POWER_SLEEP);
	acpi.s5_known = true;
}

static void resets(void **state)
{
	(void)state;
	for (u32 byte = 0; byte < 256; byte++) {
		assert_int_equal(effect(ACPI_SPACE_IO, 0xcf9, byte),
				 byte & 4 ? POWER_RESET : POWER_NONE);
		assert_int_equal(effect(ACPI_SPACE_IO, 0x92, byte),
				 byte & 1 ? POWER_RESET : POWER_NONE);
		assert_int_equal(effect(ACPI_SPACE_IO, 0x64, byte),
				 byte >= 0xf0 && !(byte & 1) ? POWER_RESET : POWER_NONE);
		assert_int_equal(effect(ACPI_SPACE_PCI, 0x1f00000044, byte),
				 byte == 0x12 ? POWER_RESET : POWER_NONE);
		assert_int_equal(effect(ACPI_SPACE_IO, 0xcf8, byte), POWER_NONE);
	}
}

static bool ends(u8 *letters, const char *text)
{
	bool end = false;

	while (*text) {
		assert_false(end);
		end = bochs_ends(letters, (u8)*text++);
	}
	return end;
}

/* As Bochs has it: a letter out of turn is not counted, and what is none begins anew. */
static void bochs_word(void **state)
{
	u8 letters = 0;

	(void)state;
	for (u32 i = 0; i < 100; i++)
		assert_false(ends(&letters, "S"));
	assert_false(ends(&letters, "hut downShutdow"));
	assert_true(ends(&letters, "n"));
	letters = 0;
	assert_true(ends(&letters, "SSnhhwutdown"));
	letters = 0;
	assert_false(ends(&letters, "Shutdow"));
	/* A wider value is another one. */
	assert_false(bochs_ends(&letters, 'n' << 8));
	assert_false(ends(&letters, "n"));
	assert_true(ends(&letters, "Shutdown"));
	for (u32 byte = 0; byte < 256; byte++)
		assert_int_equal(effect(ACPI_SPACE_IO, 0x8900, (u8)byte), POWER_NONE);
}

static void smis(void **state)
{
	static const struct acpi_power none = {0};

	(void)state;
	for (u32 byte = 0; byte < 256; byte++) {
		assert_int_equal(smi_is_allowed(&acpi, 0xb2, byte),
				 byte == 0xf0 || byte == 0xf1 || byte == 0x80);
		assert_false(smi_is_allowed(&acpi, 0xb3, byte));
		assert_false(smi_is_allowed(&none, 0xb2, byte));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(registers),  cmocka_unit_test(southbridge),
		cmocka_unit_test(io_ranges),  cmocka_unit_test(bars),
		cmocka_unit_test(windows),    cmocka_unit_test(sleep_and_off),
		cmocka_unit_test(resets),     cmocka_unit_test(smis),
		cmocka_unit_test(bochs_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
