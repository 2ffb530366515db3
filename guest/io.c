/* SPDX-License-Identifier: MIT */
/*
 * The few ports that end or reset the machine: the final report first, then the real write. All
 * other ports are the guest's.
 */
#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "guest/exits.h"
#include "guest/power.h"

#define PORT_SYSTEM_A   0x92 /* bit 0: fast reset */
#define PORT_BOCHS_END  0x8900

#define KBD_PULSE_RESET 0xf0 /* 0xf0 to 0xff pulse the lines whose bit is 0; bit 0 is the reset */
#define RESET_CPU       BIT(2)

/* A write of up to four bytes, cut down to the one byte or word that a register has at `port`. */
struct port_write {
	u16 port;
	u8 size;
	u32 value;
};

/* The byte that goes to a port, or false when the write does not touch it. */
static bool byte_at(const struct port_write *w, u16 port, u8 *byte)
{
	if (!port || port < w->port || port >= w->port + w->size)
		return false;
	*byte = w->value >> 8 * (port - w->port);
	return true;
}

/* A write to the upper byte of PM1_CNT with SLP_EN: ACPI 6.4, 4.8.3.2.1. */
static bool enters_sleep(const struct port_write *w, u16 pm1_cnt, u8 *type)
{
	u8 high;

	if (!pm1_cnt || !byte_at(w, pm1_cnt + 1, &high) || !(high & (PM1_SLP_EN >> 8)))
		return false;
	*type = high >> (PM1_SLP_TYP_SHIFT - 8) & 7;
	return true;
}

static bool resets(const struct machine *machine, const struct port_write *w)
{
	u8 byte;

	if (byte_at(w, PORT_KBD_COMMAND, &byte) && byte >= KBD_PULSE_RESET && !(byte & 1))
		return true;
	if (byte_at(w, PORT_SYSTEM_A, &byte) && (byte & 1))
		return true;
	/* A wider access there is PCI's CONFIG_ADDRESS. */
	if (w->port == PORT_RESET_CONTROL && w->size == 1 && (w->value & RESET_CPU))
		return true;
	return machine->power.reset.supported && machine->power.reset.space == ACPI_SPACE_IO &&
	       byte_at(w, machine->power.reset.addr, &byte) && byte == machine->power.reset.value;
}

/* Returns false when the write must not be done. */
static bool before_write(struct machine *machine, const struct port_write *w)
{
	const struct acpi_power *p = &machine->power;
	bool a, b;
	u8 type, byte;

	a = enters_sleep(w, p->pm1a_cnt, &type);
	b = !a && enters_sleep(w, p->pm1b_cnt, &type);
	if (a || b) {
		if (p->s5_known && type != (a ? p->s5_typ_a : p->s5_typ_b)) {
			/* It would wake up without the hypervisor. */
			say("the guest asks for sleep type %u, which is not soft-off: refused",
			    type);
			return false;
		}
		say("the guest switches the machine off");
		machine_last_words(machine, "powering off");
	} else if (resets(machine, w)) {
		say("the guest resets the machine (port %x, value %x)", w->port, w->value);
		machine_last_words(machine, "resetting");
	} else if (byte_at(w, PORT_BOCHS_END, &byte) && byte == 'S') {
		say("the guest ends the emulator");
		machine_last_words(machine, "powering off");
	}
	return true;
}

static void port_out(const struct port_write *w)
{
	if (w->size == 1)
		out8(w->port, (u8)w->value);
	else if (w->size == 2)
		out16(w->port, (u16)w->value);
	else
		out32(w->port, w->value);
}

void handle_io(struct vcpu *v, const struct vmexit *exit)
{
	struct port_write w = {
		.port = exit->io.port, .size = exit->io.size, .value = (u32)v->gpr[RAX]};

	if (exit->io.string) {
		say("string I/O to port %x at rip %lx is not offered: #GP", w.port, v->rip);
		inject_gp(v);
		return;
	}
	if (w.size < 4)
		w.value &= BIT(8 * w.size) - 1;
	if (!exit->io.in) {
		if (before_write(v->machine, &w))
			port_out(&w);
	} else if (w.size == 1) {
		v->gpr[RAX] = (v->gpr[RAX] & ~0xffULL) | in8(w.port);
	} else if (w.size == 2) {
		v->gpr[RAX] = (v->gpr[RAX] & ~0xffffULL) | in16(w.port);
	} else {
		v->gpr[RAX] = in32(w.port);
	}
	watch_port(v, w.port, w.size);
	insn_skip(v, exit);
}

void intercept_ports(struct vcpu *v)
{
	const struct acpi_power *p = &v->machine->power;
	const u16 ports[] = {PORT_KBD_COMMAND, PORT_SYSTEM_A, PORT_RESET_CONTROL, PORT_BOCHS_END};

	for (u32 i = 0; i < ARRAY_SIZE(ports); i++)
		v->ops->intercept_port(v, ports[i]);
	if (p->pm1a_cnt)
		v->ops->intercept_port(v, p->pm1a_cnt + 1);
	if (p->pm1b_cnt)
		v->ops->intercept_port(v, p->pm1b_cnt + 1);
	if (p->reset.supported && p->reset.space == ACPI_SPACE_IO)
		v->ops->intercept_port(v, p->reset.addr);
}
