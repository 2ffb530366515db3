/* SPDX-License-Identifier: MIT */
/* Resetting the machine, by all ways in turn, so that nothing of the guest's survives in its firmware. */
#include "arch/desc.h"
#include "arch/io.h"
#include "arch/string.h"
#include "guest/chipset/chipset.h"
#include "guest/chipset/end.h"
#include "guest/chipset/power.h"
#include "guest/machine/machine.h"
#include "mm/phys/phys.h"

#define WARM_START  0x467 /* 40:67, where firmware jumps to after a warm start */

#define RESET_FULL  0x02 /* RST_CNT: hard instead of soft; then the same with the reset itself */
#define RESET_CYCLE 0x0e /* power-cycles where that exists */
#define RESET_HARD  0x06

#define ANSWER_TIME 100000 /* microseconds that a way has to show */

void machine_reset(struct machine *m)
{
	static const u8 full[] = {RESET_FULL, RESET_CYCLE, RESET_FULL, RESET_HARD};
	const struct acpi_power *p = &m->power;

	machine_last_words(m, "resetting");
	cmos_clear_shutdown();
	memset(phys_ptr(WARM_START), 0, 4);
	for (u32 i = 0; i < ARRAY_SIZE(full); i++) {
		out8(PORT_RESET_CONTROL, full[i]);
		if (i % 2)
			io_delay(ANSWER_TIME);
	}
	/* The firmware's own register: ACPI 6.4, 4.8.3.6. */
	if (p->reset.supported) {
		power_put(p->reset.space, p->reset.addr, p->reset.value, 1);
		io_delay(ANSWER_TIME);
	}
	out8(PORT_KBD_COMMAND, 0xfe);
	io_delay(ANSWER_TIME);
	out8(PORT_SYSTEM_A, in8(PORT_SYSTEM_A) | 1);
	for (;;)
		cpu_hlt();
}
