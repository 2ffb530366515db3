/* SPDX-License-Identifier: MIT */
/* The guest's memory, as an instruction that is carried out in software finds it. */
#include "guest/vcpu/memory.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/string.h"
#include "guest/chipset/chipset.h"
#include "guest/machine/machine.h"
#include "guest/machine/vcpu.h"
#include "guest/vcpu/hardware.h"
#include "guest/vcpu/inject.h"
#include "guest/vcpu/instruction.h"
#include "mm/phys/phys.h"

void access_context(struct vcpu *v, struct mmu_fault *fault)
{
	follow_paging_regs(v);
	fault->ac = false;
	fault->pkru = 0;
	if ((v->mmu.regs.cr4 & CR4_SMAP) && (v->rflags & RFLAGS_AC))
		fault->ac = v->ops->cpl(v) != 3;
	if (v->mmu.regs.cr4 & CR4_PKE)
		fault->pkru = rdpkru();
}

bool guest_translate(struct vcpu *v, u64 gva, u32 size, u32 pfec, u64 *gpa)
{
	struct mmu_fault access = {.gva = gva, .pfec = pfec};

	if ((gva & (PAGE_SIZE - 1)) + size > PAGE_SIZE)
		return false;
	access_context(v, &access);
	return v->machine->paging->translate(v, &access, gpa) == 0 &&
	       guest_is_ram(&v->machine->guest_paging, *gpa);
}

bool guest_find_bytes(struct vcpu *v, u64 gva, u32 size, bool write, u64 gpa[])
{
	u32 pfec = (write ? PFEC_W : 0) | (v->ops->cpl(v) == 3 ? PFEC_U : 0);
	bool flat = guest_code_is_64bit(v);

	for (u32 i = 0; i < size; i++) {
		struct mmu_fault access = {.gva = flat ? gva + i : (u32)(gva + i), .pfec = pfec};

		access_context(v, &access);
		if (v->machine->paging->translate(v, &access, &gpa[i])) {
			inject_pf(v, access.gva, access.guest_pfec,
				  &(struct event){.type = EVENT_NONE});
			return false;
		}
	}
	return true;
}

static bool is_hidden(const struct vcpu *v, u64 gpa, u32 size)
{
	return ranges_overlap(v->machine->hidden, v->machine->nr_hidden, gpa, gpa + size);
}

/* Within one page. */
static void load(struct vcpu *v, u64 gpa, void *to, u32 size)
{
	if (guest_is_ram(&v->machine->guest_paging, gpa))
		memcpy(to, phys_ptr(gpa), size);
	else if (is_hidden(v, gpa, size))
		memset(to, 0xff, size);
	else
		device_read(gpa, to, size);
}

static void store(struct vcpu *v, u64 gpa, const void *from, u32 size)
{
	if (guest_is_ram(&v->machine->guest_paging, gpa))
		v->machine->paging->write(v, gpa, from, size);
	else if (!is_hidden(v, gpa, size))
		device_write(v->machine, gpa, from, size);
}

/* What one access may have at a time: all of it, or each byte by itself. */
static u32 piece_of(const u64 gpa[], u32 size)
{
	u64 last = gpa[size - 1];

	return last - gpa[0] == size - 1 && !((last ^ gpa[0]) >> PAGE_SHIFT) ? size : 1;
}

u32 guest_load_bytes(struct vcpu *v, const u64 gpa[], u32 size)
{
	u32 piece = piece_of(gpa, size), value = 0;

	for (u32 i = 0; i < size; i += piece)
		load(v, gpa[i], (u8 *)&value + i, piece);
	return value;
}

void guest_store_bytes(struct vcpu *v, const u64 gpa[], u32 size, u32 value)
{
	u32 piece = piece_of(gpa, size);

	for (u32 i = 0; i < size; i += piece)
		store(v, gpa[i], (const u8 *)&value + i, piece);
}

/* Code goes on in the page at gva: at 0 after 4 GiB, but 64-bit code's. The rare case. */
static __attribute__((noinline, cold)) bool fetch_rest(struct vcpu *v, u64 gva, u32 pfec, u8 *bytes,
						       u32 size)
{
	u64 gpa;

	if (!guest_translate(v, guest_code_is_64bit(v) ? gva : (u32)gva, 1, pfec | PFEC_I, &gpa))
		return false;
	memcpy(bytes, phys_ptr(gpa), size);
	return true;
}

/* Up to 15 bytes of code; how many could be read. */
static u32 fetch(struct vcpu *v, u64 gva, u32 pfec, u8 bytes[INSN_MAX_LEN])
{
	u32 first = PAGE_SIZE - (gva & (PAGE_SIZE - 1));
	u64 gpa;

	if (first > INSN_MAX_LEN)
		first = INSN_MAX_LEN;
	if (!mmu_peek_code(&v->mmu, gva, &gpa) &&
	    !guest_translate(v, gva, first, pfec | PFEC_I, &gpa))
		return 0;
	memcpy(bytes, phys_ptr(gpa), first);
	if (first == INSN_MAX_LEN ||
	    !fetch_rest(v, gva + first, pfec, bytes + first, INSN_MAX_LEN - first))
		return first;
	return INSN_MAX_LEN;
}

u64 code_address(struct vcpu *v, enum insn_mode *mode)
{
	u32 attr = v->ops->seg_attr(v, SEG_CS);
	struct segment cs;

	if (guest_in_long_mode(v) && (attr & SEG_ATTR_L)) {
		*mode = INSN_64;
		return v->rip;
	}
	*mode = attr & SEG_ATTR_DB ? INSN_32 : INSN_16;
	v->ops->get_seg(v, SEG_CS, &cs);
	return (u32)(cs.base + v->rip);
}

u32 guest_fetch(struct vcpu *v, u32 pfec, u8 bytes[INSN_MAX_LEN], enum insn_mode *mode)
{
	return fetch(v, code_address(v, mode), pfec, bytes);
}

int guest_read(struct vcpu *v, u64 gva, void *to, u32 size, struct mmu_fault *fault)
{
	bool flat = guest_code_is_64bit(v);
	u8 *bytes = to;

	while (size) {
		u32 part = PAGE_SIZE - (gva & (PAGE_SIZE - 1));
		u64 gpa;

		if (part > size)
			part = size;
		*fault = (struct mmu_fault){.gva = gva};
		access_context(v, fault);
		if (v->machine->paging->translate(v, fault, &gpa))
			return -1;
		load(v, gpa, bytes, part);
		bytes += part;
		size -= part;
		gva = flat ? gva + part : (u32)(gva + part);
	}
	return 0;
}
