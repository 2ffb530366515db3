/* SPDX-License-Identifier: MIT */
/* The ports that switch a machine off or reset it. */
#ifndef GUEST_POWER_H
#define GUEST_POWER_H

#include "arch/types.h"

#define PORT_KBD_COMMAND   0x64
#define PORT_RESET_CONTROL 0xcf9

/* PM1_CNT: ACPI 6.4, 4.8.3.2.1. */
#define PM1_SLP_TYP_SHIFT 10
#define PM1_SLP_EN        BIT(13)

#endif
