/* SPDX-License-Identifier: MIT */
/* The architecture's walk (SDM vol. 3A 4.3 to 4.6), and linear addresses to try it with. */
#include "tests/guests/differ/differ.h"

/* Reserved bits of a present entry. */
static u64 reserved(u32 level, u64 e)
{
	u64 bits = 0;

	if (IS_32) {
		bits = level == 2 && e & PTE_PS && read_cr4() & CR4_PSE ? BIT(21) : 0;
		return bits && !has_pse36 ? bits | GENMASK(20, 13) : bits;
	}
	if (IS_PAE && level == 3)
		return 0;
	bits = GENMASK(IS_PAE ? 62 : 51, maxphyaddr);
	if (!nxe_on)
		bits |= PTE_NX;
	if (level >= 4 || (level == 3 && !has_1g))
		bits |= PTE_PS;
	else if (level > 1 && e & PTE_PS)
		bits |= GENMASK(level == 3 ? 29 : 20, 13);
	return bits;
}

static bool is_leaf(u32 level, u64 e)
{
	if (level == 1)
		return true;
	if (IS_PAE && level == 3)
		return false;
	return e & PTE_PS && (!IS_32 || read_cr4() & CR4_PSE);
}

static u32 shift_of(u32 level)
{
	return 12 + format.index_bits * (level - 1);
}

static u32 index_of(reg va, u32 level)
{
	u32 mask = IS_PAE && level == 3 ? 3 : entries() - 1;

	return (u32)(va >> shift_of(level)) & mask;
}

static u64 leaf_address(u32 level, u64 e, reg va)
{
	u64 size = 1ULL << shift_of(level), base = e & PTE_ADDR & ~(size - 1);

	if (IS_32 && level == 2)
		base |= (e >> 13 & 0xff) << 32;
	return base | (va & (size - 1));
}

/* The rights of a whole walk. */
struct rights {
	bool w, u, nx;
};

static bool allowed(struct rights r, enum access access, bool user, bool ac)
{
	reg cr0 = read_cr0(), cr4 = read_cr4();

	if (access == ACCESS_FETCH)
		return !r.nx && (user ? r.u : !(r.u && cr4 & CR4_SMEP));
	if (user)
		return r.u && (access == ACCESS_READ || r.w);
	if (r.u && cr4 & CR4_SMAP && !ac)
		return false;
	return access == ACCESS_READ || r.w || !(cr0 & CR0_WP);
}

void walk(struct walk *w, reg va, enum access access, bool user, bool ac)
{
	bool nxe = !IS_32 && nxe_on;
	struct rights rights = {true, true, false};
	u64 table = frame[root];
	u32 error = (access == ACCESS_WRITE ? PFEC_W : 0) | (user ? PFEC_U : 0);

	if (access == ACCESS_FETCH && (nxe || read_cr4() & CR4_SMEP))
		error |= PFEC_I;
	*w = (struct walk){.error = error};
	for (u32 level = format.levels;; level--) {
		u64 pa = table + index_of(va, level) * format.entry_bytes, e = entry_at(pa);

		w->entry[w->used++] = pa;
		if (!(e & PTE_P))
			return;
		if (e & reserved(level, e)) {
			w->error |= PFEC_P | PFEC_RSVD;
			return;
		}
		if (!(IS_PAE && level == 3)) {
			rights.w &= !!(e & PTE_W);
			rights.u &= !!(e & PTE_U);
			rights.nx |= nxe && e & PTE_NX;
		}
		if (is_leaf(level, e)) {
			w->pa = leaf_address(level, e, va);
			break;
		}
		table = e & PTE_ADDR;
		w->foreign = frame_at(table) < 0 || kind[frame_at(table)] == KIND_DATA ||
			     (IS_PAE && kind[frame_at(table)] == KIND_ROOT);
		if (w->foreign)
			return;
	}
	w->error = allowed(rights, access, user, ac) ? NO_FAULT : error | PFEC_P;
}

reg va_of(const u32 *index)
{
	reg va = 0;

	for (u32 i = 0; i < format.levels; i++)
		va |= (reg)index[i] << shift_of(format.levels - i);
#ifdef __x86_64__
	va = (reg)((s64)(va << (52 - 9 * format.levels)) >> (52 - 9 * format.levels));
#endif
	return va;
}

reg random_va(void)
{
	u32 index[5] = {0}, offset = pick(4096);
	u64 table = frame[root];
	bool lost = false;
	reg va;

	for (u32 i = 0; i < format.levels; i++) {
		u32 nr = i ? SLOTS : format.root_slots, at = pick(nr);
		u64 e = 0;

		for (u32 tries = chance(80) ? nr : 1; tries; tries--, at = (at + 1) % nr) {
			index[i] = i ? format.slot[at] : format.root_slot[at];
			e = lost ? 0 : entry_at(table + index[i] * format.entry_bytes);
			if (e & PTE_P)
				break;
		}
		table = e & PTE_ADDR;
		lost |= !(e & PTE_P) || frame_at(table) < 0 || kind[frame_at(table)] == KIND_DATA;
	}
	/* Should it be a large page: to one of our frames in it. */
	va = va_of(index);
	if (chance(60)) {
		u64 target = frame[pick(FRAMES)];
		struct walk w;

		walk(&w, va, ACCESS_READ, false, true);
		if (!w.foreign && w.used < format.levels && w.pa) {
			u64 size = 1ULL << shift_of(format.levels - w.used + 1);

			va = (reg)(ALIGN_DOWN(va, size) | (target & (size - 1)));
		}
	}
	if (chance(70)) {
		u32 slot = format.slot[pick(SLOTS)];

		return va + slot * format.entry_bytes;
	}
	return va + (chance(80) ? ALIGN_DOWN(offset, 8) : chance(20) ? 4096 - pick(8) - 1 : offset);
}

struct users {
	u64 pa;
	reg *va;
	u32 nr, max;
};

static void collect(struct users *users, u64 table, u32 depth, u32 *index)
{
	u32 level = format.levels - depth;

	for (u32 i = 0; i < (depth ? SLOTS : format.root_slots); i++) {
		u64 pa, e;

		index[depth] = depth ? format.slot[i] : format.root_slot[i];
		pa = table + index[depth] * format.entry_bytes;
		e = entry_at(pa);
		if (pa == users->pa) {
			if (level > 1 || users->nr >= users->max) {
				users->nr = ~0u;
				return;
			}
			users->va[users->nr++] = va_of(index);
			continue;
		}
		if (level == 1 || !(e & PTE_P) || is_leaf(level, e) || frame_at(e & PTE_ADDR) < 0 ||
		    kind[frame_at(e & PTE_ADDR)] == KIND_DATA)
			continue;
		collect(users, e & PTE_ADDR, depth + 1, index);
		if (users->nr == ~0u)
			return;
	}
}

u32 users_of(u64 pa, reg *va, u32 max)
{
	struct users users = {.pa = pa, .va = va, .max = max};
	u32 index[5] = {0};

	collect(&users, frame[root], 0, index);
	return users.nr;
}
