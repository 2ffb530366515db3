/* SPDX-License-Identifier: MIT */
/* Groups of a stream that use ports: PCI, strings, the A20 gate, the CMOS. */
#include "tests/guests/crashme/crashme.h"

/* IN and OUT by DX. */
#define IN_AL   "\xec"
#define IN_EAX  "\xed"
#define OUT_EAX "\xef"
/* And of a port in an immediate. */
#define IN_A     "\xe4\x92"
#define OUT_A    "\xe6\x92"
#define OUT_CMOS "\xe6\x70"

#define REP      0xf3
#define INSB     0x6c
#define OUTSB    0x6e

static const u16 string_ports[] = {PORT_KEYBOARD,    PORT_A,        PORT_CMOS, PORT_POST,
				   PORT_PCI_ADDRESS, PORT_PCI_DATA, PORT_POST};

static u16 random_port(void)
{
	return string_ports[pick(ARRAY_SIZE(string_ports))];
}

static void pci_config(void)
{
	mov_eax(BIT(31) | pick(4) * 4); /* the host bridge's first registers */
	mov_register(DX, PORT_PCI_ADDRESS);
	OP(OUT_EAX);
	if (pick(2)) {
		mov_register(DX, PORT_PCI_DATA);
		OP(IN_EAX);
	} else {
		mov_register(DX, PORT_PCI_DATA + pick(4));
		OP(IN_AL);
	}
}

static void port_string(u16 port, u8 opcode, bool may_be_wide)
{
	mov_register(DX, port);
	mov_register(CX, pick(6));
	insn();
	if (pick(3))
		emit8(REP);
	if (!pick(3))
		emit_prefix();
	emit8(opcode + (may_be_wide && pick(2)));
}

static void a20(void)
{
	OP(IN_A);
	mov_eax(pick(2) * PORT_A_A20);
	OP(OUT_A);
	OP(IN_A);
}

static void cmos(void)
{
	mov_eax(0x10 + pick(48)); /* behind the clock's registers */
	OP(OUT_CMOS);
	mov_register(DX, random_port());
	OP(IN_AL);
}

void port(void)
{
	u16 where;

	switch (pick(5)) {
	case 0:
		pci_config();
		break;
	case 1:
		where = random_port();
		/*
		 * No wide IN at ports of one byte that notrap filters: Bochs' bare devices answer it
		 * otherwise.
		 */
		port_string(where, INSB, where >= PORT_POST && where != PORT_A);
		break;
	case 2:
		port_string(PORT_POST, OUTSB, true);
		break;
	case 3:
		a20();
		break;
	default:
		cmos();
		break;
	}
}
