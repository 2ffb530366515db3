/* SPDX-License-Identifier: MIT */
/* Writes that end the machine, or would have it sleep. */
#include "guest/power.h"

#include "arch/console.h"
#include "guest/exits.h"
#include "guest/io.h"
#include "guest/watch.h"

#define PORT_BOCHS_END  0x8900

#define KBD_PULSE_RESET 0xf0 /* 0xf0 to 0xff pulse the lines whose bit is 0; bit 0 is the reset */
#define FAST_RESET      BIT(0)
#define RESET_CPU       BIT(2)

/* In the byte that has both: struct acpi_sleep. */
#define SLP_EN          BIT(5)
#define SLP_TYP(byte)   ((byte) >> 2 & 7)

/* PM1_STS: ACPI 6.4, 4.8.3.1.1. Bit 15, as a bit of the upper byte. */
#define WAK_STS         BIT(7)

static bool port_resets(u64 port, u8 byte)
{
	switch (port) {
	case PORT_KBD_COMMAND:
		return byte >= KBD_PULSE_RESET && !(byte & 1);
	case PORT_SYSTEM_A:
		return byte & FAST_RESET;
	case PORT_RESET_CONTROL:
		return byte & RESET_CPU;
	default:
		return false;
	}
}

enum power_effect power_effect(const struct acpi_power *p, u8 space, u64 addr, u8 byte)
{
	for (u32 i = 0; i < p->nr_sleep; i++) {
		const struct acpi_sleep *s = &p->sleep[i];

		if (s->space == space && s->addr == addr && (byte & SLP_EN))
			return p->s5_known && SLP_TYP(byte) == s->s5_typ ? POWER_OFF : POWER_SLEEP;
	}
	if (p->reset.supported && p->reset.space == space && p->reset.addr == addr &&
	    byte == p->reset.value)
		return POWER_RESET;
	if (space != ACPI_SPACE_IO)
		return POWER_NONE;
	if (addr == PORT_BOCHS_END && byte == 'S')
		return POWER_OFF;
	return port_resets(addr, byte) ? POWER_RESET : POWER_NONE;
}

bool power_write(struct machine *m, u8 space, u64 addr, u32 value, u32 size)
{
	static const char *const spaces[] = {"memory", "port", "PCI register"};

	for (u32 i = 0; i < size; i++) {
		u8 byte = value >> 8 * i;

		switch (power_effect(&m->power, space, addr + i, byte)) {
		case POWER_NONE:
			break;
		case POWER_SLEEP:
			say("the guest asks for sleep type %u, which is not soft-off: refused",
			    SLP_TYP(byte));
			m->chipset.woke = true;
			return false;
		case POWER_OFF:
			say("the guest switches the machine off");
			machine_last_words(m, "powering off");
			return true;
		case POWER_RESET:
			say("the guest resets the machine (%s %lx, value %x)", spaces[space],
			    addr + i, byte);
			machine_reset(m);
		}
	}
	return true;
}

static bool write_power(struct vcpu *v, struct io_access *w)
{
	bool may = power_write(v->machine, ACPI_SPACE_IO, w->port, w->value, w->size);
	u16 status = v->machine->power.pm1a_evt;

	/* The guest that went to sleep all the same waits for what tells that it woke up. */
	if (!may && status) {
		v->ops->intercept_port(v, status, true);
		v->ops->intercept_port(v, status + 1, true);
	}
	return may;
}

/* A sleep that was refused ends at once: WAK_STS is set until the guest clears it, by writing it. */
static void read_status(struct vcpu *v, struct io_access *r)
{
	u32 byte = v->machine->power.pm1a_evt + 1U - r->port;

	if (v->machine->chipset.woke && byte < r->size)
		r->value |= WAK_STS << 8 * byte;
}

static bool write_status(struct vcpu *v, struct io_access *w)
{
	u32 byte = v->machine->power.pm1a_evt + 1U - w->port;

	if (byte < w->size && (w->value & WAK_STS << 8 * byte))
		v->machine->chipset.woke = false;
	return true;
}

static int watch_register(struct machine *m, u8 space, u64 addr)
{
	struct io_range range = {.first = (u16)addr, .last = (u16)addr, .write = write_power};

	if (space == ACPI_SPACE_IO && addr <= 0xffff)
		io_watch(m, &range);
	else if (space == ACPI_SPACE_MEMORY)
		return watch_memory(m, addr, addr + 1);
	return 0;
}

int power_watch(struct machine *m)
{
	static const u16 ports[] = {PORT_KBD_COMMAND, PORT_SYSTEM_A, PORT_BOCHS_END};
	const struct acpi_power *p = &m->power;
	u16 status = p->pm1a_evt;
	u64 port = p->reset.addr;

	for (u32 i = 0; i < ARRAY_SIZE(ports); i++)
		watch_register(m, ACPI_SPACE_IO, ports[i]);
	for (u32 i = 0; i < p->nr_sleep; i++) {
		if (watch_register(m, p->sleep[i].space, p->sleep[i].addr) < 0)
			return -1;
	}
	/* Reset control shares its place with PCI's address register, which looks after it. */
	if (p->reset.supported && !(p->reset.space == ACPI_SPACE_IO && port == PORT_RESET_CONTROL) &&
	    watch_register(m, p->reset.space, port) < 0)
		return -1;
	if (status)
		io_watch(m, &(struct io_range){.first = status,
					       .last = status + 1,
					       .later = true,
					       .write = write_status,
					       .read = read_status});
	return 0;
}
