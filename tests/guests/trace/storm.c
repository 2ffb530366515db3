/* SPDX-License-Identifier: MIT */
/*
 * NMIs at every moment, those that hit the hypervisor included: single steps over instructions that
 * exit (SDM vol. 3A table 6-2: a trap on the previous instruction comes before an NMI), demand paging,
 * and a handler of NMI whose own memory is cold. turns=N.
 */
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"
#include "guest/builtin/lib/test.h"
#include "tests/guests/trace/trace.h"

#define APIC_ID   (0x20 / 4)
#define SPURIOUS  (0xf0 / 4)
#define ICR_HIGH  (0x310 / 4)
#define IO_APIC   0xfec00000
#define PIN_2     0x14 /* the PIT's redirection entry */
#define TO_NMI    0x400
#define MASKED    0x10000

#define NMI_VA    (COLD_VA + PAGE_SIZE)
#define DEMAND_VA (COLD_VA + PAGE_2M)
#define DEMAND    64
#define STEPS_MAX 64

extern const u8 storm_steps[];

static u64 wanted[STEPS_MAX], got[STEPS_MAX], *nmi_pte, page;
static u32 nr_wanted, nr_got, nmis, in_nmi, nested, demanded, bad_faults;
static bool handler_is_cold;
static u16 timer; /* the PIT's clocks to the next NMI; 0: none comes */

void nmi_init(void)
{
	volatile u32 *apic = ptr(APIC), *io = ptr(IO_APIC);

	map_identity(APIC, PAGE_SIZE);
	map_identity(IO_APIC, PAGE_SIZE);
	apic[SPURIOUS] = 0x1ff;
	apic[ICR_HIGH] = apic[APIC_ID];
	out8(0x21, 0xff);
	out8(0xa1, 0xff);
	io[0] = PIN_2 + 1;
	io[4] = apic[APIC_ID];
}

void nmi_timer(u16 clocks)
{
	volatile u32 *io = ptr(IO_APIC);

	timer = clocks;
	io[0] = PIN_2;
	io[4] = TO_NMI | (clocks ? 0 : MASKED);
	nmi_again();
}

void nmi_again(void)
{
	static u32 times;
	u16 clocks = (u16)(timer + times++ % 8);

	if (!timer)
		return;
	out8(0x43, 0x30);
	out8(0x40, (u8)clocks);
	out8(0x40, (u8)(clocks >> 8));
}

static bool on_step(struct frame *f)
{
	if (nr_got < STEPS_MAX)
		got[nr_got] = f->rip;
	nr_got++;
	return true;
}

static bool on_nmi(struct frame *f)
{
	(void)f;
	nmis++;
	nested += in_nmi++ != 0;
	if (handler_is_cold) {
		*nmi_pte &= ~(u64)(PTE_A | PTE_D);
		invlpg(NMI_VA);
		*(volatile u32 *)ptr(NMI_VA) = nmis;
		cpuid(0, 0);
	}
	in_nmi--;
	nmi_again();
	return true;
}

static bool on_demand(struct frame *f)
{
	u64 va = read_cr2(), *entry = entry_of(paging_root, va, 1);

	demanded++;
	bad_faults += va - DEMAND_VA >= DEMAND * PAGE_SIZE || (f->error & ~(u64)PFEC_W) ||
		      (*entry & PTE_P) || in_nmi;
	*entry = page | LEAF;
	return true;
}

static void demand(u32 stride)
{
	demanded = 0;
	for (u32 i = 0; i < DEMAND; i += stride) {
		*(volatile u32 *)ptr(DEMAND_VA + i * PAGE_SIZE + 8) = i;
		bad_faults += *(volatile u32 *)ptr(page + 8) != i;
	}
	for (u32 i = 0; i < DEMAND; i++)
		*entry_of(paging_root, DEMAND_VA + i * PAGE_SIZE, 1) = 0;
	reload_cr3();
	bad_faults += demanded != (DEMAND + stride - 1) / stride;
}

static void step_once(void)
{
	nr_got = 0;
	make_cold();
	call_code(storm_steps, COLD_VA, ADDR(cold_pte), page | LEAF);
}

/* The shortest exit there is, entered again without most of the others' way. */
static void read_cr3_often(void)
{
	u64 root = read_cr3(), value;

	for (u32 i = 0; i < 32; i++) {
		bad_faults += read_cr3() != root;
		__asm__ volatile("mov %%cr3, %%rsi" : "=S"(value));
		bad_faults += value != root;
	}
}

static void storm(u16 apart, bool cold, u32 turns)
{
	u32 lost = 0, wrong = 0;

	nmis = nested = bad_faults = 0;
	handler_is_cold = cold;
	nmi_timer(apart);
	for (u32 turn = 0; turn < turns; turn++) {
		step_once();
		lost += nr_got < nr_wanted;
		for (u32 i = 0; i < nr_wanted; i++) {
			if (got[i] != wanted[i] || nr_got > nr_wanted) {
				wrong++;
				break;
			}
		}
		demand(1 + turn % 3);
		read_cr3_often();
	}
	nmi_timer(0);
	print("info: %u NMIs in %u turns\n", nmis, turns);
	check(!lost && !wrong && !bad_faults && !nested,
	      "NMIs %u apart%s: steps lost in %u turns, wrong in %u, %u bad faults, %u NMIs nested",
	      apart, cold ? ", cold handler" : "", lost, wrong, bad_faults, nested);
	check(nmis > turns / 8, "NMIs %u apart: %u of them", apart, nmis);
}

void trace_storm(void)
{
	u32 turns = guest_option_number("turns", 100);

	nmi_init();
	page = *cold_pte & PTE_ADDR;
	nmi_pte = entry_of(paging_root, NMI_VA, 1);
	*nmi_pte = page_alloc(1, PAGE_SIZE) | LEAF;
	(void)entry_of(paging_root, DEMAND_VA, 1);
	exception_handle(VEC_DB, on_step);
	exception_handle(VEC_NMI, on_nmi);
	exception_handle(VEC_PF, on_demand);
	step_once();
	nr_wanted = nr_got;
	for (u32 i = 0; i < nr_wanted && i < STEPS_MAX; i++)
		wanted[i] = got[i];
	check(nr_wanted == 18, "%u steps", nr_wanted);
	storm(7, false, turns);
	storm(13, true, turns);
	storm(31, true, turns);
	storm(97, false, turns);
}
