/* SPDX-License-Identifier: MIT */
/* Registers behind ports and in memory, at the width of the access that is to be made: 1, 2 or 4 bytes. */
#ifndef ARCH_IO_H
#define ARCH_IO_H

#include "arch/insn.h"

static inline u32 port_in(u16 port, u32 size)
{
	return size == 1 ? in8(port) : size == 2 ? in16(port) : in32(port);
}

static inline void port_out(u16 port, u32 size, u32 value)
{
	if (size == 1)
		out8(port, (u8)value);
	else if (size == 2)
		out16(port, (u16)value);
	else
		out32(port, value);
}

/* At least so long: a read of a port of the PC's own chips takes about a microsecond. */
static inline void io_delay(u32 microseconds)
{
	while (microseconds--)
		in8(0x61);
}

static inline u32 mmio_read(const volatile void *at, u32 size)
{
	if (size == 4)
		return *(const volatile u32 *)at;
	return size == 2 ? *(const volatile u16 *)at : *(const volatile u8 *)at;
}

static inline void mmio_write(volatile void *at, u32 size, u32 value)
{
	if (size == 4)
		*(volatile u32 *)at = value;
	else if (size == 2)
		*(volatile u16 *)at = (u16)value;
	else
		*(volatile u8 *)at = (u8)value;
}

#endif
