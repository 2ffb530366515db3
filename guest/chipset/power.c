/* SPDX-License-Identifier: MIT */
/* Writes that end the machine, or would have it sleep. */
#include "guest/chipset/power.h"

#include "arch/console.h"
#include "arch/io.h"
#include "guest/chipset/end.h"
#include "guest/chipset/io.h"
#include "guest/firmware/pci.h"
#include "guest/machine/backend.h"
#include "guest/machine/hidden.h"
#include "guest/machine/machine.h"
#include "mm/phys/map.h"
#include "mm/phys/phys.h"

/* PM1_STS: ACPI 6.4, 4.8.3.1.1. Bit 15, as a bit of the upper byte. */
#define WAK_STS BIT(7)

void power_put(u8 space, u64 addr, u32 value, u32 size)
{
	struct pci_function f = {.bdf = (u16)((addr >> 32 & 31) << 3 | (addr >> 16 & 7))};

	if (space == ACPI_SPACE_IO)
		port_out((u16)addr, size, value);
	else if (space == ACPI_SPACE_PCI)
		pci_write(&f, addr & 0xff, size, value);
	else if (addr + size <= map_end())
		mmio_write(phys_ptr(addr), size, value);
}

/* The guest's own write; and what the tables say, should it have begun with a part of that. */
NORETURN static void go_off(struct machine *m, u8 space, u64 addr, u32 value, u32 size)
{
	say("the guest switches the machine off");
	machine_last_words(m, "powering off");
	power_put(space, addr, value, size);
	machine_soft_off(&m->power);
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
			if (machine_may_say(m, LINE_SLEEP))
				say("the guest asks for sleep type %u, which is not soft-off: refused, "
				    "as it always will be",
				    SLP_TYP(byte));
			m->chipset.woke = true;
			return false;
		case POWER_OFF:
			go_off(m, space, addr, value, size);
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

static bool write_bochs_end(struct vcpu *v, struct io_access *w)
{
	struct machine *m = v->machine;

	if (m->power.bochs && w->port == PORT_BOCHS_END &&
	    bochs_ends(&m->chipset.letters, w->value))
		go_off(m, ACPI_SPACE_IO, w->port, w->value, w->size);
	return true;
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
	static const u16 ports[] = {PORT_KBD_COMMAND, PORT_SYSTEM_A};
	const struct acpi_power *p = &m->power;
	u16 status = p->pm1a_evt;
	u64 port = p->reset.addr;

	for (u32 i = 0; i < ARRAY_SIZE(ports); i++)
		watch_register(m, ACPI_SPACE_IO, ports[i]);
	/* Everywhere: prove_exits.c tries it. */
	io_watch(m, &(struct io_range){.first = PORT_BOCHS_END,
				       .last = PORT_BOCHS_END,
				       .write = write_bochs_end});
	for (u32 i = 0; i < p->nr_sleep; i++) {
		if (watch_register(m, p->sleep[i].space, p->sleep[i].addr) < 0)
			return -1;
	}
	/* Reset control shares its place with PCI's address register, which looks after it. */
	if (p->reset.supported &&
	    !(p->reset.space == ACPI_SPACE_IO && port == PORT_RESET_CONTROL) &&
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
