/* SPDX-License-Identifier: MIT */
/* A store to the guest's memory, as its CPU would make it. */
#include "arch/string.h"
#include "mm/guest/walk.h"

void guest_store(u64 gpa, const void *data, u32 size)
{
	void *to = phys_ptr(gpa);

	if (size == 8 && !(gpa & 7))
		__atomic_store_n((u64 *)to, *(const u64 *)data, __ATOMIC_SEQ_CST);
	else if (size == 4 && !(gpa & 3))
		__atomic_store_n((u32 *)to, *(const u32 *)data, __ATOMIC_SEQ_CST);
	else if (size == 2 && !(gpa & 1))
		__atomic_store_n((u16 *)to, *(const u16 *)data, __ATOMIC_SEQ_CST);
	else
		memcpy(to, data, size);
}
