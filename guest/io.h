/* SPDX-License-Identifier: MIT */
/* Ports that exit: ranges of them, each with the file that knows what is behind it. */
#ifndef GUEST_IO_H
#define GUEST_IO_H

#include "arch/types.h"

struct machine;
struct vcpu;

/* An access of 1, 2 or 4 bytes, aligned to its size. */
struct io_access {
	u16 port;
	u8 size;
	u32 value;
};

struct io_range {
	u16 first, last;
	/* Its registers have one byte each: a wider access is its bytes one by one, the lowest first. */
	bool bytes;
	/* It does not exit from the start. */
	bool later;
	/* Before the write, whose value it may change. False: the write is done, or refused. NULL: none. */
	bool (*write)(struct vcpu *v, struct io_access *w);
	/* After the read: it may change the value. NULL: none. */
	void (*read)(struct vcpu *v, struct io_access *r);
};

#define IO_RANGES_MAX 32

/*
 * Register a range, before intercept_ports(). Where several hold a port, they are asked in the order of
 * their registration.
 */
void io_watch(struct machine *machine, const struct io_range *range);

/*
 * The guest's access to ports that exit, of any alignment: a write's value is in it, a read's is returned.
 */
u32 port_access(struct vcpu *v, const struct io_access *a, bool in);

/* The machine's ports, as an access has it. */
u32 port_in(u16 port, u8 size);
void port_out(const struct io_access *w);

#endif
