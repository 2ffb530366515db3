/* SPDX-License-Identifier: MIT */
/*
 * The A20 gate: closed, it takes the odd megabytes away, the hypervisor's own among them. So it stays
 * open in the machine, whatever the guest asks for. PIIX3 datasheet, "Port 92"; 8042: command D1h and
 * its relatives.
 *
 * Controllers differ in which commands take a byte. So D1h is kept back until its byte is there, and both
 * go to the controller together, with A20 set: nothing is ever pending there that the guest has begun.
 */
#include "arch/insn.h"
#include "guest/chipset/chipset.h"
#include "guest/chipset/io.h"
#include "guest/chipset/power.h"
#include "guest/machine/backend.h"
#include "guest/machine/machine.h"

#define PORT_OLD_GATE 0xee /* of some early chips: a write closes it */

#define A20           BIT(1) /* in port 92h, in the controller's output port, in a pulse */
#define OUTPUT_RESET  BIT(0) /* in the output port: low resets */

#define KBD_OUTPUT    0xd1 /* the next byte is the output port */
#define KBD_CLOSE     0xdd
#define KBD_PULSE     0xf0
#define KBD_BUSY      BIT(1) /* in the status: it has not read the last byte yet */
#define KBD_TIME      10000  /* microseconds at most until it has */

static void expect_output(struct vcpu *v, bool on)
{
	if (v->machine->chipset.output_follows == on)
		return;
	v->machine->chipset.output_follows = on;
	v->ops->intercept_port(v, PORT_KBD_DATA, on);
}

static bool write_kbd_command(struct vcpu *v, struct io_access *w)
{
	u8 command = (u8)w->value;

	expect_output(v, command == KBD_OUTPUT);
	if (command >= KBD_PULSE)
		w->value |= A20;
	return command != KBD_CLOSE && command != KBD_OUTPUT;
}

/* A read of a port takes about a microsecond. */
static bool is_ready(void)
{
	for (u32 i = 0; i < KBD_TIME; i++) {
		if (!(in8(PORT_KBD_COMMAND) & KBD_BUSY))
			return true;
	}
	return false;
}

static bool write_kbd_data(struct vcpu *v, struct io_access *w)
{
	if (!v->machine->chipset.output_follows)
		return true;
	expect_output(v, false);
	/* Bit 0 is the CPU's reset line, which command FEh pulses: the same reset. */
	if (!(w->value & OUTPUT_RESET))
		power_write(v->machine, ACPI_SPACE_IO, PORT_KBD_COMMAND, 0xfe, 1);
	if (is_ready()) {
		out8(PORT_KBD_COMMAND, KBD_OUTPUT);
		/* If the controller does not take it in time, the next command replaces it. */
		if (is_ready())
			out8(PORT_KBD_DATA, (u8)(w->value | A20));
	}
	return false;
}

static bool write_system_a(struct vcpu *v, struct io_access *w)
{
	v->machine->chipset.a20_closed = !(w->value & A20);
	w->value |= A20;
	return true;
}

static void read_system_a(struct vcpu *v, struct io_access *r)
{
	if (v->machine->chipset.a20_closed)
		r->value &= ~A20;
}

void a20_watch(struct machine *m)
{
	static const struct io_range ranges[] = {
		{PORT_KBD_COMMAND, PORT_KBD_COMMAND, .bytes = true, .write = write_kbd_command},
		{PORT_KBD_DATA, PORT_KBD_DATA, .bytes = true, .later = true,
		 .write = write_kbd_data},
		{PORT_SYSTEM_A, PORT_SYSTEM_A, .bytes = true, .write = write_system_a,
		 .read = read_system_a},
		{PORT_OLD_GATE, PORT_OLD_GATE, .bytes = true, .write = io_refuse},
	};

	for (u32 i = 0; i < ARRAY_SIZE(ranges); i++)
		io_watch(m, &ranges[i]);
}
