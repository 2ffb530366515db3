/* SPDX-License-Identifier: MIT */
/*
 * An x87 error is IRQ 13 while CR0.NE is 0, else #MF: SDM vol. 3A 2.5, vol. 1 D.2. VMX has no guest
 * with NE clear: there notrap's has #MF in both.
 */
#include "arch/cpu.h"
#include "guest/builtin/lib/exception.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/notrap.h"
#include "guest/builtin/lib/test.h"
#include "guest/hypercall.h"

#define PIC1  0x20
#define PIC2  0xa0
#define BASE1 0x20 /* vectors */
#define BASE2 0x28

extern const u8 ferr_irq[];
extern volatile u32 ferr_irqs;
void ferr_divide(void);

static volatile u32 faults;

static bool on_mf(struct frame *frame)
{
	(void)frame;
	faults++;
	__asm__ volatile("fnclex");
	return true;
}

static void start_pic(u16 port, u8 base, u8 cascade, u8 mask)
{
	out8(port, 0x11);
	out8(port + 1, base);
	out8(port + 1, cascade);
	out8(port + 1, 1);
	out8(port + 1, mask);
}

static void try_divide(const char *name, u64 cr0, u32 mf, u32 irqs)
{
	faults = ferr_irqs = 0;
	write_cr0(cr0);
	check(read_cr0() == cr0, "%s: CR0 reads as %lx", name, read_cr0());
	ferr_divide();
	check(faults == mf && ferr_irqs == irqs, "%s: %u #MF, %u IRQ 13", name, faults, ferr_irqs);
}

const char *guest_main(void)
{
	u64 old = read_cr0(), cr0 = old & ~(u64)(CR0_TS | CR0_EM);
	bool forced = notrap_present() && !(notrap_info() & NOTRAP_INFO_SVM);

	/* Only the second PIC, and its input 5. */
	start_pic(PIC1, BASE1, 4, 0xfb);
	start_pic(PIC2, BASE2, 2, 0xdf);
	exception_set_gate(BASE2 + 5, ferr_irq);
	exception_handle(VEC_MF, on_mf);
	try_divide("NE", cr0 | CR0_NE, 1, 0);
	try_divide("no NE", cr0 & ~(u64)CR0_NE, forced, !forced);
	write_cr0(old);
	return check_end("ferr");
}
