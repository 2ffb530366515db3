/* SPDX-License-Identifier: MIT */
/* A ticket spinlock: first come, first served. Zero-initialised it is free. */
#ifndef ARCH_LOCK_H
#define ARCH_LOCK_H

#include "arch/insn.h"

struct spinlock {
	volatile u32 next;
	volatile u32 owner;
};

/* Not recursive; interrupts are off in the hypervisor always, and NMIs take no lock. */
static inline void spin_lock(struct spinlock *lock)
{
	u32 ticket = xadd32(&lock->next, 1);

	while (lock->owner != ticket)
		cpu_pause();
	barrier();
}

static inline void spin_unlock(struct spinlock *lock)
{
	barrier();
	lock->owner = lock->owner + 1;
}

#endif
