; SPDX-License-Identifier: MIT
; What another CPU runs when a start-up IPI gets through to it: it leaves a mark.

section .rodata
global other_cpu, other_cpu_marks, other_cpu_end

bits 16
other_cpu:
	lock inc dword [cs:other_cpu_marks - other_cpu]
.halt:
	cli
	hlt
	jmp .halt
	align 4
other_cpu_marks:
	dd 0
other_cpu_end:
