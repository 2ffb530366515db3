/* SPDX-License-Identifier: MIT */
/* The boot self-test: each kind of entry at each level, tried in a guest context; docs/idea.md. */
#include "guest/selftest.h"

#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "arch/string.h"
#include "guest/backend.h"
#include "guest/exits.h"
#include "mm/phys.h"

/* One table for each level, and one page with all else that the guest context has. */
struct context {
	u64 table[SPTE_LEVELS][512] __attribute__((aligned(PAGE_SIZE))); /* [1] to [5] */
	u64 empty[512];
	u8 page[PAGE_SIZE];
};

static struct context context;

/* Linear addresses. The page is entry 1 of table[1]. */
#define PAGE_GVA   0x1000
#define PROBE_GVA  (PAGE_GVA + 0x000)
#define FAULT_GVA  (PAGE_GVA + 0x010)
#define IDT_GVA    (PAGE_GVA + 0x800)
#define GDT_GVA    (PAGE_GVA + 0x900)
#define STACK_GVA  (PAGE_GVA + 0xff0)
#define PROBE_SLOT 2 /* the entry under test, in each table */

#define TEST_CS    0x08
#define TEST_DS    0x10

/* What EAX holds when the guest's own fault handler ran. */
#define FAULT_SEEN 0x5eed

/* The same bytes do in 32-bit and in 64-bit mode; CPUID exits on every CPU. */
static const u8 probe_code[] = {
	0x8a, 0x03, /* mov al, [rbx] */
	0x0f, 0xa2, /* cpuid */
};
static const u8 fault_code[] = {
	0x59,                         /* pop rcx: the error code */
	0x0f, 0x20, 0xd2,             /* mov rdx, cr2 */
	0xb8, 0xed, 0x5e, 0x00, 0x00, /* mov eax, FAULT_SEEN */
	0x0f, 0xa2,                   /* cpuid */
};

/* top: the level of the table that CR3 points to. */
static void context_init(enum spte_format format, int top)
{
	u64 *idt = (u64 *)&context.page[IDT_GVA - PAGE_GVA];
	u64 *gdt = (u64 *)&context.page[GDT_GVA - PAGE_GVA];
	/* An interrupt gate, present, DPL 0: SDM vol. 3A 6.11, 6.14.1. Offsets fit in 16 bits. */
	u64 gate = 0x8e0000000000 | TEST_CS << 16 | FAULT_GVA;

	memset(&context, 0, sizeof(context));
	memcpy(&context.page[PROBE_GVA - PAGE_GVA], probe_code, sizeof(probe_code));
	memcpy(&context.page[FAULT_GVA - PAGE_GVA], fault_code, sizeof(fault_code));
	idt[format == SPTE_FORMAT_64 ? 2 * VEC_PF : VEC_PF] = gate;
	gdt[TEST_CS / 8] = format == SPTE_FORMAT_64 ? 0x00af9b000000ffff : 0x00cf9b000000ffff;
	gdt[TEST_DS / 8] = 0x00cf93000000ffff;

	for (int level = top; level > 1; level--)
		context.table[level][0] = phys_addr(context.table[level - 1]) | PTE_P;
	/* PAE PDPTEs have no W bit: SDM vol. 3A table 4-8. */
	for (int level = format == SPTE_FORMAT_64 ? top : 2; level > 1; level--)
		context.table[level][0] |= PTE_W;
	context.table[1][1] = phys_addr(context.page) | PTE_P | PTE_W;
}

static void vcpu_setup(struct vcpu *v, enum spte_format format, int top)
{
	const struct backend *ops = v->ops;
	struct segment code = {.limit = ~0U, .attr = 0xc09b, .sel = TEST_CS};
	struct segment data = {.limit = ~0U, .attr = 0xc093, .sel = TEST_DS};
	struct segment tss = {.limit = 0x67, .attr = 0x8b};
	struct segment none = {.attr = SEG_ATTR_UNUSABLE};
	struct dtable gdt = {.base = GDT_GVA, .limit = 3 * 8 - 1};
	struct dtable idt = {.base = IDT_GVA, .limit = 16 * 16 - 1};
	u64 cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
	u64 cr4 = CR4_PAE | (top == 5 ? CR4_LA57 : 0);

	if (format == SPTE_FORMAT_64)
		code.attr = 0xa09b;
	for (enum seg seg = SEG_ES; seg <= SEG_GS; seg++)
		ops->set_seg(v, seg, seg == SEG_CS ? &code : &data);
	ops->set_seg(v, SEG_LDTR, &none);
	ops->set_seg(v, SEG_TR, &tss);
	ops->set_dtables(v, &gdt, &idt);
	ops->set_cr(v, 0, cr0, cr0);
	ops->set_cr(v, 4, cr4, cr4);
	ops->set_efer(v, format == SPTE_FORMAT_64 ? EFER_LME | EFER_LMA : 0);
	ops->set_root(v, phys_addr(context.table[top]));
	ops->set_pf_filter(v, ops->can_filter_pf ? PF_FILTER_PRESENT : PF_FILTER_ALL);
	ops->set_invlpg_exiting(v, false);
}

/* Read one byte at gva inside the guest; what stopped it is in *exit, and in the registers. */
static void probe(struct vcpu *v, u64 gva, struct vmexit *exit)
{
	v->ops->flush_all(v);
	/* Interrupts are off in there, but another backend may exit for them all the same. */
	do {
		v->gpr[RAX] = 0;
		v->gpr[RBX] = gva;
		v->gpr[RSP] = STACK_GVA;
		v->rip = PROBE_GVA;
		v->rflags = RFLAGS_FIXED;
		v->ops->run(v, exit);
	} while (exit->kind == VMEXIT_INTR || exit->kind == VMEXIT_NMI);
}

static u64 slot_gva(int level)
{
	return (u64)PROBE_SLOT << (12 + 9 * (level - 1));
}

static void probe_slot(struct vcpu *v, int level, u64 entry, struct vmexit *exit)
{
	context.table[level][PROBE_SLOT] = entry;
	probe(v, slot_gva(level), exit);
	context.table[level][PROBE_SLOT] = 0;
}

/* An ordinary read must get through, or no other result means anything. */
static int prove_context(struct vcpu *v, int top)
{
	struct vmexit exit;

	probe(v, PAGE_GVA, &exit);
	if (exit.kind == VMEXIT_CPUID && v->gpr[RAX] == probe_code[0])
		return 0;
	guest_dump(v);
	return fail(
		"self-test: the guest context of %d levels does not run: exit %llu (%s) at %llx",
		top, (unsigned long long)exit.reason, v->ops->exit_name(exit.reason),
		(unsigned long long)v->rip);
}

static bool prove_notrap(struct vcpu *v, int level)
{
	u64 gva = slot_gva(level);
	struct vmexit exit;

	probe_slot(v, level, SPTE_NOTRAP, &exit);
	if (!v->ops->can_filter_pf)
		return exit.kind == VMEXIT_PF && exit.pf.gva == gva && exit.pf.error == 0;
	return exit.kind == VMEXIT_CPUID && v->gpr[RAX] == FAULT_SEEN && v->gpr[RCX] == 0 &&
	       v->gpr[RDX] == gva;
}

static bool prove_trap(struct vcpu *v, int level, u64 entry)
{
	struct vmexit exit;

	if (!entry)
		return false;
	probe_slot(v, level, entry, &exit);
	if (exit.kind != VMEXIT_PF || exit.pf.gva != slot_gva(level) ||
	    !(exit.pf.error & PFEC_RSVD))
		return false;
	/* A filter goes by the P bit, so that one must be right too. */
	return !v->ops->can_filter_pf || (exit.pf.error & PFEC_P);
}

/*
 * A fault proves an entry only if the walk ended there: memory that does not exist reads as ones, and
 * a table of ones faults with RSVD=1 too. A PTE leads nowhere, so it is level 1 that proves the
 * address bits for the levels above; PS makes a leaf of a PDE and a PDPTE; and bit 7 of a PML4E or
 * PML5E has to fault over a table that exists as well.
 */
static void prove_levels(struct vcpu *v, enum spte_format format, int first, int last,
			 struct selftest_result *out)
{
	int maxphyaddr = v->machine->maxphyaddr;
	bool *address = out->address[format], *structural = out->structural[format];
	u64 bit7 = phys_addr(context.empty) | PTE_PS | PTE_P;

	for (int level = first; level <= last; level++) {
		u64 trap = spte_trap_structural(level, maxphyaddr);

		if (!prove_notrap(v, level))
			out->notrap = false;
		address[level] = (level == 1 || address[1]) &&
				 prove_trap(v, level, spte_trap_address(format));
		structural[level] = trap && prove_trap(v, level, trap) &&
				    (level < 4 || prove_trap(v, level, bit7));
	}
	out->levels[format] = last;
}

/* In a context with its root at level `top`, prove the levels from `first` to `last`. */
static int prove_format(struct vcpu *v, enum spte_format format, int top, int first, int last,
			struct selftest_result *out)
{
	context_init(format, top);
	vcpu_setup(v, format, top);
	if (prove_context(v, top))
		return -1;
	prove_levels(v, format, first, last, out);
	return 0;
}

/* The proved levels as text, " 1 2 3 4"; " none" when there is none. */
struct level_list {
	char text[2 * SPTE_LEVELS + 1];
};

static struct level_list list_levels(const bool *proved)
{
	struct level_list list = {" none"};
	int n = 0;

	for (int level = 1; level < SPTE_LEVELS; level++) {
		if (!proved[level])
			continue;
		list.text[n++] = ' ';
		list.text[n++] = (char)('0' + level);
		list.text[n] = '\0';
	}
	return list;
}

int selftest_traps(struct vcpu *v, struct selftest_result *out)
{
	*out = (struct selftest_result){.notrap = true};
	/* PAE PDPTEs are registers, never traps. */
	if (prove_format(v, SPTE_FORMAT_64, 4, 1, 4, out) ||
	    prove_format(v, SPTE_FORMAT_PAE, 3, 1, 2, out) ||
	    ((v->machine->cr4_allowed & CR4_LA57) && prove_format(v, SPTE_FORMAT_64, 5, 5, 5, out)))
		return -1;
	v->ops->set_pf_filter(v, PF_FILTER_ALL);
	v->ops->flush_all(v);

	if (v->ops->can_filter_pf)
		say("self-test: not-present faults %s", out->notrap ? "stay in the guest" : "exit");
	say("self-test: traps proved at levels: address%s (PAE%s), structural%s (PAE%s)",
	    list_levels(out->address[SPTE_FORMAT_64]).text,
	    list_levels(out->address[SPTE_FORMAT_PAE]).text,
	    list_levels(out->structural[SPTE_FORMAT_64]).text,
	    list_levels(out->structural[SPTE_FORMAT_PAE]).text);
	return 0;
}

void selftest_choose(const struct selftest_result *result, enum opt_trap trap, u8 maxphyaddr,
		     struct spte_traps *traps)
{
	*traps = (struct spte_traps){0};
	for (enum spte_format format = 0; format < NR_SPTE_FORMATS; format++)
		for (int level = 1; level <= result->levels[format]; level++) {
			u64 *entry = &traps->entry[format][level];

			/* In the PAE format bits 62:52 are reserved on every CPU. */
			bool structural_only =
				trap == TRAP_STRUCTURAL && (format == SPTE_FORMAT_64 || level > 1);

			if (result->address[format][level] && !structural_only)
				*entry = spte_trap_address(format);
			else if (result->structural[format][level] && trap != TRAP_ADDRESS)
				*entry = spte_trap_structural(level, maxphyaddr);
			else
				*entry = SPTE_TRAP_NOT_PRESENT;
		}
}
