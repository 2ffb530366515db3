; SPDX-License-Identifier: MIT
; In System Management Mode: DS has base 0 and no limit.
section .rodata
global smi_code, smi_code_end
bits 16
smi_code:
	mov dword [dword 0x7000], 0x600d
	rsm
smi_code_end:
