/* SPDX-License-Identifier: MIT */
/* The architecture's page walk; see ref_walk.h. Bit numbers are written out, as the tables have them. */
#include "tests/host/ref_walk.h"

static u64 bits(int hi, int lo)
{
	return hi < lo ? 0 : (~0ULL >> (63 - hi)) & (~0ULL << lo);
}

static bool bit(u64 value, int n)
{
	return value >> n & 1;
}

/* 4.1.1: CR0.PG, CR4.PAE, EFER.LMA, CR4.LA57. */
void ref_set_regs(struct ref_cpu *cpu, u64 cr0, u64 cr3, u64 cr4, u64 efer)
{
	cpu->cr3 = cr3;
	cpu->wp = bit(cr0, 16);
	cpu->pse = bit(cr4, 4);
	cpu->smep = bit(cr4, 20);
	cpu->smap = bit(cr4, 21);
	cpu->pke = bit(cr4, 22);
	cpu->nxe = bit(efer, 11);
	if (!bit(cr0, 31))
		cpu->mode = REF_OFF;
	else if (!bit(cr4, 5))
		cpu->mode = REF_32;
	else if (!bit(efer, 10))
		cpu->mode = REF_PAE;
	else
		cpu->mode = bit(cr4, 12) ? REF_5LEVEL : REF_4LEVEL;
}

/* Table 4-8: bits 2:1, 8:5 and all from MAXPHYADDR up. */
bool ref_pdpte_bad(const struct ref_cpu *cpu, u64 pdpte)
{
	return bit(pdpte, 0) && pdpte & (bits(2, 1) | bits(8, 5) | bits(63, cpu->maxphyaddr));
}

bool ref_canonical(const struct ref_cpu *cpu, u64 gva)
{
	int top = cpu->mode == REF_5LEVEL ? 56 : 47;

	if (cpu->mode < REF_4LEVEL)
		return gva >> 32 == 0;
	return gva >> top == 0 || gva >> top == ~0ULL >> top;
}

enum ref_kind ref_start(const struct ref_cpu *cpu, u64 gva, struct ref_path *path)
{
	*path = (struct ref_path){.w = true, .u = true};
	switch (cpu->mode) {
	case REF_OFF:
		path->addr = gva;
		path->size = 4096;
		return REF_LEAF;
	case REF_32:
		path->level = 2;
		path->table = cpu->cr3 & bits(31, 12);
		return REF_TABLE;
	case REF_PAE:
		path->level = 2;
		path->table = cpu->pdpte[gva >> 30 & 3] & bits(cpu->maxphyaddr - 1, 12);
		return bit(cpu->pdpte[gva >> 30 & 3], 0) ? REF_TABLE : REF_NOT_PRESENT;
	default:
		path->level = cpu->mode == REF_5LEVEL ? 5 : 4;
		path->table = cpu->cr3 & bits(cpu->maxphyaddr - 1, 12);
		return REF_TABLE;
	}
}

u32 ref_entry_size(const struct ref_cpu *cpu)
{
	return cpu->mode == REF_32 ? 4 : 8;
}

u64 ref_entry_addr(const struct ref_cpu *cpu, const struct ref_path *path, u64 gva)
{
	if (cpu->mode == REF_32)
		return path->table + 4 * (gva >> (path->level == 2 ? 22 : 12) & 0x3ff);
	return path->table + 8 * (gva >> (12 + 9 * (path->level - 1)) & 0x1ff);
}

/* Tables 4-4 to 4-6 (32-bit), 4-9 to 4-11 (PAE), 4-14 to 4-20 (4- and 5-level). */
static bool is_leaf(const struct ref_cpu *cpu, int level, u64 entry)
{
	if (level == 1)
		return true;
	if (!bit(entry, 7))
		return false;
	if (cpu->mode == REF_32)
		return cpu->pse;
	return level == 2 || (level == 3 && cpu->pages_1g);
}

static u64 reserved(const struct ref_cpu *cpu, int level, u64 entry)
{
	bool leaf = is_leaf(cpu, level, entry);
	int width = cpu->maxphyaddr < 40 ? cpu->maxphyaddr : 40;
	u64 mask;

	if (cpu->mode == REF_32) {
		if (level == 1 || !leaf)
			return 0;
		return cpu->pse36 ? bits(21, width - 19) : bits(21, 13);
	}
	mask = bits(cpu->mode == REF_PAE ? 62 : 51, cpu->maxphyaddr);
	if (!cpu->nxe)
		mask |= bits(63, 63);
	if (level == 2 && leaf)
		mask |= bits(20, 13);
	if (level == 3)
		mask |= leaf ? bits(29, 13) : cpu->pages_1g ? 0 : bits(7, 7);
	if (level >= 4)
		mask |= bits(7, 7) | (cpu->amd ? bits(8, 8) : 0);
	return mask;
}

enum ref_kind ref_next(const struct ref_cpu *cpu, struct ref_path *path, u64 gva, u64 entry)
{
	bool large = path->level > 1;
	u64 addr;

	if (!bit(entry, 0))
		return REF_NOT_PRESENT;
	if (entry & reserved(cpu, path->level, entry))
		return REF_RESERVED;
	path->w = path->w && bit(entry, 1);
	path->u = path->u && bit(entry, 2);
	path->nx = path->nx || (cpu->mode != REF_32 && bit(entry, 63));
	addr = entry & (cpu->mode == REF_32 ? bits(31, 12) : bits(cpu->maxphyaddr - 1, 12));
	if (!is_leaf(cpu, path->level, entry)) {
		path->table = addr;
		path->level--;
		return REF_TABLE;
	}
	if (cpu->mode == REF_32) {
		path->size = large ? 4 << 20 : 4096;
		if (large && cpu->pse36)
			addr |= (entry >> 13 & 0xff) << 32;
	} else {
		path->size = 4096ULL << (9 * (path->level - 1));
	}
	path->addr = (addr & ~(path->size - 1)) | (gva & (path->size - 1));
	path->dirty = bit(entry, 6);
	path->global = bit(entry, 8);
	path->key = cpu->mode >= REF_4LEVEL ? entry >> 59 & 15 : 0;
	path->memtype = bit(entry, 3) | bit(entry, 4) << 1 | bit(entry, large ? 12 : 7) << 2;
	return REF_LEAF;
}

static u32 access_pfec(const struct ref_cpu *cpu, const struct ref_access *a)
{
	u32 pfec = (a->write ? REF_PF_W : 0) | (a->user ? REF_PF_U : 0);

	if (a->fetch && (cpu->smep || (cpu->mode >= REF_PAE && cpu->nxe)))
		pfec |= REF_PF_I;
	return pfec;
}

u32 ref_walk_pfec(const struct ref_cpu *cpu, const struct ref_access *a, enum ref_kind kind)
{
	return access_pfec(cpu, a) | (kind == REF_RESERVED ? REF_PF_P | REF_PF_RSVD : 0);
}

/* 4.6.2. */
static bool key_forbids(const struct ref_cpu *cpu, const struct ref_access *a,
			const struct ref_path *leaf)
{
	if (cpu->mode < REF_4LEVEL || !cpu->pke || a->fetch || !(leaf->u || cpu->supervisor_keys))
		return false;
	if (bit(a->pkru, 2 * leaf->key))
		return true;
	return bit(a->pkru, 2 * leaf->key + 1) && a->write && (a->user || cpu->wp);
}

bool ref_permits(const struct ref_cpu *cpu, const struct ref_access *a, const struct ref_path *leaf,
		 u32 *pfec)
{
	bool key = key_forbids(cpu, a, leaf), bad = key;

	if (cpu->mode == REF_OFF)
		return true;
	if (a->user)
		bad |= !leaf->u;
	if (a->fetch) {
		bad |= leaf->nx && cpu->nxe && cpu->mode != REF_32;
		bad |= !a->user && leaf->u && cpu->smep;
	} else {
		bad |= !a->user && leaf->u && cpu->smap && !a->ac;
		bad |= a->write && !leaf->w && (a->user || cpu->wp);
	}
	*pfec = access_pfec(cpu, a) | REF_PF_P | (key ? REF_PF_PK : 0);
	return !bad;
}
