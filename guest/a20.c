/* SPDX-License-Identifier: MIT */
/*
 * The A20 gate: closed, it takes the odd megabytes away, the hypervisor's own among them. So it stays
 * open in the machine, whatever the guest asks for. PIIX3 datasheet, "Port 92"; 8042: command D1h and
 * its relatives.
 */
#include "guest/exits.h"
#include "guest/io.h"
#include "guest/power.h"

#define PORT_OLD_GATE 0xee /* of some early chips: a write closes it */

#define A20           BIT(1) /* in port 92h, in the controller's output port, in a pulse */
#define OUTPUT_RESET  BIT(0) /* in the output port: low resets */

#define KBD_WRITE_CCB 0x60 /* 60h to 7fh take a byte */
#define KBD_OUTPUT    0xd1 /* the next byte is the output port */
#define KBD_CLOSE     0xdd
#define KBD_PULSE     0xf0

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

	/* Commands that take a byte take the one that follows; others leave it to the last that does. */
	if (command == KBD_OUTPUT)
		expect_output(v, true);
	else if ((command >= KBD_WRITE_CCB && command < 0x80) ||
		 (command > KBD_OUTPUT && command < 0xd5))
		expect_output(v, false);
	if (command >= KBD_PULSE)
		w->value |= A20;
	return command != KBD_CLOSE;
}

static bool write_kbd_data(struct vcpu *v, struct io_access *w)
{
	if (!v->machine->chipset.output_follows)
		return true;
	expect_output(v, false);
	/* The same line as a pulse of it. */
	if (!(w->value & OUTPUT_RESET))
		power_write(v->machine, ACPI_SPACE_IO, PORT_KBD_COMMAND, 0xfe, 1);
	w->value |= A20;
	return true;
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

static bool refuse(struct vcpu *v, struct io_access *w)
{
	(void)v;
	(void)w;
	return false;
}

void a20_watch(struct machine *m)
{
	static const struct io_range ranges[] = {
		{PORT_KBD_COMMAND, PORT_KBD_COMMAND, .bytes = true, .write = write_kbd_command},
		{PORT_KBD_DATA, PORT_KBD_DATA, .bytes = true, .later = true,
		 .write = write_kbd_data},
		{PORT_SYSTEM_A, PORT_SYSTEM_A, .bytes = true, .write = write_system_a,
		 .read = read_system_a},
		{PORT_OLD_GATE, PORT_OLD_GATE, .bytes = true, .write = refuse},
	};

	for (u32 i = 0; i < ARRAY_SIZE(ranges); i++)
		io_watch(m, &ranges[i]);
}
