/* SPDX-License-Identifier: MIT */
/*
 * Breakpoints that an instruction carried out in software would have hit: SDM vol. 3B 18.2. The CPU
 * itself reports those at the instruction; DR0 to DR3 are the guest's all the time.
 */
#include "arch/cpu.h"
#include "arch/insn.h"
#include "guest/insn/insn.h"
#include "guest/vcpu/instruction.h"
#include "guest/vcpu/memory.h"

/* DR7's R/W field: SDM vol. 3B 18.2.4. */
enum { BREAK_CODE, BREAK_WRITE, BREAK_IO, BREAK_ACCESS };

#define DR7_RW(dr7, nr)  ((dr7) >> (16 + 4 * (nr)) & 3)
#define DR7_LEN(dr7, nr) ((dr7) >> (18 + 4 * (nr)) & 3)
#define DR7_ON(dr7, nr)  ((dr7) >> (2 * (nr)) & 3)

static u64 breakpoint_address(u32 nr)
{
	switch (nr) {
	case 0:
		return read_dr0();
	case 1:
		return read_dr1();
	case 2:
		return read_dr2();
	default:
		return read_dr3();
	}
}

/*
 * DR6's bits for an access to `size` bytes at addr. kinds: a bit for each R/W field that it meets. Once
 * one that is enabled is met, those that are not enabled tell as well.
 */
static u64 matches(u64 dr7, u64 addr, u32 size, u32 kinds)
{
	static const u8 lengths[] = {1, 2, 8, 4};
	bool enabled = false;
	u64 met = 0;

	for (u32 i = 0; i < 4; i++) {
		u32 len = lengths[DR7_LEN(dr7, i)];
		u64 at = ALIGN_DOWN(breakpoint_address(i), len);

		if (!(kinds & BIT(DR7_RW(dr7, i))) || (addr - at >= len && at - addr >= size))
			continue;
		met |= BIT(i);
		enabled |= DR7_ON(dr7, i) != 0;
	}
	return enabled ? met : 0;
}

static u64 look(struct vcpu *v, u64 addr, u32 size, u32 kinds)
{
	u64 dr7 = v->ops->dr7(v);

	return likely(!(dr7 & DR7_ENABLED)) ? 0 : matches(dr7, addr, size, kinds);
}

void watch_data(struct vcpu *v, u64 gva, u32 size, bool write)
{
	v->debug_traps |= look(v, gva, size, BIT(BREAK_ACCESS) | (write ? BIT(BREAK_WRITE) : 0));
}

void watch_port(struct vcpu *v, u16 port, u32 size)
{
	if (v->ops->get_cr(v, 4) & CR4_DE)
		v->debug_traps |= look(v, port, size, BIT(BREAK_IO));
}

u64 watched_code(struct vcpu *v)
{
	enum insn_mode mode;

	return look(v, code_address(v, &mode), 1, BIT(BREAK_CODE));
}

/* As many as there are of the bytes before RIP, at the end of bytes[]. */
static u32 read_before(struct vcpu *v, u64 rip, enum insn_mode mode, u8 bytes[INSN_MAX_LEN])
{
	u64 from = rip - INSN_MAX_LEN;
	struct mmu_fault fault;
	u32 on_page = rip & (PAGE_SIZE - 1);

	if (!guest_read(v, mode == INSN_64 ? from : (u32)from, bytes, INSN_MAX_LEN, &fault))
		return INSN_MAX_LEN;
	if (on_page >= INSN_MAX_LEN ||
	    guest_read(v, rip - on_page, bytes + INSN_MAX_LEN - on_page, on_page, &fault))
		return 0;
	return on_page;
}

u64 watched_mov_ss(struct vcpu *v)
{
	u8 bytes[INSN_MAX_LEN];
	enum insn_mode mode;
	u64 rip = code_address(v, &mode), met = 0;
	u32 avail = read_before(v, rip, mode, bytes);

	/* A prefix may be the end of another instruction: all that it can be counts. */
	for (u32 len = 2; len <= avail; len++) {
		struct insn_system in;

		if (insn_system(bytes + INSN_MAX_LEN - len, len, mode, &in) || in.len != len ||
		    in.kind != INSN_SYS_MOV_SS || in.reg != INSN_NO_REG)
			continue;
		met |= look(v, guest_operand(v, &in.mem, 0), 2, BIT(BREAK_ACCESS));
	}
	return met;
}

void insn_trap(struct vcpu *v, u64 traps)
{
	/* With BTF a single step counts branches, and none of these instructions is one. */
	if ((v->rflags & RFLAGS_TF) && !(v->ops->debugctl(v) & DEBUGCTL_BTF))
		traps |= DR6_BS;
	v->debug_traps = 0;
	if (traps)
		v->ops->debug_trap(v, traps);
}
