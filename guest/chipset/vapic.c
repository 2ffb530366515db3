/* SPDX-License-Identifier: MIT */
/*
 * QEMU's kvmvapic makes a Windows of long ago faster: its option ROM, of which the firmware tells it by port
 * 7Eh, has a table of words in memory that the device adds a number to, wherever they are and past every
 * IOMMU. Once the firmware has run it, that ROM is RAM. So it is read-only for the guest, and what the guest
 * writes to the port, which would name another, is dropped: the device writes to its own ROM alone. (Switched
 * off, by a ROM of no size, it ends QEMU 7.2 at the next reset.) QEMU, hw/i386/kvmvapic.c.
 */
#include "arch/string.h"
#include "guest/chipset/chipset.h"
#include "guest/chipset/io.h"
#include "guest/machine/hidden.h"
#include "mm/phys/phys.h"

#define PORT_VAPIC     0x7e
#define PORT_VAPIC_END 0x7f

#define ROMS           0xc0000
#define ROMS_END       0xf0000
#define ROM_BLOCK      512
#define ROM_SIZE       2 /* in blocks */

static const char signature[8] = "kvm aPiC";

bool vapic_write(const struct machine *m, u64 gpa)
{
	return gpa < m->chipset.vapic_rom || gpa >= m->chipset.vapic_rom_end;
}

/* Where the ROM is, by whole pages. */
static void find_rom(struct chipset *c)
{
	for (u32 at = ROMS; at < ROMS_END; at += 4) {
		u32 rom = ALIGN_DOWN(at, ROM_BLOCK);

		if (memcmp(phys_ptr(at), signature, sizeof(signature)) != 0)
			continue;
		c->vapic_rom = ALIGN_DOWN(rom, PAGE_SIZE);
		c->vapic_rom_end = rom + *(const u8 *)phys_ptr(rom + ROM_SIZE) * ROM_BLOCK;
		c->vapic_rom_end = ALIGN_UP(c->vapic_rom_end, PAGE_SIZE);
		return;
	}
}

int vapic_watch(struct machine *m)
{
	static const struct io_range range = {PORT_VAPIC, PORT_VAPIC_END, .write = io_refuse};
	struct chipset *c = &m->chipset;

	if (!c->fw_cfg)
		return 0;
	io_watch(m, &range);
	find_rom(c);
	return c->vapic_rom ? watch_memory(m, c->vapic_rom, c->vapic_rom_end) : 0;
}
