/* SPDX-License-Identifier: MIT */
/*
 * QEMU's firmware configuration device copies to any physical address by a DMA of its own, which goes by
 * no IOMMU: QEMU, docs/specs/fw_cfg. It is for firmware; the guest has the device's data port.
 */
#include "arch/console.h"
#include "arch/insn.h"
#include "guest/exits.h"
#include "guest/io.h"

#define PORT_DMA       0x514 /* an address of eight bytes, big-endian; its last four start the transfer */
#define PORT_DMA_END   0x51b
#define SIGNATURE_HIGH 0x554d4551 /* what it reads as: "QEMU CFG" */
#define SIGNATURE_LOW  0x47464320

static bool write_dma(struct vcpu *v, struct io_access *w)
{
	struct chipset *c = &v->machine->chipset;

	if (!c->fw_cfg_said)
		say("the guest asks QEMU's fw_cfg to copy memory (port %x): refused, as further ones "
		    "will be",
		    w->port);
	c->fw_cfg_said = true;
	return false;
}

void fw_cfg_watch(struct machine *m)
{
	static const struct io_range range = {PORT_DMA, PORT_DMA_END, .write = write_dma};

	if (in32(PORT_DMA) == SIGNATURE_HIGH && in32(PORT_DMA + 4) == SIGNATURE_LOW)
		io_watch(m, &range);
}
