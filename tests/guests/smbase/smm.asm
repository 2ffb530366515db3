; SPDX-License-Identifier: MIT
; What a CPU runs at an SMI when its SMM base is 30000h: it counts itself. DS has base 0 and no limit.
section .rodata
global smm_code, smm_code_end
bits 16
smm_code:
	lock inc dword [dword 0x39000]
	rsm
smm_code_end:
