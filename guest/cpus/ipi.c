/* SPDX-License-Identifier: MIT */
/* INIT, SMIs and start-up IPIs of the guest's, dropped. */
#include "guest/cpus/ipi.h"

#include "arch/console.h"
#include "arch/cpu.h"
#include "arch/insn.h"
#include "guest/firmware/madt.h"
#include "guest/machine/backend.h"
#include "guest/machine/hidden.h"
#include "guest/machine/machine.h"
#include "mm/phys/map.h"
#include "mm/phys/phys.h"

/* A write anywhere behind the APIC's own page, or to its first register, is an MSI on QEMU. */
#define MSI_SPACE     MIB(1)
#define APIC_FIRST    0x10
#define APIC_REGISTER 16 /* bytes: QEMU takes each of their words for the register */
#define APIC_ICR_LOW  0x300
/* The local vectors: SDM vol. 3A 11.5.1. */
#define APIC_LVT_CMCI  0x2f0
#define APIC_LVT_FIRST 0x320
#define APIC_LVT_LAST  0x370

#define DELIVERY(cmd)  ((cmd) >> 8 & 7)
enum { DELIVER_SMI = 2, DELIVER_INIT = 5, DELIVER_STARTUP = 6 };

/* I/O APIC: a register's number, and the register. On QEMU they are there every 256 bytes. */
#define IO_APIC_SELECT 0x00
#define IO_APIC_WINDOW 0x10
#define IO_APIC_REPEAT 0x100
#define IO_APIC_ENTRY  0x10 /* the first entry's low half; odd numbers are high halves */

struct io_apics {
	struct machine *machine;
	int err;
};

static void watch_io_apic(void *ctx, u32 hpa)
{
	struct io_apics *all = ctx;
	struct machine *m = all->machine;
	u64 page = ALIGN_DOWN((u64)hpa, PAGE_SIZE);

	if (m->nr_io_apics == IO_APICS_MAX) {
		all->err = fail("the firmware lists more than %u I/O APICs", IO_APICS_MAX);
		return;
	}
	m->io_apic[m->nr_io_apics++] = page;
	if (watch_memory(m, page, page + PAGE_SIZE) < 0)
		all->err = -1;
}

int ipi_watch(struct machine *m, const struct bootinfo *boot)
{
	struct io_apics all = {.machine = m};

	m->ipi_base = rdmsr(MSR_APIC_BASE) & GENMASK(51, 12);
	madt_each_io_apic(boot, watch_io_apic, &all);
	if (all.err < 0)
		return -1;
	return watch_memory(m, m->ipi_base, m->ipi_base + MSI_SPACE);
}

/* What is written here says what the local APIC sends, or delivers by itself. */
static bool is_delivery(u64 offset)
{
	u64 first = ALIGN_DOWN(offset, APIC_REGISTER);

	return first == APIC_ICR_LOW || first == APIC_LVT_CMCI ||
	       (first >= APIC_LVT_FIRST && first <= APIC_LVT_LAST);
}

static bool is_delivery_msr(u32 msr)
{
	return msr >= MSR_X2APIC_FIRST &&
	       is_delivery((u64)(msr - MSR_X2APIC_FIRST) * APIC_REGISTER);
}

void ipi_intercept(struct vcpu *v)
{
	if (!ipi_is_watched(v->machine))
		return;
	for (u32 i = 0; i < PAGE_SIZE / APIC_REGISTER; i++) {
		if (is_delivery_msr(MSR_X2APIC_FIRST + i))
			v->ops->intercept_msr(v, MSR_X2APIC_FIRST + i, false, true);
	}
}

/*
 * The low half of an interrupt command or of an I/O APIC's entry, a local vector, or an MSI's data: INIT,
 * start-up or SMI (SDM vol. 3A 11.5.1, 11.6.1, 11.11.2).
 */
bool ipi_leads_outside(u32 command)
{
	u32 delivery = DELIVERY(command);

	/* QEMU's TCG goes into SMM with the guest's intercepts in force. */
	return delivery == DELIVER_SMI || delivery == DELIVER_INIT || delivery == DELIVER_STARTUP;
}

static void say_dropped(struct machine *m, u32 command)
{
	if (machine_may_say(m, LINE_IPI))
		say("the guest asks for INIT, SMI or a start-up IPI (%x): dropped", command);
}

static bool is_command(const struct machine *m, u64 gpa, u32 size)
{
	u64 offset = gpa - m->ipi_base;

	if (offset >= MSI_SPACE)
		return false;
	return is_delivery(offset) || is_delivery(offset + size - 1) || offset < APIC_FIRST ||
	       offset >= PAGE_SIZE;
}

/* The low half of an entry of an I/O APIC's, which is the register that is in its window. */
static bool is_entry(const struct machine *m, u64 gpa, u32 size)
{
	u64 page = ALIGN_DOWN(gpa, PAGE_SIZE), offset = gpa % IO_APIC_REPEAT;

	if (offset + size <= IO_APIC_WINDOW || offset >= IO_APIC_WINDOW + 4)
		return false;
	for (u32 i = 0; i < m->nr_io_apics; i++) {
		if (m->io_apic[i] == page && page < map_end()) {
			u8 nr = *(volatile u32 *)phys_ptr(page + IO_APIC_SELECT);

			return nr >= IO_APIC_ENTRY && !(nr & 1);
		}
	}
	return false;
}

bool ipi_write_is_dropped(struct machine *m, u64 gpa, u32 value, u32 size)
{
	if (!ipi_is_watched(m) || !(is_command(m, gpa, size) || is_entry(m, gpa, size)))
		return false;
	/* A part of the register is no command that the manual defines. */
	if (size == 4 && !(gpa & 3) && !ipi_leads_outside(value))
		return false;
	say_dropped(m, value);
	return true;
}

bool ipi_msr_is_dropped(struct machine *m, u32 msr, u64 value)
{
	if (!ipi_is_watched(m) || !is_delivery_msr(msr) || !ipi_leads_outside((u32)value))
		return false;
	say_dropped(m, (u32)value);
	return true;
}
