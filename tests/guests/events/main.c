/* SPDX-License-Identifier: MIT */
/*
 * Interrupts, NMIs, traps and faults that meet a VM exit on their way: each must come once, at the
 * instruction where the bare machine has it. Pages are made cold (A and D clear, and with nested
 * paging not mapped by the hypervisor) first, so that the IDT, the stack or the operand cannot be
 * reached without the hypervisor's help.
 */
#include "arch/string.h"
#include "guest/builtin/lib/64/idt.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/notrap.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/test.h"
#include "mm/counters.h"

#define ALIAS    (1ULL << 39) /* a second address for the pages that get cold */
#define IDT_VA   (ALIAS + 0x00000)
#define STACK_VA (ALIAS + 0x11000)
/* The return address of on_stack() is in the next page, so that it is the event that needs this one. */
#define STACK_TOP (STACK_VA + PAGE_SIZE + 8)
#define DATA_VA   (ALIAS + 0x22000)
#define FAR_VA    (ALIAS + 0x33000)

/* More tables than the hypervisor has for a machine of a few GiB. */
#define FAR_START     GIB(16)
#define FAR_TABLES    256

#define VECTOR_INT    0x81
#define VECTOR_IPI    0x82

#define APIC          0xfee00000
#define APIC_ID       (0x20 / 4)
#define APIC_EOI      (0xb0 / 4)
#define APIC_SPURIOUS (0xf0 / 4)
#define APIC_ICR_LOW  (0x300 / 4)
#define APIC_ICR_HIGH (0x310 / 4)
#define ICR_FIXED     0x4000
#define ICR_NMI       0x4400

#define DR6_BS        BIT(14)
#define TSS_IST2      0x2c

struct record {
	u64 vector, rip, error;
};

#define RECORDS 32

static struct record records[RECORDS];
static u32 nr_records;
static volatile u32 *apic;
static u64 skip_to; /* where a fault's handler goes on; 0: at the same instruction */
static u64 dr6_seen;
static bool nmi_sends_another, page_was_absent;
static u32 nmis_in_page_fault;
static u8 *stack_page;
static u64 counted; /* the exits that a cold page costs, when the event was about to come */

extern u64 cold, table_entry, ipi_low;
extern const u64 steps[16];

void on_stack(u64 rsp, void (*sequence)(void *), void *argument);
void do_int(void *), do_int3(void *), do_int1(void *), do_ud(void *), do_gp(void *);
void do_ipi(void *), do_sti_cpuid(void *), do_sti_load(void *), do_steps(void *);
void do_breakpoints(void *), do_nmi(void *);
NORETURN void iret_from(u64 rsp);
void entry_int(void), entry_ipi(void);
void event_record(u64 vector, u64 rip);
extern const u8 after_int[], after_int3[], after_int1[], after_ud[], at_gp[], after_gp[],
	after_sti_cpuid[], at_sti_load[], after_sti_load[], break_0[], break_1[], after_nmi[],
	at_iret[];

#define ADDR(label) ((u64)(uintptr_t)(label))

static void record(u64 vector, u64 rip, u64 error)
{
	if (nr_records < RECORDS)
		records[nr_records] = (struct record){vector, rip, error};
	nr_records++;
}

void event_record(u64 vector, u64 rip)
{
	record(vector, rip, 0);
	if (vector == VECTOR_IPI)
		apic[APIC_EOI] = 0;
}

static u64 read_dr6(void)
{
	u64 v;

	__asm__ volatile("mov %%dr6, %0" : "=r"(v));
	return v;
}

static void write_dr(u64 dr0, u64 dr1, u64 dr7)
{
	__asm__ volatile("mov %0, %%dr0\n\tmov %1, %%dr1\n\tmov %2, %%dr6\n\tmov %3, %%dr7"
			 :
			 : "r"(dr0), "r"(dr1), "r"(0xffff0ff0ULL), "r"(dr7));
}

/* Any fault or trap but NMI. */
static bool on_exception(struct frame *f)
{
	record(f->vector, f->rip, f->error);
	if (f->vector == VEC_DB) {
		dr6_seen |= read_dr6();
		/* Not the same breakpoint again. */
		f->rflags |= RFLAGS_RF;
	}
	if (f->vector == VEC_UD || f->vector == VEC_GP)
		f->rip = skip_to;
	return true;
}

static u64 *pte(u64 va)
{
	return entry_of(paging_root, va, 1);
}

static void touch(u64 va)
{
	(void)*(volatile u8 *)ptr(va);
}

static bool is_nested(void)
{
	return notrap_info() & NOTRAP_INFO_NESTED;
}

/*
 * When the memory for nested tables is used up, they are all dropped: look at as many addresses as it
 * takes, each in a table of its own. There is nothing there.
 */
static void drop_nested_tables(void)
{
	u64 recycled = notrap_call(HC_COUNTER, CNT_mmu_recycled);

	for (u64 i = 0; i < FAR_TABLES; i++) {
		*pte(FAR_VA) = (FAR_START + GIB(i)) | PTE_P | PTE_A;
		invlpg(FAR_VA);
		touch(FAR_VA);
	}
	check(notrap_call(HC_COUNTER, CNT_mmu_recycled) > recycled, "no page has got cold");
}

static void make_cold(u64 va)
{
	*pte(va) &= ~(PTE_A | PTE_D);
	invlpg(va);
	if (is_nested())
		drop_nested_tables();
}

/* Each is in a large page of its own, so that one can be cold while another is not. */
static void map_alias(u64 va)
{
	*pte(va) = page_alloc(PAGE_2M / PAGE_SIZE, PAGE_2M) | PTE_P | PTE_W | PTE_A | PTE_D;
}

/* IDT and stack, each cold or not. */
struct chill {
	bool idt, stack;
	const char *name;
};

static const struct chill chills[] = {
	{false, false, "warm"}, {true, false, "IDT"}, {false, true, "stack"}, {true, true, "both"}};

static void chill(const struct chill *c)
{
	nr_records = 0;
	if (c->idt)
		make_cold(IDT_VA);
	if (c->stack)
		make_cold(STACK_VA);
	if (!c->idt)
		touch(IDT_VA);
	if (!c->stack)
		touch(STACK_VA);
	if (is_nested())
		counted = notrap_call(HC_COUNTER, CNT_exits_npf);
}

static void check_one(const char *what, const struct chill *c, u64 vector, u64 rip, u64 error)
{
	check(nr_records == 1 && records[0].vector == vector && records[0].rip == rip &&
		      records[0].error == error,
	      "%s, %s cold: %u events; vector %lx at %lx error %lx, not vector %lx at %lx error %lx",
	      what, c->name, nr_records, records[0].vector, records[0].rip, records[0].error,
	      vector, rip, error);
	check((*pte(IDT_VA) & (PTE_A | PTE_D)) == (PTE_A | (c->idt ? 0 : *pte(IDT_VA) & PTE_D)),
	      "%s, %s cold: IDT's PTE %lx", what, c->name, *pte(IDT_VA));
	check((~*pte(STACK_VA) & (PTE_A | PTE_D)) == 0, "%s, %s cold: stack's PTE %lx", what,
	      c->name, *pte(STACK_VA));
	check(!is_nested() || notrap_call(HC_COUNTER, CNT_exits_npf) >= counted + c->idt + c->stack,
	      "%s, %s cold: fewer nested faults than cold pages", what, c->name);
}

/* Everything that goes through the IDT, with the IDT or the stack out of reach. */
static void test_delivery(void)
{
	static const struct {
		const char *what;
		void (*sequence)(void *);
		u64 vector;
		const u8 *rip, *skip;
		u64 error;
	} cases[] = {
		{"INT 81h", do_int, VECTOR_INT, after_int, NULL, 0},
		{"INT3", do_int3, VEC_BP, after_int3, NULL, 0},
		{"INT1", do_int1, VEC_DB, after_int1, NULL, 0},
		{"UD2", do_ud, VEC_UD, (const u8 *)do_ud, after_ud, 0},
		{"#GP", do_gp, VEC_GP, at_gp, after_gp, 0x44},
	};

	for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
		for (u32 j = 0; j < ARRAY_SIZE(chills); j++) {
			skip_to = ADDR(cases[i].skip);
			chill(&chills[j]);
			on_stack(STACK_TOP, cases[i].sequence, NULL);
			check_one(cases[i].what, &chills[j], cases[i].vector, ADDR(cases[i].rip),
				  cases[i].error);
		}
	}
}

/* From the local APIC: where exactly is the hardware's choice, but once, and never nested. */
static void test_interrupts(bool nmis)
{
	for (u32 j = 0; j < ARRAY_SIZE(chills); j++) {
		ipi_low = ICR_FIXED | VECTOR_IPI;
		chill(&chills[j]);
		on_stack(STACK_TOP, do_ipi, (void *)apic);
		check_one("interrupt", &chills[j], VECTOR_IPI, records[0].rip, 0);
		if (!nmis)
			continue;
		ipi_low = ICR_NMI;
		chill(&chills[j]);
		on_stack(STACK_TOP, do_ipi, (void *)apic);
		check_one("NMI", &chills[j], VEC_NMI, records[0].rip, 0);
	}
}

static void test_sti_shadow(void)
{
	const struct chill warm = {.name = "operand"};

	ipi_low = ICR_FIXED | VECTOR_IPI;
	nr_records = 0;
	on_stack(STACK_TOP, do_sti_cpuid, (void *)apic);
	check_one("STI; CPUID", &warm, VECTOR_IPI, ADDR(after_sti_cpuid), 0);
	nr_records = 0;
	make_cold(DATA_VA);
	on_stack(STACK_TOP, do_sti_load, (void *)apic);
	/* The operand costs an exit, for which Bochs forgets that STI came before. */
	if (notrap_present() && records[0].rip == ADDR(at_sti_load))
		records[0].rip = ADDR(after_sti_load);
	check_one("STI; MOV", &warm, VECTOR_IPI, ADDR(after_sti_load), 0);
}

static void test_single_step(void)
{
	nr_records = 0;
	dr6_seen = 0;
	write_dr(0, 0, 0x400);
	table_entry = ADDR(pte(DATA_VA + PAGE_SIZE));
	make_cold(DATA_VA);
	on_stack(STACK_TOP, do_steps, NULL);
	check(nr_records == ARRAY_SIZE(steps), "single step: %u traps, not %lu", nr_records,
	      ARRAY_SIZE(steps));
	for (u32 i = 0; i < ARRAY_SIZE(steps); i++)
		check(records[i].vector == VEC_DB && records[i].rip == steps[i],
		      "single step %u: vector %lx at %lx, not at %lx", i, records[i].vector,
		      records[i].rip, steps[i]);
	check(dr6_seen & DR6_BS, "single step: DR6 %lx", dr6_seen);
}

static void test_breakpoints(void)
{
	nr_records = 0;
	dr6_seen = 0;
	make_cold(DATA_VA);
	write_dr(ADDR(break_0), ADDR(break_1), 0x405);
	on_stack(STACK_TOP, do_breakpoints, NULL);
	write_dr(0, 0, 0x400);
	check(nr_records == 2 && records[0].rip == ADDR(break_0) && records[1].rip == ADDR(break_1),
	      "breakpoints: %u hits, at %lx and %lx, not at %lx and %lx", nr_records,
	      records[0].rip, records[1].rip, ADDR(break_0), ADDR(break_1));
	check((dr6_seen & 0xf) == 3, "breakpoints: DR6 %lx", dr6_seen);
}

static void cause_exits(void)
{
	make_cold(DATA_VA);
	touch(DATA_VA);
	cpuid(0, 0);
}

/* The first NMI sends a second one, and leaves by an IRET whose stack cannot be read at once. */
static bool on_nmi(struct frame *f)
{
	u64 frame_va = STACK_VA + 0x100;

	record(f->vector, f->rip, f->error);
	if (!nmi_sends_another)
		return true;
	nmi_sends_another = false;
	apic[APIC_ICR_LOW] = ICR_NMI;
	cause_exits();
	check(nr_records == 1, "an NMI came inside the handler of one");
	f->rip = ADDR(after_nmi);
	memcpy(stack_page + 0x100, &f->rip, 5 * sizeof(u64));
	make_cold(STACK_VA);
	if (page_was_absent) {
		*pte(STACK_VA) &= ~PTE_P;
		invlpg(STACK_VA);
	}
	iret_from(frame_va);
}

/* The frame that IRET reads is not there: the guest's own fault, and NMIs are free again. */
static bool on_page_fault(struct frame *f)
{
	nmis_in_page_fault = nr_records;
	check(f->error == 0 && f->rip == ADDR(at_iret), "page fault of IRET: error %lx at %lx",
	      f->error, f->rip);
	*pte(STACK_VA) |= PTE_P;
	return true;
}

/*
 * SDM vol. 3A 6.7.1: an NMI waits for the IRET of the one before, and IRET lets it through even
 * when it faults. A fault that is the hypervisor's affair alone must not show.
 */
static void test_nmi_blocking(void)
{
	u64 rsp = ADDR(ptr(page_alloc(1, PAGE_SIZE))) + PAGE_SIZE;

	nr_records = 0;
	nmi_sends_another = true;
	page_was_absent = false;
	on_stack(rsp, do_nmi, (void *)apic);
	/* SVM cannot block NMIs again for an IRET that has to be repeated: the second comes there. */
	if ((notrap_info() & NOTRAP_INFO_SVM) && records[1].rip == ADDR(at_iret))
		records[1].rip = ADDR(after_nmi);
	check(nr_records == 2 && records[1].rip >= ADDR(after_nmi) &&
		      records[1].rip < ADDR(at_iret),
	      "NMI behind a slow IRET: %u of them, the second one at %lx, not %lx", nr_records,
	      records[1].rip, ADDR(after_nmi));

	nr_records = 0;
	nmi_sends_another = true;
	page_was_absent = true;
	on_stack(rsp, do_nmi, (void *)apic);
	check(nr_records == 2 && nmis_in_page_fault == 2,
	      "NMI behind an IRET that faults: %u of them, %u by then", nr_records,
	      nmis_in_page_fault);
}

static void set_gate(u64 *idt, u8 vector, void (*entry)(void))
{
	u64 at = ADDR(entry);

	idt[2 * vector] =
		(at & 0xffff) | SEL_CODE << 16 | 0x8e0000000000 | (at >> 16 & 0xffff) << 48;
	idt[2 * vector + 1] = at >> 32;
}

/* A stack of its own for #PF: SDM vol. 3A 6.14.5, figure 8-11. */
static void set_page_fault_stack(u64 *idt)
{
	struct table_pointer gdt;
	const u64 *tss;
	u64 base, top = page_alloc(1, PAGE_SIZE) + PAGE_SIZE;

	__asm__ volatile("sgdt %0" : "=m"(gdt));
	tss = ptr(gdt.base + SEL_TSS);
	base = (tss[0] >> 16 & 0xffffff) | (tss[0] >> 56) << 24 | tss[1] << 32;
	memcpy(ptr(base + TSS_IST2), &top, sizeof(top));
	idt[2 * VEC_PF] |= 2ULL << 32;
}

static void set_up(void)
{
	static const u8 vectors[] = {VEC_DB, VEC_BP, VEC_UD, VEC_GP};
	struct table_pointer pointer;

	map_alias(IDT_VA);
	map_alias(STACK_VA);
	map_alias(STACK_VA + PAGE_SIZE);
	map_alias(DATA_VA);
	map_alias(DATA_VA + PAGE_SIZE);
	stack_page = ptr(*pte(STACK_VA) & PTE_ADDR);
	cold = DATA_VA;

	__asm__ volatile("sidt %0" : "=m"(pointer));
	memcpy(ptr(IDT_VA), ptr(pointer.base), PAGE_SIZE);
	set_gate(ptr(IDT_VA), VECTOR_INT, entry_int);
	set_gate(ptr(IDT_VA), VECTOR_IPI, entry_ipi);
	set_page_fault_stack(ptr(IDT_VA));
	pointer.base = IDT_VA;
	__asm__ volatile("lidt %0" : : "m"(pointer));
	for (u32 i = 0; i < ARRAY_SIZE(vectors); i++)
		exception_handle(vectors[i], on_exception);
	exception_handle(VEC_NMI, on_nmi);
	exception_handle(VEC_PF, on_page_fault);

	map_identity(APIC, PAGE_SIZE);
	apic = ptr(APIC);
	apic[APIC_SPURIOUS] = 0x1ff;
	apic[APIC_ICR_HIGH] = apic[APIC_ID];
	/* No other interrupt than those that are sent here. */
	out8(0x21, 0xff);
	out8(0xa1, 0xff);
}

/* nmi=0: on a machine that is late with NMIs by itself. */
const char *guest_main(void)
{
	bool nmis = guest_option_number("nmi", 1);

	set_up();
	test_delivery();
	test_interrupts(nmis);
	test_sti_shadow();
	test_single_step();
	test_breakpoints();
	if (nmis)
		test_nmi_blocking();
	return check_end("events");
}
