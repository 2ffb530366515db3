/* SPDX-License-Identifier: MIT */
/*
 * The shutdown byte, CMOS 0Fh: firmware that finds a warm start in it jumps to the guest's code after a
 * reset, whoever made that, a watchdog included. So the machine's stays zero, and the guest has one
 * of its own. ICH9 datasheet, 13.6: ports 70h to 77h, of which 74h to 77h are aliases.
 */
#include "arch/insn.h"
#include "guest/chipset.h"
#include "guest/exits.h"

#define PORT_CMOS     0x70
#define PORT_CMOS_END 0x77
#define CMOS_SHUTDOWN 0x0f
#define CMOS_STATUS_D 0x0d
/* Bit 7 of port 70h masks NMIs. */
#define CMOS_INDEX 0x7f

/* True when the data port of an access is the shutdown byte's; an index port's write is taken down. */
static bool is_shutdown(struct chipset *c, const struct io_access *a)
{
	u32 bank = a->port >> 1 & 1;

	return (a->port & 1) && (c->cmos_index[bank] & CMOS_INDEX) == CMOS_SHUTDOWN;
}

static bool write_cmos(struct vcpu *v, struct io_access *w)
{
	struct chipset *c = &v->machine->chipset;

	if (!(w->port & 1))
		c->cmos_index[w->port >> 1 & 1] = (u8)w->value;
	if (!is_shutdown(c, w))
		return true;
	c->shutdown = (u8)w->value;
	return false;
}

static void read_cmos(struct vcpu *v, struct io_access *r)
{
	struct chipset *c = &v->machine->chipset;

	if (is_shutdown(c, r))
		r->value = c->shutdown;
}

void cmos_watch(struct machine *m)
{
	static const struct io_range range = {PORT_CMOS, PORT_CMOS_END, .bytes = true,
					      .write = write_cmos, .read = read_cmos};

	io_watch(m, &range);
	out8(PORT_CMOS, CMOS_SHUTDOWN);
	out8(PORT_CMOS + 1, 0);
	out8(PORT_CMOS, CMOS_STATUS_D);
}
