; SPDX-License-Identifier: MIT
; Page faults and CR3 loads in an exact order: nothing here faults but the reads that are meant to. All
; is on one page of code and one of data. RDI: struct order of main.c.
bits 64

FIRST_READS equ 10
NR_LOADS    equ FIRST_READS * 8
NEXT_ROOT   equ NR_LOADS + 8
ROOTS       equ NR_LOADS + 16
ROOTS_END   equ NR_LOADS + 24
NEW_TABLE   equ NR_LOADS + 32
FORBIDDEN   equ NR_LOADS + 40

section .text.ops progbits alloc exec nowrite align=4096
align 4096
global order_run
order_run:
	xor edx, edx
.read:	mov rax, [rdi + rdx * 8]
	mov al, [rax]
	inc edx
	cmp edx, FIRST_READS
	jb .read
	mov rcx, [rdi + NR_LOADS]
	mov rdx, [rdi + NEXT_ROOT]
.load:	mov cr3, rdx
	add rdx, 4096
	cmp rdx, [rdi + ROOTS_END]
	cmovae rdx, [rdi + ROOTS]
	dec rcx
	jnz .load
	mov [rdi + NEXT_ROOT], rdx
	mov rax, [rdi + NEW_TABLE]
	mov al, [rax]
	mov rax, [rdi + FORBIDDEN]
	mov rax, [rax]
	int 0x80
