/* SPDX-License-Identifier: MIT */
/* Port accesses that exited: each goes by the ranges that it touches, and then to the machine. */
#include "guest/chipset/io.h"

#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "guest/exit/exits.h"

void io_watch(struct machine *m, const struct io_range *range)
{
	if (m->chipset.nr_io == IO_RANGES_MAX)
		die("more than %u ranges of ports to watch", IO_RANGES_MAX);
	m->chipset.io[m->chipset.nr_io++] = *range;
}

void intercept_ports(struct vcpu *v)
{
	const struct chipset *c = &v->machine->chipset;

	for (u32 i = 0; i < c->nr_io; i++) {
		for (u32 port = c->io[i].first; !c->io[i].later && port <= c->io[i].last; port++)
			v->ops->intercept_port(v, (u16)port, true);
	}
}

u32 port_in(u16 port, u8 size)
{
	return size == 1 ? in8(port) : size == 2 ? in16(port) : in32(port);
}

void port_out(const struct io_access *w)
{
	if (w->size == 1)
		out8(w->port, (u8)w->value);
	else if (w->size == 2)
		out16(w->port, (u16)w->value);
	else
		out32(w->port, w->value);
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
	port_out(&w);
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

void handle_io(struct vcpu *v, const struct vmexit *exit)
{
	struct io_access a = {.port = exit->io.port, .size = exit->io.size};
	u64 mask = a.size < 4 ? BIT(8 * a.size) - 1 : ~0U;
	u32 value;

	/* It runs again, until the port is its own. */
	if (unlikely(v->console_held) && console_holds(a.port, a.size)) {
		console_exit(v);
		return;
	}
	if (exit->io.string) {
		handle_string_io(v, exit);
		return;
	}
	if (!exit->io.in)
		a.value = (u32)(v->gpr[RAX] & mask);
	value = port_access(v, &a, exit->io.in);
	/* A 32-bit result clears what is above, a smaller one keeps it. */
	if (exit->io.in)
		v->gpr[RAX] = (a.size == 4 ? 0 : v->gpr[RAX] & ~mask) | (value & mask);
	watch_port(v, a.port, a.size);
	insn_skip(v, exit);
}
