/* SPDX-License-Identifier: MIT */
/*
 * virtio's balloon (virtio 1.1, 5.5) gives the machine below pages that it is told by number, whichever they
 * are, and past every IOMMU: they read as zeros from then on. On QEMU it takes them with bus mastering off as
 * well. So it decodes nothing, and no register of it can be written: one is another way to its memory. The guest
 * does not find it; one that is plugged in later, or has got another number, it cannot switch on.
 */
#include "arch/console.h"
#include "arch/io.h"
#include "guest/chipset/chipset.h"
#include "guest/chipset/io.h"
#include "guest/chipset/pci_guard.h"
#include "guest/machine/hidden.h"

#define FUNCTIONS 8     /* of a device */
#define BDF_END   65536 /* of a segment's functions */

static bool is_one(const struct machine *m, u32 bdf)
{
	for (u32 i = 0; i < m->chipset.nr_balloons; i++) {
		if (m->chipset.balloon[i] == bdf)
			return true;
	}
	return false;
}

/* For the guest, of the function that the address register names. */
static void read_data(struct vcpu *v, struct io_access *r)
{
	u32 address = in32(PORT_PCI_ADDRESS);

	if ((address & PCI_CONFIG_ENABLE) && is_one(v->machine, (u16)(address >> 8)))
		r->value = ~0U;
}

/* In the windows of PCI Express. 0; -1 after a fail() line. */
static int hide(struct machine *m, u16 bdf)
{
	for (u32 i = 0; i < m->chipset.nr_ecam; i++) {
		const struct ecam *e = &m->chipset.ecam[i];
		u64 page = e->base + ((u64)bdf << PAGE_SHIFT);

		if (!e->segment && page >= e->start && page < e->end &&
		    memory_hide(m, page, page + PAGE_SIZE) < 0)
			return -1;
	}
	return 0;
}

/* 0; -1 after a fail() line. */
static int take(struct machine *m, const struct pci_function *f)
{
	struct chipset *c = &m->chipset;
	struct pci_id id = pci_identify(f);

	if (!pci_is_balloon(&id))
		return 0;
	if (c->nr_balloons == BALLOONS_MAX)
		return fail("more than %u memory balloons on PCI, all of which notrap has to hide: "
			    "take some out of the machine",
			    BALLOONS_MAX);
	pci_write(f, PCI_COMMAND, 2, 0);
	c->balloon[c->nr_balloons++] = f->bdf;
	say("PCI 0000:%02x:%02x.%x is a memory balloon, which would take any memory: switched off, and the "
	    "guest does not find it",
	    f->bdf >> 8, f->bdf >> 3 & 31, f->bdf & 7);
	return hide(m, f->bdf);
}

int balloon_hide(struct machine *m)
{
	static const struct io_range data = {PORT_PCI_DATA, PORT_PCI_DATA + 3, .read = read_data};
	struct pci_function f = {0};

	for (u32 bdf = 0; bdf < BDF_END; bdf += FUNCTIONS) {
		u32 nr = 1;

		f.bdf = (u16)bdf;
		if (pci_read(&f, PCI_VENDOR, 2) == 0xffff)
			continue;
		if (pci_read(&f, PCI_HEADER_TYPE, 1) & PCI_TYPE_MULTI)
			nr = FUNCTIONS;
		for (; nr; nr--, f.bdf++) {
			if (take(m, &f) < 0)
				return -1;
		}
	}
	if (m->chipset.nr_balloons)
		io_watch(m, &data);
	return 0;
}
