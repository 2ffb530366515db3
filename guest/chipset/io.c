/* SPDX-License-Identifier: MIT */
/* An access to ports goes by the ranges that it touches, and then to the machine. */
#include "guest/chipset/io.h"

#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/io.h"
#include "guest/machine/backend.h"
#include "guest/machine/machine.h"

void io_watch(struct machine *m, const struct io_range *range)
{
	if (m->chipset.nr_io == IO_RANGES_MAX)
		die("more than %u ranges of ports to watch", IO_RANGES_MAX);
	m->chipset.io[m->chipset.nr_io++] = *range;
}

bool io_refuse(struct vcpu *v, struct io_access *w)
{
	(void)v;
	(void)w;
	return false;
}

void intercept_ports(struct vcpu *v)
{
	const struct chipset *c = &v->machine->chipset;

	for (u32 i = 0; i < c->nr_io; i++) {
		for (u32 port = c->io[i].first; !c->io[i].later && port <= c->io[i].last; port++)
			v->ops->intercept_port(v, (u16)port, true);
	}
}

static bool touches(const struct io_range *range, const struct io_access *a)
{
	return range->first < a->port + a->size && a->port <= range->last;
}

/* What is not aligned crosses from one register to another, and the bus has it in pieces as well. */
static bool goes_by_bytes(const struct chipset *c, const struct io_access *a)
{
	if (a->size == 1)
		return false;
	if (a->port & (a->size - 1))
		return true;
	for (u32 i = 0; i < c->nr_io; i++) {
		if (c->io[i].bytes && touches(&c->io[i], a))
			return true;
	}
	return false;
}

static void write_port(struct vcpu *v, struct io_access w)
{
	const struct chipset *c = &v->machine->chipset;

	for (u32 i = 0; i < c->nr_io; i++) {
		if (c->io[i].write && touches(&c->io[i], &w) && !c->io[i].write(v, &w))
			return;
	}
	port_out(w.port, w.size, w.value);
}

static u32 read_port(struct vcpu *v, u16 port, u8 size)
{
	const struct chipset *c = &v->machine->chipset;
	struct io_access r = {port, size, port_in(port, size)};

	for (u32 i = 0; i < c->nr_io; i++) {
		if (c->io[i].read && touches(&c->io[i], &r))
			c->io[i].read(v, &r);
	}
	return r.value;
}

u32 port_access(struct vcpu *v, const struct io_access *a, bool in)
{
	u32 step = goes_by_bytes(&v->machine->chipset, a) ? 1 : a->size, value = 0;

	for (u32 i = 0; i < a->size; i += step) {
		u16 port = (u16)(a->port + i);

		if (in)
			value |= read_port(v, port, (u8)step) << 8 * i;
		else
			write_port(v, (struct io_access){port, (u8)step, a->value >> 8 * i});
	}
	return value;
}
