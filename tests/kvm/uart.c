// SPDX-License-Identifier: MIT
/* A 16550 that sends at once and never receives. */
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "tests/kvm/vmm.h"

enum { DATA, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR };

#define IER_THRE    2
#define IIR_NONE    1
#define IIR_THRE    2
#define IIR_FIFO    0xc0
#define FCR_FIFO    1
#define LCR_DLAB    0x80
#define MCR_LOOP    0x10
#define LSR_EMPTY   0x60
#define MSR_PRESENT 0xb0 /* CTS, DSR, DCD */

static uint8_t regs[8], divisor[2];
static int sent; /* since IIR was read last: an interrupt, if it is wanted */

static char line[256];
static size_t line_length;

void uart_flush(void)
{
	if (!line_length)
		return;
	fwrite(line, 1, line_length, stdout);
	fflush(stdout);
	/* The host's port is silent again before the guest goes on: nothing of it is in its times. */
	tcdrain(STDOUT_FILENO);
	line_length = 0;
}

static void put(char c)
{
	line[line_length++] = c;
	if (c == '\n' || line_length == sizeof(line))
		uart_flush();
}

static void set_irq(const struct vm *vm)
{
	static unsigned int level;
	unsigned int now = sent && regs[IER] & IER_THRE;
	struct kvm_irq_level irq = {.irq = UART_IRQ, .level = now};

	if (now != level && ioctl(vm->vm, KVM_IRQ_LINE, &irq))
		die_errno("KVM_IRQ_LINE");
	level = now;
}

void uart_write(const struct vm *vm, unsigned int reg, uint8_t value)
{
	if (reg < 2 && regs[LCR] & LCR_DLAB) {
		divisor[reg] = value;
		return;
	}
	switch (reg) {
	case DATA:
		if (!(regs[MCR] & MCR_LOOP))
			put((char)value);
		sent = 1;
		break;
	case IER:
		/* Allowed anew, it says that the port is empty. */
		sent |= value & ~regs[IER] & IER_THRE;
		regs[IER] = value & 0x0f;
		break;
	case LSR:
	case MSR:
		return;
	default:
		regs[reg] = value;
	}
	set_irq(vm);
}

uint8_t uart_read(const struct vm *vm, unsigned int reg)
{
	uint8_t value, mcr = regs[MCR];

	if (reg < 2 && regs[LCR] & LCR_DLAB)
		return divisor[reg];
	switch (reg) {
	case DATA:
		return 0;
	case IIR_FCR:
		value = sent && regs[IER] & IER_THRE ? IIR_THRE : IIR_NONE;
		sent = value == IIR_THRE ? 0 : sent;
		set_irq(vm);
		return value | (regs[IIR_FCR] & FCR_FIFO ? IIR_FIFO : 0);
	case LSR:
		return LSR_EMPTY;
	case MSR:
		/* Looped back: RTS to CTS, DTR to DSR, OUT1 to RI, OUT2 to DCD. */
		if (!(mcr & MCR_LOOP))
			return MSR_PRESENT;
		return (uint8_t)((mcr & 2) << 3 | (mcr & 1) << 5 | (mcr & 4) << 4 | (mcr & 8) << 4);
	default:
		return regs[reg];
	}
}
