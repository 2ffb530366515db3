/* SPDX-License-Identifier: MIT */
/* What a byte that the guest writes would do to the machine. Pure: nothing is touched here. */
#include "guest/chipset/power.h"

#define KBD_PULSE_RESET 0xf0 /* 0xf0 to 0xff pulse the lines whose bit is 0; bit 0 is the reset */
#define FAST_RESET      BIT(0)
#define RESET_CPU       BIT(2)

#define SLP_EN          BIT(5)

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
	return port_resets(addr, byte) ? POWER_RESET : POWER_NONE;
}

bool bochs_ends(u8 *letters, u32 value)
{
	static const char word[] = "Shutdown";

	/* A letter of the word that is not due changes nothing; any other byte begins anew. */
	for (u32 i = 0; word[i]; i++) {
		if (value != (u32)word[i])
			continue;
		if (*letters == i)
			*letters = (u8)(i + 1);
		return !word[*letters];
	}
	*letters = 0;
	return false;
}

bool smi_is_allowed(const struct acpi_power *p, u16 port, u8 command)
{
	if (port != p->smi_cmd)
		return false;
	if (command == p->acpi_enable || command == p->acpi_disable)
		return true;
	/* The guest takes over P-states or C-states. S4BIOS_REQ would put the machine to sleep. */
	return command && (command == p->pstate_cnt || command == p->cst_cnt);
}
