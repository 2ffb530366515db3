; SPDX-License-Identifier: MIT
; probe_run(): RDI has the address. A store that no hypervisor here decodes.
bits 64
section .text
global store_unknown
store_unknown:
	fnstcw [rdi]
	int 0x80
