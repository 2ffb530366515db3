/* SPDX-License-Identifier: MIT */
/* The console's UART, which is the guest's too: whose it is, from exit to exit. */
#include "arch/console.h"
#include "guest/exit/handlers.h"

#define UART_PORTS 8

void console_exit(struct vcpu *v)
{
	bool held = console_step();
	u16 port = console_uart();

	if (held == v->console_held)
		return;
	v->console_held = held;
	for (u16 i = 0; i < UART_PORTS; i++)
		v->ops->intercept_port(v, port + i, held);
}

bool console_holds(u16 port, u8 size)
{
	return port + size > console_uart() && port < console_uart() + UART_PORTS;
}
