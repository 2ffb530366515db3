/* SPDX-License-Identifier: MIT */
/*
 * The shutdown byte, CMOS 0Fh: firmware that finds a warm start in it jumps to the guest's code after a
 * reset, whoever made that, a watchdog included. So the machine's stays zero, and the guest has one
 * of its own. ICH9 datasheet, 13.6: ports 70h to 77h, of which 74h to 77h are aliases.
 */
#include "arch/insn.h"
#include "guest/chipset/chipset.h"
#include "guest/chipset/io.h"
#include "guest/machine/backend.h"
#include "guest/machine/machine.h"

#define PORT_CMOS     0x70
#define PORT_CMOS_END 0x77
#define CMOS_SHUTDOWN 0x0f
#define CMOS_STATUS_D 0x0d
/* Bit 7 of port 70h masks NMIs. */
#define CMOS_INDEX 0x7f

/* True when this index port, 70h or 72h, has been given the shutdown byte's number. */
static bool is_shutdown(const struct chipset *c, u32 bank)
{
	return (c->cmos_index[bank] & CMOS_INDEX) == CMOS_SHUTDOWN;
}

static bool write_cmos(struct vcpu *v, struct io_access *w)
{
	struct chipset *c = &v->machine->chipset;
	u32 bank = w->port >> 1 & 1;

	if (!(w->port & 1)) {
		c->cmos_index[bank] = (u8)w->value;
		return true;
	}
	if (is_shutdown(c, bank))
		c->shutdown = (u8)w->value;
	/* Both index ports: with the upper bank off (RCBA + 3400h), 72h reaches the lower one as well. */
	return !is_shutdown(c, 0) && !is_shutdown(c, 1);
}

static void read_cmos(struct vcpu *v, struct io_access *r)
{
	struct chipset *c = &v->machine->chipset;

	if ((r->port & 1) && is_shutdown(c, r->port >> 1 & 1))
		r->value = c->shutdown;
}

void cmos_clear_shutdown(void)
{
	out8(PORT_CMOS, CMOS_SHUTDOWN);
	out8(PORT_CMOS + 1, 0);
}

void cmos_watch(struct machine *m)
{
	static const struct io_range range = {PORT_CMOS, PORT_CMOS_END, .bytes = true,
					      .write = write_cmos, .read = read_cmos};

	io_watch(m, &range);
	cmos_clear_shutdown();
	out8(PORT_CMOS, CMOS_STATUS_D);
}
