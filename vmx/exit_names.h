/* SPDX-License-Identifier: MIT */
/* Names of the numbers that VMX reports: basic exit reasons and VM-instruction errors. */
#ifndef VMX_EXIT_NAMES_H
#define VMX_EXIT_NAMES_H

#include "arch/types.h"

enum exit_reason {
#define X(name, number, text) EXIT_##name = number,
#include "vmx/exits.def"
#undef X
};

#define EXIT_REASON_BASIC        GENMASK(15, 0)
#define EXIT_REASON_ENTRY_FAILED BIT(31)

/* The name of an exit reason (its low 16 bits count); "unknown" for one that is not in exits.def. */
const char *vmx_exit_name(u64 reason);

/* What a VM-instruction error number says (SDM vol. 3C 31.4, table 31-1); never NULL. */
const char *vmx_insn_error_name(u64 error);

#endif
