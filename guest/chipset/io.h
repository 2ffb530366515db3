/* SPDX-License-Identifier: MIT */
/* Ports that exit: ranges of them, each with the file that knows what is behind it. */
#ifndef GUEST_CHIPSET_IO_H
#define GUEST_CHIPSET_IO_H

#include "guest/machine/chipset_state.h"

struct machine;
struct vcpu;

/*
 * Register a range, before intercept_ports(). Where several hold a port, they are asked in the order of
 * their registration.
 */
void io_watch(struct machine *m, const struct io_range *range);

/* For struct io_range: a write that is dropped. */
bool io_refuse(struct vcpu *v, struct io_access *w);

/* Set-up, before the first entry: they exit from now on. */
void intercept_ports(struct vcpu *v);

/*
 * The guest's access to ports that exit, of any alignment: a write's value is in it, a read's is returned.
 */
u32 port_access(struct vcpu *v, const struct io_access *a, bool in);

#endif
