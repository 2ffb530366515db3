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
 * The guest owns the UART too, and may have left it in any state: take it, for as long as it is used.
 *
 * What the hypervisor prints takes the same time whatever that state is: the line's speed and format,
 * loopback and flow control are its own; no interrupt comes. FIFOs stay as they are, with what they
 * have received. A character that is still being sent is cut: serial_idle() tells. Nothing waits.
 * Gives back what serial_return() needs.
 */
struct serial_saved {
	u8 lcr, ier, mcr, divisor[2];
};
struct serial_saved serial_take(u16 port);

/* Give the UART back as it was. Characters should all have been sent: serial_idle(). */
void serial_return(u16 port, struct serial_saved saved);

/* How many characters the transmitter takes at once, now: 0, 1, or a FIFO of them. */
u32 serial_room(u16 port);

/* Hand one character to the transmitter, which must have room. */
void serial_put(u16 port, char c);

/* True when the last character has left the shift register. */
bool serial_idle(u16 port);

/*
 * Wait until there is room, or until all is sent. patience: how many looks at the status may be taken,
 * each about a microsecond of a real UART; counted down. Returns false when it is used up.
 */
bool serial_wait_room(u16 port, u32 *patience);
bool serial_wait_idle(u16 port, u32 *patience);

#endif
