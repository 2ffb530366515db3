/* SPDX-License-Identifier: MIT */
/* A 16550 UART, polled. */
#ifndef ARCH_SERIAL_H
#define ARCH_SERIAL_H

#include "arch/types.h"

#define SERIAL_COM1 0x3f8
#define SERIAL_COM2 0x2f8

/* Program the UART at `port`: 115200 baud, 8n1, FIFOs on. Returns false when there is none. */
bool serial_init(u16 port);

/*
 * The guest owns the UART too, and may have left it in any state: take it for one line.
 *
 * Gives back what serial_return() needs. Only what hides the transmit register or would raise
 * interrupts is changed; the guest's baud rate stays.
 */
struct serial_saved {
	u8 lcr, ier;
};
struct serial_saved serial_take(u16 port);

/* Give the UART back, with all characters sent. */
void serial_return(u16 port, struct serial_saved saved);

/* Send one character. Returns false when the UART takes none for a long time: it is dead. */
bool serial_put(u16 port, char c);

/* Wait until the last character has left the shift register; gives up on a dead UART. */
void serial_drain(u16 port);

#endif
