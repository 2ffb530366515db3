/* SPDX-License-Identifier: MIT */
/*
 * QEMU's fw_cfg device copies between its files and any physical memory, past every IOMMU: QEMU,
 * docs/specs/fw_cfg. Each such transfer is answered with an error; files are still read by port.
 */
#include "arch/console.h"
#include "arch/insn.h"
#include "guest/chipset/chipset.h"
#include "guest/chipset/io.h"
#include "guest/machine/backend.h"
#include "guest/machine/machine.h"

#define PORT_DMA       0x514 /* the upper half of a structure's address, big-endian; then the lower */
#define PORT_DMA_START 0x518
#define PORT_DMA_END   0x51b

/* What PORT_DMA reads as: "QEMU CFG". Nothing has to be written to find it, on a machine of another kind. */
#define SIGNATURE_HIGH 0x554d4551
#define SIGNATURE_LOW  0x47464320

#define DMA_ERROR      BIT(0) /* of the structure's first word, big-endian */

static bool write_dma(struct vcpu *v, struct io_access *w)
{
	struct chipset *c = &v->machine->chipset;
	u32 error = __builtin_bswap32(DMA_ERROR);
	u64 at;

	if (w->port == PORT_DMA && w->size == 4)
		c->fw_cfg_high = __builtin_bswap32(w->value);
	if (w->port != PORT_DMA_START || w->size != 4)
		return false;
	at = (u64)c->fw_cfg_high << 32 | __builtin_bswap32(w->value);
	c->fw_cfg_high = 0;
	if (machine_may_say(v->machine, LINE_FW_CFG))
		say("the guest asks fw_cfg for DMA: refused, as it always will be");
	if (!(at & 3) && guest_is_ram(&v->machine->guest_paging, at))
		v->machine->paging->write(v, at, &error, sizeof(error));
	return false;
}

void fw_cfg_watch(struct machine *m)
{
	static const struct io_range range = {PORT_DMA, PORT_DMA_END, .write = write_dma};

	m->chipset.fw_cfg =
		in32(PORT_DMA) == SIGNATURE_HIGH && in32(PORT_DMA_START) == SIGNATURE_LOW;
	if (m->chipset.fw_cfg)
		io_watch(m, &range);
}
