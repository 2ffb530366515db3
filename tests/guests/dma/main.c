/* SPDX-License-Identifier: MIT */
/*
 * Has each device that the machine has read and write the hypervisor's memory, the IOMMU's registers
 * and PCI configuration space; and memory of its own, to show that the attempt is sound.
 *
 * On the command line: devices=N: how many of them there are to be found. registers=N: where the IOMMU's
 * registers are, in pages. read=1: the hypervisor's memory is read, and nothing is written; for a
 * machine that lets it be.
 */
#include "tests/guests/dma/dma.h"

#define MMCONFIG 0xb0000000 /* of QEMU's q35 */
#define TRIES    5

static const struct {
	const char *name;
	bool (*transfer)(u64 at, bool *reached);
} devices[] = {
	{"edu reads", edu_read},     {"edu writes", edu_write},       {"e1000 writes", e1000_write},
	{"ahci writes", ahci_write}, {"virtio writes", virtio_write},
};

static u64 hidden_start, hidden_end;

/* The longest range that is no RAM, where RAM is; it begins with the hypervisor's pool, or its image. */
static void find_hidden(void)
{
	for (u32 i = 0; i < memory_ranges; i++) {
		u64 start = memory_map[i].start, end = memory_map[i].end;

		if (memory_map[i].type != MEMORY_RAM && start >= MIB(1) &&
		    end <= memory_end() + MIB(32) && end - start > hidden_end - hidden_start) {
			hidden_start = start;
			hidden_end = end;
		}
	}
	print("dma: the hypervisor's memory is %lx-%lx\n", hidden_start, hidden_end);
}

static void attempt(u32 n, u64 at, const char *what, bool may)
{
	bool reached = may;

	if (devices[n].transfer(at, &reached))
		check(reached == may, "%s %s at %lx: %s", devices[n].name, what, at,
		      may ? "nothing came" : "REACHED");
}

const char *guest_main(void)
{
	u64 own = page_alloc(1, PAGE_SIZE), registers;
	u32 found = 0;

	if (guest_option("fw_cfg"))
		return fw_cfg_write(own) && !memcmp(ptr(own), "QEMU", 4) ? NULL : "no copy";
	find_hidden();
	if (hidden_start == hidden_end)
		return "no memory of a hypervisor";
	map_identity(ALIGN_DOWN(hidden_start, MIB(2)),
		     ALIGN_UP(hidden_end, MIB(2)) - ALIGN_DOWN(hidden_start, MIB(2)));
	registers = (u64)guest_option_number("registers", 0) * PAGE_SIZE;
	for (u32 n = 0; n < (guest_option("read") ? 1 : ARRAY_SIZE(devices)); n++) {
		bool reached;

		memset(ptr(own), 0x5a, PAGE_SIZE);
		if (!devices[n].transfer(own, &reached))
			continue;
		found++;
		check(reached, "%s memory of the guest's own", devices[n].name);
		for (u32 i = 0; i < TRIES; i++)
			attempt(n, hidden_start + i * KIB(64), "the hypervisor's memory", false);
	}
	check(!fw_cfg_write(hidden_start), "fw_cfg writes the hypervisor's memory: REACHED");
	check(found == guest_option_number("devices", 0), "%u devices", found);
	print("dma: %u devices tried\n", found);
	if (registers) {
		volatile u32 *r = ptr(registers);

		attempt(1, registers, "the IOMMU's registers", false);
		attempt(1, MMCONFIG, "configuration space", false);
		map_identity(registers, PAGE_SIZE);
		r[6] = 0x12345678;
		check(r[6] == 0x12345678, "the IOMMU's registers are a page to scribble on");
		check(!acpi_has("DMAR") && !acpi_has("IVRS"), "no table lists an IOMMU");
	}
	return check_end("dma");
}
