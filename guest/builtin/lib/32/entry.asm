; SPDX-License-Identifier: MIT
; Entry of a 32-bit guest kernel: multiboot's protected mode with segments of its own. Paging is
; off until the kernel wants it.

%include "guest/builtin/lib/multiboot.inc"

SEL_CODE	equ 0x08
SEL_DATA	equ 0x10
SEL_USER_DATA	equ 0x1b
CR0_WP_NE	equ 0x00010020

extern start_c

bits 32
section .text

global start
start:
	cli
	cld
	lgdt [gdt_pointer]
	jmp SEL_CODE:.segments
.segments:
	mov ecx, SEL_DATA
	mov ss, ecx
	; User's data segment serves the kernel too, so that no exception has to change it.
	mov ecx, SEL_USER_DATA
	mov ds, ecx
	mov es, ecx
	mov fs, ecx
	mov gs, ecx
	mov esp, stack_end
	xor ebp, ebp
	mov ecx, cr0
	or ecx, CR0_WP_NE
	mov cr0, ecx
	push ebx			; the loader's information
	push eax			; and its magic
	call start_c
.halt:	hlt
	jmp .halt

section .data align=16

; The order of the 64-bit kernels: code, data, user data, user code, TSSs filled in by C.
global gdt, gdt_pointer
gdt:	dq 0
	dq 0x00cf9b000000ffff
	dq 0x00cf93000000ffff
	dq 0x00cff3000000ffff
	dq 0x00cffb000000ffff
	dq 0, 0
gdt_pointer:
	dw gdt_pointer - gdt - 1
	dd gdt

section .bss align=4096
		resb 32768
global stack_end
stack_end:
