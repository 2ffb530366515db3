/* SPDX-License-Identifier: MIT */
/* Soft-off by the ports that were found at the start. */
#include "guest/builtin/lib/power.h"

#include "guest/builtin/lib/insn.h"

#define PM1_SCI_EN  BIT(0)
#define PM1_SLP_TYP 10
#define PM1_SLP_EN  BIT(13)

static struct soft_off soft_off;

void power_set(const struct soft_off *how)
{
	soft_off = *how;
}

void power_off(void)
{
	const struct soft_off *s = &soft_off;

	if (s->smi_cmd && !(in16(s->pm1_cnt[0]) & PM1_SCI_EN)) {
		out8(s->smi_cmd, s->acpi_enable);
		for (u32 i = 0; i < 1000000 && !(in16(s->pm1_cnt[0]) & PM1_SCI_EN); i++)
			__asm__ volatile("pause");
	}
	for (u32 i = 0; i < ARRAY_SIZE(s->pm1_cnt); i++) {
		u16 port = s->pm1_cnt[i];

		if (port)
			out16(port, (u16)((in16(port) & PM1_SCI_EN) | s->typ[i] << PM1_SLP_TYP |
					  PM1_SLP_EN));
	}
}
