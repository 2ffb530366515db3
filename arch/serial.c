/* SPDX-License-Identifier: MIT */
/* 16550 UART: registers and bits as in its data sheet (National Semiconductor PC16550D, 8). */
#include "arch/serial.h"
#include "arch/insn.h"

/* Offsets from the port. */
#define UART_THR   0 /* transmit; divisor's low byte while DLAB is set */
#define UART_IER   1 /* interrupt enable; divisor's high byte while DLAB is set */
#define UART_FCR   2
#define UART_LCR   3
#define UART_MCR   4
#define UART_LSR   5
#define UART_SCR   7

#define LCR_8N1    0x03
#define LCR_DLAB   0x80
#define FCR_ENABLE 0x07 /* FIFOs on, both emptied */
#define MCR_READY  0x03 /* DTR, RTS */
#define LSR_THRE   0x20
#define LSR_TEMT   0x40

/* Status reads until a UART is given up: seconds, where a character takes under 100 us. */
#define PATIENCE 10000000

static bool wait_for(u16 port, u8 status)
{
	for (u32 i = 0; i < PATIENCE; i++) {
		if (in8(port + UART_LSR) & status)
			return true;
		cpu_pause();
	}
	return false;
}

bool serial_init(u16 port)
{
	/* An absent UART reads as all ones; the scratch register keeps what is written. */
	out8(port + UART_SCR, 0x5a);
	if (in8(port + UART_SCR) != 0x5a)
		return false;
	out8(port + UART_SCR, 0xa5);
	if (in8(port + UART_SCR) != 0xa5)
		return false;

	out8(port + UART_LCR, LCR_8N1);
	out8(port + UART_IER, 0);
	serial_drain(port);
	out8(port + UART_LCR, LCR_DLAB);
	out8(port + UART_THR, 1);
	out8(port + UART_IER, 0);
	out8(port + UART_LCR, LCR_8N1);
	out8(port + UART_FCR, FCR_ENABLE);
	out8(port + UART_MCR, MCR_READY);
	return true;
}

struct serial_saved serial_take(u16 port)
{
	struct serial_saved saved;

	saved.lcr = in8(port + UART_LCR);
	out8(port + UART_LCR, LCR_8N1);
	saved.ier = in8(port + UART_IER);
	out8(port + UART_IER, 0);
	return saved;
}

void serial_return(u16 port, struct serial_saved saved)
{
	serial_drain(port);
	/* Setting the transmitter's enable bit again raises the interrupt that our use took away. */
	out8(port + UART_IER, saved.ier);
	out8(port + UART_LCR, saved.lcr);
}

bool serial_put(u16 port, char c)
{
	if (!wait_for(port, LSR_THRE))
		return false;
	out8(port + UART_THR, (u8)c);
	return true;
}

void serial_drain(u16 port)
{
	wait_for(port, LSR_TEMT);
}
