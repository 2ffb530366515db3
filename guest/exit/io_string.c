/* SPDX-License-Identifier: MIT */
/*
 * INS and OUTS at a watched port: SDM vol. 2A INS, vol. 2B OUTS; one element at each exit. The exit comes
 * before the operand is looked at (SDM vol. 3C 26.1.1): its faults are raised here.
 */
#include "arch/console.h"
#include "arch/cpu.h"
#include "guest/chipset/chipset.h"
#include "guest/chipset/end.h"
#include "guest/chipset/io.h"
#include "guest/exit/handlers.h"
#include "guest/insn/insn.h"
#include "guest/machine/machine.h"
#include "guest/vcpu/inject.h"
#include "guest/vcpu/instruction.h"
#include "guest/vcpu/memory.h"

/* A part of a register, as a string instruction moves it. */
static void move_register(struct vcpu *v, enum gpr nr, u64 by, u8 width)
{
	u64 value = v->gpr[nr] + by;

	if (width == 4)
		v->gpr[nr] = (u32)value;
	else if (width == 2)
		v->gpr[nr] = (v->gpr[nr] & ~0xffffULL) | (u16)value;
	else
		v->gpr[nr] = value;
}

static u64 mask_of(u8 width)
{
	return width == 8 ? ~0ULL : BIT(8 * width) - 1;
}

void handle_string_io(struct vcpu *v, const struct vmexit *exit)
{
	struct io_access a = {.port = exit->io.port, .size = exit->io.size};
	u64 count = 1, step = exit->io.size, gpa[4];
	struct insn_system in;
	u8 width;

	if (!guest_decode_system(v, &in) ||
	    in.kind != (exit->io.in ? INSN_SYS_INS : INSN_SYS_OUTS)) {
		if (machine_may_say(v->machine, LINE_STRING_IO))
			say("string I/O to port %x at rip %lx cannot be read: #GP", a.port, v->rip);
		inject_gp(v);
		return;
	}
	width = in.mem.addrsize;
	if (in.rep)
		count = v->gpr[RCX] & mask_of(width);
	if (count) {
		u64 gva;
		u8 vector = guest_find_operand(v, &in.mem, in.len, a.size, exit->io.in, &gva);

		if (vector) {
			inject_zero(v, (enum vector)vector);
			return;
		}
		if (!guest_find_bytes(v, gva, a.size, exit->io.in, gpa))
			return;
		watch_port(v, a.port, a.size);
		watch_data(v, gva, a.size, exit->io.in);
		if (exit->io.in) {
			guest_store_bytes(v, gpa, a.size, port_access(v, &a, true));
		} else {
			a.value = guest_load_bytes(v, gpa, a.size);
			port_access(v, &a, false);
		}
		move_register(v, exit->io.in ? RDI : RSI, v->rflags & RFLAGS_DF ? -step : step,
			      width);
		if (in.rep)
			move_register(v, RCX, ~0ULL, width);
	}
	if (count > 1) {
		/* A breakpoint at it does not hit between two passes: SDM vol. 3B 18.3.1.1. */
		v->rflags |= RFLAGS_RF;
		insn_done(v);
	} else {
		insn_skip(v, exit);
	}
}
