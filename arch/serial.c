/* SPDX-License-Identifier: MIT */
/* 16550 UART: registers and bits as in its data sheet (National Semiconductor PC16550D, 8). */
#include "arch/serial.h"
#include "arch/insn.h"

/* Offsets from the port. */
#define UART_THR   0 /* transmit; divisor's low byte while DLAB is set */
#define UART_IER   1 /* interrupt enable; divisor's high byte while DLAB is set */
#define UART_FCR   2 /* written */
#define UART_IIR   2 /* read */
#define UART_LCR   3
#define UART_MCR   4
#define UART_LSR   5
#define UART_SCR   7

#define LCR_8N1    0x03
#define LCR_DLAB   0x80
#define FCR_ENABLE 0x07 /* FIFOs on, both emptied */
#define IIR_FIFO   0xc0
#define MCR_READY  0x03 /* DTR, RTS */
#define MCR_OUT2   0x08 /* the interrupt line's gate */
#define DIVISOR    1    /* 115200 baud */
#define FIFO_SIZE  16
#define LSR_THRE   0x20
#define LSR_TEMT   0x40

/* Status reads for what the firmware or the loader still sends. */
#define PATIENCE 10000000

static bool wait_for(u16 port, u8 status, u32 *patience)
{
	for (; *patience; --*patience) {
		if (in8(port + UART_LSR) & status)
			return true;
		cpu_pause();
	}
	return false;
}

bool serial_init(u16 port)
{
	u32 patience = PATIENCE;

	/* An absent UART reads as all ones; the scratch register keeps what is written. */
	out8(port + UART_SCR, 0x5a);
	if (in8(port + UART_SCR) != 0x5a)
		return false;
	out8(port + UART_SCR, 0xa5);
	if (in8(port + UART_SCR) != 0xa5)
		return false;

	out8(port + UART_LCR, LCR_8N1);
	out8(port + UART_IER, 0);
	wait_for(port, LSR_TEMT, &patience);
	out8(port + UART_LCR, LCR_DLAB);
	out8(port + UART_THR, DIVISOR);
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
	saved.mcr = in8(port + UART_MCR);
	out8(port + UART_MCR, MCR_READY | (saved.mcr & MCR_OUT2));
	out8(port + UART_LCR, LCR_8N1 | LCR_DLAB);
	saved.divisor[0] = in8(port + UART_THR);
	saved.divisor[1] = in8(port + UART_IER);
	out8(port + UART_THR, DIVISOR);
	out8(port + UART_IER, 0);
	out8(port + UART_LCR, LCR_8N1);
	return saved;
}

void serial_return(u16 port, struct serial_saved saved)
{
	out8(port + UART_LCR, LCR_8N1 | LCR_DLAB);
	out8(port + UART_THR, saved.divisor[0]);
	out8(port + UART_IER, saved.divisor[1]);
	out8(port + UART_LCR, LCR_8N1);
	out8(port + UART_MCR, saved.mcr);
	/* Setting the transmitter's enable bit again raises the interrupt that our use took away. */
	out8(port + UART_IER, saved.ier);
	out8(port + UART_LCR, saved.lcr);
}

u32 serial_room(u16 port)
{
	if (!(in8(port + UART_LSR) & LSR_THRE))
		return 0;
	return (in8(port + UART_IIR) & IIR_FIFO) == IIR_FIFO ? FIFO_SIZE : 1;
}

void serial_put(u16 port, char c)
{
	out8(port + UART_THR, (u8)c);
}

bool serial_idle(u16 port)
{
	return in8(port + UART_LSR) & LSR_TEMT;
}

bool serial_wait_room(u16 port, u32 *patience)
{
	return wait_for(port, LSR_THRE, patience);
}

bool serial_wait_idle(u16 port, u32 *patience)
{
	return wait_for(port, LSR_TEMT, patience);
}
