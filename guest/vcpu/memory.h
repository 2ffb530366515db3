/* SPDX-License-Identifier: MIT */
/* The guest's memory, as an instruction that is carried out in software finds it. */
#ifndef GUEST_VCPU_MEMORY_H
#define GUEST_VCPU_MEMORY_H

#include "guest/machine/backend.h"

/*
 * What a walk needs to know of the guest beside the error code; with nested paging, its paging
 * registers too. To be called before each walk.
 */
void access_context(struct vcpu *v, struct mmu_fault *fault);

/*
 * Where `size` bytes at a linear address are in the guest's RAM, for an access of an instruction that
 * is carried out in software; A and D are set as by the access. pfec: PFEC_W, PFEC_U, PFEC_I.
 * False when they cross a page, are no RAM, or the access faults.
 */
bool guest_translate(struct vcpu *v, u64 gva, u32 size, u32 pfec, u64 *gpa);

/*
 * Where each of `size` bytes at a linear address is, RAM or not, for an operand that may cross a page; whoever
 * runs is asked for its rights. False, with the guest's page fault on its way, where one may not be accessed.
 */
bool guest_find_bytes(struct vcpu *v, u64 gva, u32 size, bool write, u64 gpa[]);

/*
 * The operand that guest_find_bytes() has found: in one access where it is in one piece, as a device may want
 * it. A write to a page table is seen by the MMU. What is hidden reads as ones, and keeps nothing.
 * size: 1, 2 or 4 bytes.
 */
u32 guest_load_bytes(struct vcpu *v, const u64 gpa[], u32 size);
void guest_store_bytes(struct vcpu *v, const u64 gpa[], u32 size, u32 value);

/*
 * Read the guest's memory as a supervisor, in any number of pages. What is hidden reads as all ones.
 * Returns 0, or -1 with the fault's address and error code in *fault.
 */
int guest_read(struct vcpu *v, u64 gva, void *to, u32 size, struct mmu_fault *fault);

/* The linear address of RIP, and the size of the code there. */
u64 code_address(struct vcpu *v, enum insn_mode *mode);

/*
 * The code at RIP, and its size. pfec: PFEC_U for a user's.
 * Returns how many bytes could be read; 0 when none.
 */
u32 guest_fetch(struct vcpu *v, u32 pfec, u8 bytes[INSN_MAX_LEN], enum insn_mode *mode);

#endif
