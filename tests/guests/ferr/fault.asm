; SPDX-License-Identifier: MIT
; A division by zero by the x87, and what comes of it.

PIC1	equ 0x20
PIC2	equ 0xa0
EOI	equ 0x20
IGNNE	equ 0xf0	; a write takes the line of the error back

bits 64
default rel

section .text

; void ferr_divide(void): interrupts are on meanwhile
global ferr_divide
ferr_divide:
	fninit
	fldcw	[unmasked]
	fld1
	fldz
	fdivp	st1, st0
	sti
	nop
	fwait
	nop
	nop
	cli
	fninit
	ret

global ferr_irq
ferr_irq:
	push	rax
	inc	dword [ferr_irqs]
	out	IGNNE, al
	fnclex
	mov	al, EOI
	out	PIC2, al
	out	PIC1, al
	pop	rax
	iretq

section .rodata
unmasked:	dw 0x37b	; divisions by zero alone are no quiet ones

section .bss
global ferr_irqs
ferr_irqs:	resd 1
