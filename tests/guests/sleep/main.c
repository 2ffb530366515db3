/* SPDX-License-Identifier: MIT */
/*
 * Puts the machine to sleep (S3), to wake up without a hypervisor: by the PM1 control port in every size,
 * or, with moved=1, after moving the PM registers to where nobody looks. The real-time clock wakes it.
 */
#include "arch/string.h"
#include "guest/builtin/lib/acpi.h"
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/pci.h"
#include "guest/builtin/lib/print.h"

extern const u8 wake_code[], wake_code_end[];

#define WAKE_AT     0x8000 /* wake.asm is made for it */

#define FADT_FACS   36
#define FADT_PM_EVT 56
#define FADT_PM_CNT 64
#define FACS_VECTOR 12

#define SLEEP_S3    (1 << 10 | 1 << 13) /* SLP_TYP of QEMU and Bochs, SLP_EN */
#define WAK_STS     BIT(15)

#define PIIX4_PM    0x71138086
#define ICH9_LPC    0x29188086
#define PMBASE      0x40
#define ELSEWHERE   0xb100

static u32 get32(const u8 *at)
{
	u32 value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static void rtc_wakes_each_second(u16 pm1_enable)
{
	for (u8 alarm = 1; alarm <= 5; alarm += 2) {
		out8(0x70, alarm);
		out8(0x71, 0xff);
	}
	out8(0x70, 0xb);
	u8 b = in8(0x71);

	out8(0x70, 0xb);
	out8(0x71, b | 0x20);
	out16(pm1_enable, 1 << 10 | 1 << 8);
}

static const char *move(u16 *event, u16 *control)
{
	u32 pm = pci_find(0, 0, PIIX4_PM, ~0U), old;

	if (pm == PCI_NONE)
		pm = pci_find(0, 0, ICH9_LPC, ~0U);
	if (pm == PCI_NONE)
		return "no PM function that is known";
	old = pci_read(pm, PMBASE);
	pci_write(pm, PMBASE, ELSEWHERE | 1);
	print("sleep: PM base %x -> %x\n", old, pci_read(pm, PMBASE));
	if (pci_read(pm, PMBASE) == old)
		return NULL;
	*control = (u16)(*control - *event + ELSEWHERE);
	*event = ELSEWHERE;
	return NULL;
}

const char *guest_main(void)
{
	const u8 *fadt = acpi_fadt(memory_rsdp);
	const char *why = NULL;
	u16 event, control;
	u64 facs;

	if (!fadt)
		return "no FADT";
	facs = get32(fadt + FADT_FACS);
	event = (u16)get32(fadt + FADT_PM_EVT);
	control = (u16)get32(fadt + FADT_PM_CNT);
	map_identity(facs, PAGE_SIZE);
	memcpy(ptr(WAKE_AT), wake_code, (size_t)(wake_code_end - wake_code));
	*(volatile u32 *)ptr(facs + FACS_VECTOR) = WAKE_AT;
	if (guest_option("moved"))
		why = move(&event, &control);
	if (why)
		return why;
	out16(event, 0xffff);
	if (in16(event) & WAK_STS)
		return "WAK_STS does not clear";
	rtc_wakes_each_second(event + 2);
	print_drain();
	/* QEMU takes no single byte there. */
	for (u32 i = 0; i < 3; i++) {
		static const u32 sizes[] = {2, 4, 1};
		u32 size = sizes[i];

		if (size == 1)
			out8(control + 1, SLEEP_S3 >> 8);
		else if (size == 2)
			out16(control, SLEEP_S3);
		else
			out32(control, SLEEP_S3);
		/* An emulator takes its time. */
		for (u32 n = 0; n < 100000; n++)
			in8(0x61);
		/* Refused, it looks as if the machine had woken up at once. */
		if (!(in16(event) & WAK_STS))
			return "no WAK_STS after a sleep that was refused";
		if (!(in32(event) & WAK_STS) || !(in8(event + 1) & WAK_STS >> 8))
			return "WAK_STS depends on the size of the read";
		out16(event, WAK_STS);
		if (in16(event) & WAK_STS)
			return "WAK_STS does not clear";
	}
	return NULL;
}
