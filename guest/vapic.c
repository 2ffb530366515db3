/* SPDX-License-Identifier: MIT */
/*
 * QEMU's kvmvapic makes a Windows of long ago faster: its option ROM, of which the firmware tells it by port
 * 7Eh, has a table of words in memory that the device adds a number to, wherever they are and past every
 * IOMMU. The guest can write to that ROM. So the device is told that there is none, and what the guest writes to
 * the port is dropped. QEMU, hw/i386/kvmvapic.c.
 */
#include "arch/insn.h"
#include "arch/string.h"
#include "guest/exits.h"
#include "guest/io.h"
#include "mm/phys.h"

#define PORT_VAPIC     0x7e
#define PORT_VAPIC_END 0x7f

#define ROMS           0xc0000
#define ROMS_END       0xf0000
#define ROM_BLOCK      512
#define ROM_SIZE       2 /* in blocks */

static const char signature[8] = "kvm aPiC";

static bool drop(struct vcpu *v, struct io_access *w)
{
	(void)v;
	(void)w;
	return false;
}

/* Two bytes to the port have the device look at its ROM again: one of no size switches it off. */
static void switch_off(void)
{
	for (u32 at = ROMS; at < ROMS_END; at += 4) {
		u8 *size = phys_ptr(ALIGN_DOWN(at, ROM_BLOCK) + ROM_SIZE);

		if (memcmp(phys_ptr(at), signature, sizeof(signature)) != 0)
			continue;
		*(volatile u8 *)size = 0;
		out16(PORT_VAPIC, 0);
	}
}

void vapic_watch(struct machine *m)
{
	static const struct io_range range = {PORT_VAPIC, PORT_VAPIC_END, .write = drop};

	if (!m->chipset.fw_cfg)
		return;
	switch_off();
	io_watch(m, &range);
}
