/* SPDX-License-Identifier: MIT */
/* Instructions that write memory, most of them a tracked guest table, carried out in software. */
#include "arch/cpu.h"
#include "arch/string.h"
#include "guest/chipset/chipset.h"
#include "guest/exit/handlers.h"
#include "guest/exit/lane.h"
#include "guest/insn/exec.h"
#include "guest/insn/insn.h"
#include "guest/machine/machine.h"
#include "guest/vcpu/inject.h"
#include "guest/vcpu/instruction.h"
#include "guest/vcpu/memory.h"
#include "mm/guest/walk.h"
#include "mm/phys/phys.h"

/*
 * Lanes do instructions of 64-bit code with one memory operand, at most an entry long, at base + index + disp. RSP,
 * which they do not know, is none of its registers.
 */
static enum lane_insn lane_of(const struct insn *in, enum insn_mode mode)
{
	if (mode != INSN_64 || in->reg == RSP || in->mem.base == RSP || in->opsize > sizeof(u64) ||
	    in->op == INSN_STOS || in->op == INSN_MOVS || in->op == INSN_CMPXCHG_PAIR ||
	    (in->op >= INSN_BTS && in->reg != INSN_NO_REG) || in->mem.addrsize != 8 ||
	    in->mem.seg == SEG_FS || in->mem.seg == SEG_GS)
		return LANE_NONE;
	if (in->opsize != sizeof(u64) || in->lock)
		return LANE_OTHER;
	if (in->op == INSN_MOV)
		return LANE_MOV;
	return in->op == INSN_AND || in->op == INSN_OR ? LANE_LOGIC : LANE_OTHER;
}

static ALWAYS_INLINE const struct insn *
decode_cached(struct vcpu *v, u64 rip, const u8 bytes[INSN_MAX_LEN], u32 avail, enum insn_mode mode)
{
	struct insn_cache *c = insn_cache_of(v, rip);
	u64 low, high;

	/* At the end of what can be read, the bytes that are missing cannot be compared. */
	if (avail < INSN_MAX_LEN) {
		c->valid = false;
		c->lane = LANE_NONE;
		return insn_decode(bytes, avail, mode, &c->insn) == 0 ? &c->insn : NULL;
	}
	insn_words(bytes, &low, &high);
	if (c->valid && c->low == low && c->high == high && c->mode == mode)
		return &c->insn;
	*c = (struct insn_cache){.low = low, .high = high, .mode = mode};
	c->valid = insn_decode(bytes, avail, mode, &c->insn) == 0;
	if (!c->valid)
		return NULL;
	c->lane = lane_of(&c->insn, mode);
	return &c->insn;
}

/* Decode the instruction at RIP. NULL when it is none that is known, or cannot be read. */
static ALWAYS_INLINE const struct insn *decode(struct vcpu *v, u32 pfec, bool *flat)
{
	u8 bytes[INSN_MAX_LEN];
	enum insn_mode mode;
	u32 avail;

	avail = guest_fetch(v, pfec, bytes, &mode);
	*flat = mode == INSN_64;
	return avail ? decode_cached(v, v->rip, bytes, avail, mode) : NULL;
}

/* The base of a segment that an operand uses; 64-bit code has those of FS and GS alone. */
static ALWAYS_INLINE void segment_base(struct vcpu *v, u8 seg, bool flat, u64 base[INSN_NR_SEGS])
{
	struct segment s;

	if (flat && seg != SEG_FS && seg != SEG_GS)
		return;
	v->ops->get_seg(v, (enum seg)seg, &s);
	base[seg] = s.base;
}

/* Store what the instruction computed; false when another CPU was quicker and it starts anew. */
static ALWAYS_INLINE bool store(struct vcpu *v, const struct insn *insn, u64 gpa, const u64 old[2],
				const struct insn_effect *effect)
{
	if (!effect->write)
		return true;
	if (insn_is_atomic(insn) && (insn->opsize == 4 || insn->opsize == 8) &&
	    !(gpa & (insn->opsize - 1u)))
		return mmu_cmpxchg(&v->mmu, gpa, old[0], effect->value[0], insn->opsize);
	mmu_write(&v->mmu, gpa, effect->value, insn->opsize);
	return true;
}

/* Where an instruction that faulted stores; false when it is not all in one page of RAM. */
static ALWAYS_INLINE bool find_ram(struct vcpu *v, const struct insn *insn, u64 gva,
				   const struct mmu_fault *fault, u64 *gpa)
{
	/* The whole operand is where the fault was, or it takes another walk to know. */
	if (gva == fault->gva && (gva & (PAGE_SIZE - 1)) + insn->opsize <= PAGE_SIZE &&
	    guest_is_ram(&v->machine->guest_paging, fault->gpa)) {
		*gpa = fault->gpa;
		return true;
	}
	return guest_translate(v, gva, insn->opsize, (fault->pfec & PFEC_U) | PFEC_W, gpa);
}

/* The same for watched registers. */
static bool find_watched(struct vcpu *v, const struct insn *insn, u64 gva,
			 const struct mmu_fault *fault, u64 *gpa)
{
	return (gva & (PAGE_SIZE - 1)) + insn->opsize <= PAGE_SIZE &&
	       v->machine->paging->find_written(v, fault, gva, gpa);
}

/* A CMPXCHG that stores nothing writes all the same; a REP that is over touches nothing. */
static inline void watch_operands(struct vcpu *v, const struct insn *insn, u64 gva, u64 from,
				  const struct insn_effect *effect)
{
	if (likely(!(v->ops->dr7(v) & DR7_ENABLED)) || (!effect->write && !insn_reads(insn)))
		return;
	watch_data(v, gva, insn->opsize, true);
	if (insn->op == INSN_MOVS)
		watch_data(v, from, insn->opsize, false);
}

/* A user's operands are looked at here as well: the fault came first. */
static __attribute__((noinline, cold)) bool is_misaligned(struct vcpu *v, const struct insn *insn,
							  u64 gva, u64 from)
{
	return guest_is_misaligned(v, gva, insn->opsize) ||
	       (insn->op == INSN_MOVS && guest_is_misaligned(v, from, insn->opsize));
}

/* watched: the fault was at registers, not at RAM. In line for each, since RAM's way is a frequent one. */
static inline __attribute__((always_inline)) bool
carry_out(struct vcpu *v, const struct mmu_fault *fault, bool watched)
{
	u64 base[INSN_NR_SEGS] = {0}, old[2] = {0, 0}, src = 0, from = 0, gpa, gva;
	u32 pfec = fault->pfec & PFEC_U;
	struct insn_effect effect;
	const struct insn *insn;
	bool flat;

	insn = decode(v, pfec, &flat);
	if (!insn)
		return false;
	segment_base(v, insn->mem.seg, flat, base);
	if (insn->op == INSN_MOVS) {
		segment_base(v, insn->src.seg, flat, base);
		from = insn_mem_gva(&insn->src, v->gpr, base, v->rip + insn->len);
	}
	gva = insn_gva(insn, v->gpr, base, v->rip);
	if (unlikely(pfec) && is_misaligned(v, insn, gva, from)) {
		inject_zero(v, VEC_AC);
		return true;
	}
	if (watched ? !find_watched(v, insn, gva, fault, &gpa)
		    : !find_ram(v, insn, gva, fault, &gpa))
		return false;
	if (insn->op == INSN_MOVS) {
		u64 from_gpa;

		if (!guest_translate(v, from, insn->opsize, pfec, &from_gpa))
			return false;
		memcpy(&src, phys_ptr(from_gpa), insn->opsize);
	}
	if (insn_reads(insn) || insn_is_atomic(insn)) {
		if (watched)
			device_read(gpa, old, insn->opsize);
		else
			memcpy(old, phys_ptr(gpa), insn->opsize);
	}
	insn_run(insn, v->gpr, v->rflags, v->rip, old, src, &effect);
	if (watched && effect.write)
		device_write(v->machine, gpa, effect.value, insn->opsize);
	if (watched || store(v, insn, gpa, old, &effect)) {
		watch_operands(v, insn, gva, from, &effect);
		insn_commit(&effect, v->gpr, &v->rflags, &v->rip);
		insn_done(v);
	}
	return true;
}

bool emulate_write(struct vcpu *v, const struct mmu_fault *fault)
{
	return carry_out(v, fault, false);
}

bool emulate_watched_write(struct vcpu *v, const struct mmu_fault *fault)
{
	return carry_out(v, fault, true);
}

/* Store in one access where it is aligned. False: another CPU was quicker. */
static ALWAYS_INLINE bool store_straight(const struct insn *in, u64 gpa, u64 old, u64 value)
{
	if (insn_is_atomic(in) && in->opsize >= 4)
		return guest_cmpxchg(gpa, old, value, in->opsize);
	guest_store(gpa, &value, in->opsize);
	return true;
}

/* XCHG of a whole entry, by which kernels take entries away. */
static inline bool exchange_entry(struct vcpu *v, const struct insn *in, u64 *entry)
{
	v->gpr[in->reg] = __atomic_exchange_n(entry, v->gpr[in->reg], __ATOMIC_SEQ_CST);
	v->rip += in->len;
	v->rflags &= ~RFLAGS_RF;
	return true;
}

/* What has a result in a register, too. */
static bool run_exchange(struct vcpu *v, const struct insn *in, u64 gpa, const u64 old[2])
{
	struct insn_effect effect;

	insn_run(in, v->gpr, v->rflags, v->rip, old, 0, &effect);
	if (!effect.write || !store_straight(in, gpa, old[0], effect.value[0]))
		return false;
	insn_commit(&effect, v->gpr, &v->rflags, &v->rip);
	return true;
}

/* False, with nothing done, where it stores nothing, or starts anew. */
bool lane_run_other(struct vcpu *v, const struct insn *in, u64 gpa)
{
	u64 old[2] = {0}, flags, value;

	if (likely(in->op == INSN_XCHG && in->opsize == sizeof(u64)))
		return exchange_entry(v, in, phys_ptr(gpa));
	flags = v->rflags & FLAGS_ARITH;
	value = insn_source(in, v->gpr);
	if (likely(in->opsize == sizeof(u64)))
		old[0] = *(const volatile u64 *)phys_ptr(gpa);
	else
		memcpy(old, phys_ptr(gpa), in->opsize);
	if (in->op != INSN_MOV && in->op < INSN_ADD)
		return run_exchange(v, in, gpa, old);
	if (in->op != INSN_MOV)
		value = insn_arithmetic(in->op, old[0], value, in->opsize, &flags);
	if (!store_straight(in, gpa, old[0], value))
		return false;
	v->rip += in->len;
	v->rflags = (v->rflags & ~(FLAGS_ARITH | RFLAGS_RF)) | flags;
	return true;
}
