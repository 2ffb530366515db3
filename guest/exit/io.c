/* SPDX-License-Identifier: MIT */
/* Port accesses that exited. */
#include "guest/chipset/io.h"

#include "arch/cpu.h"
#include "guest/exit/handlers.h"
#include "guest/vcpu/instruction.h"

void handle_io(struct vcpu *v, const struct vmexit *exit)
{
	struct io_access a = {.port = exit->io.port, .size = exit->io.size};
	u64 mask = a.size < 4 ? BIT(8 * a.size) - 1 : ~0U;
	u32 value;

	/* notrap's lines go out by this UART: the instruction runs again until they are out. */
	if (unlikely(v->console_held) && console_holds(a.port, a.size)) {
		console_exit(v);
		return;
	}
	if (exit->io.string) {
		handle_string_io(v, exit);
		return;
	}
	if (!exit->io.in)
		a.value = (u32)(v->gpr[RAX] & mask);
	value = port_access(v, &a, exit->io.in);
	/* A 32-bit result clears what is above, a smaller one keeps it. */
	if (exit->io.in)
		v->gpr[RAX] = (a.size == 4 ? 0 : v->gpr[RAX] & ~mask) | (value & mask);
	watch_port(v, a.port, a.size);
	insn_skip(v, exit);
}
