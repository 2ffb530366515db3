/* SPDX-License-Identifier: MIT */
/*
 * QEMU's NVDIMMs take a request by its address, which is written to a port, and write the answer there: to any
 * physical memory, past every IOMMU. QEMU, docs/specs/acpi_nvdimm, hw/acpi/nvdimm.c. No request gets
 * through: the memory itself is used without any, its labels are not to be had.
 */
#include "arch/console.h"
#include "guest/chipset/chipset.h"
#include "guest/chipset/io.h"
#include "guest/machine/machine.h"

#define PORT_NVDIMM     0xa18
#define PORT_NVDIMM_END 0xa1b

static bool write_request(struct vcpu *v, struct io_access *w)
{
	(void)w;
	if (machine_may_say(v->machine, LINE_NVDIMM))
		say("the guest asks an NVDIMM for an answer in memory: refused, as it always will be");
	return false;
}

void nvdimm_watch(struct machine *m)
{
	static const struct io_range range = {PORT_NVDIMM, PORT_NVDIMM_END, .write = write_request};

	if (m->chipset.fw_cfg)
		io_watch(m, &range);
}
