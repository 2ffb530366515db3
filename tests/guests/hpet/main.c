/* SPDX-License-Identifier: MIT */
/*
 * Has a timer of the HPET write a word to memory, as if that were its interrupt's message: to a page of the
 * guest's, where it can be seen. Under notrap on QEMU it must not, as it could write to any other; bare=1: it
 * does.
 */
#include "guest/builtin/lib/guest.h"
#include "guest/builtin/lib/insn.h"
#include "guest/builtin/lib/memory.h"
#include "guest/builtin/lib/paging.h"
#include "guest/builtin/lib/print.h"

#define HPET       0xfed00000
#define CONFIG     (0x10 / 4)
#define COUNTER    (0xf0 / 4)

#define TIMER      (0x100 / 4)
#define COMPARATOR (TIMER + 2)
#define DATA       (TIMER + 4)
#define ADDRESS    (TIMER + 5)

#define ENABLE     BIT(0) /* CONFIG */
#define INTERRUPTS BIT(2) /* TIMER, with the next */
#define MESSAGES   BIT(14)

#define WORD       0x5a5a005a
#define MSI        0xfee00000
#define TICKS      10000
/* QEMU's timers wait for a thread of its own: on a busy machine for long, if one has to come. */
#define PATIENCE   1000000000U
#define NONE_COMES 5000000U

static volatile u32 *hpet;

static void address_at_once(u32 to)
{
	hpet[ADDRESS] = to;
}

static void with_data(u32 to)
{
	*(volatile u64 *)(uintptr_t)&hpet[DATA] = (u64)to << 32 | WORD;
}

/* From a right address by the bytes that differ. */
static void by_bytes(u32 to)
{
	volatile u8 *bytes = (volatile u8 *)(uintptr_t)&hpet[ADDRESS];

	hpet[ADDRESS] = MSI;
	for (u32 i = 0; i < 4; i++)
		bytes[i] = (u8)(to >> 8 * i);
}

/* Whether a message comes to *to within so many ticks of the timer's time; set() gives its address. */
static bool comes(volatile u32 *to, void (*set)(u32 to), u32 within)
{
	u32 start;

	*to = 0;
	hpet[TIMER] = 0;
	hpet[DATA] = WORD;
	set((u32)(uintptr_t)to);
	hpet[TIMER] = MESSAGES | INTERRUPTS;
	start = hpet[COUNTER];
	hpet[COMPARATOR] = start + TICKS;
	while (!*to && hpet[COUNTER] - start < within)
		in8(0x61);
	print("hpet: address %x, memory %x\n", hpet[ADDRESS], *to);
	hpet[TIMER] = 0;
	return *to == WORD;
}

const char *guest_main(void)
{
	static void (*const ways[])(u32 to) = {address_at_once, with_data, by_bytes};
	volatile u32 *to = ptr(page_alloc(1, PAGE_SIZE));
	bool bare = guest_option_number("bare", 0);

	map_identity(HPET, PAGE_SIZE);
	hpet = ptr(HPET);
	if (hpet[0] == ~0U)
		return "no HPET";
	hpet[CONFIG] = ENABLE;
	if (bare)
		return comes(to, address_at_once, PATIENCE) ? NULL : "nothing came";
	for (u32 i = 0; i < ARRAY_SIZE(ways); i++) {
		if (comes(to, ways[i], NONE_COMES))
			return "the HPET has written to memory";
	}
	hpet[ADDRESS] = MSI;
	hpet[DATA] = 0x41;
	if (hpet[ADDRESS] != MSI || hpet[DATA] != 0x41)
		return "an interrupt's message is refused";
	hpet[DATA] = 0x500;
	return hpet[DATA] == 0x41 ? NULL : "INIT may be sent";
}
