; SPDX-License-Identifier: MIT
; For probe_run(): one byte at RDI to the keyboard controller's command port, by a string instruction.

bits 64

section .text
global outs_code
outs_code:
	mov	rsi, rdi
	mov	dx, 0x64
	outsb
	int	0x80
