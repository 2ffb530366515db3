; SPDX-License-Identifier: MIT
; Into a stream and back.

bits 64
default rel

%include "arch/push.inc"

SEL_DATA	equ 0x10
RFLAGS_FIXED	equ 1 << 1

; struct registers of crashme.h
struc registers
.rax:		resq 1
.rcx:		resq 1
.rdx:		resq 1
.rbx:		resq 1
.unused:	resq 1			; RSP by its number
.rbp:		resq 1
.rsi:		resq 1
.rdi:		resq 1
.r8:		resq 1
.r9:		resq 1
.r10:		resq 1
.r11:		resq 1
.r12:		resq 1
.r13:		resq 1
.r14:		resq 1
.r15:		resq 1
.rip:		resq 1
.cs:		resq 1
.rflags:	resq 1
.rsp:		resq 1
.ss:		resq 1
.data:		resq 1
endstruc

section .text

; void run_stream(const struct registers *r)
global run_stream
run_stream:
	PUSH_ALL OURS
	mov	[kept_rsp], rsp
	mov	rax, rdi
	mov	ecx, [rax + registers.data]
	mov	ds, ecx
	mov	es, ecx
	push	qword [rax + registers.ss]
	push	qword [rax + registers.rsp]
	push	qword [rax + registers.rflags]
	push	qword [rax + registers.cs]
	push	qword [rax + registers.rip]
	mov	rcx, [rax + registers.rcx]
	mov	rdx, [rax + registers.rdx]
	mov	rbx, [rax + registers.rbx]
	mov	rbp, [rax + registers.rbp]
	mov	rsi, [rax + registers.rsi]
	mov	rdi, [rax + registers.rdi]
	mov	r8, [rax + registers.r8]
	mov	r9, [rax + registers.r9]
	mov	r10, [rax + registers.r10]
	mov	r11, [rax + registers.r11]
	mov	r12, [rax + registers.r12]
	mov	r13, [rax + registers.r13]
	mov	r14, [rax + registers.r14]
	mov	r15, [rax + registers.r15]
	mov	rax, [rax + registers.rax]
	iretq

; A handler returns to here to end the stream: run_stream() returns.
global run_bail
run_bail:
	mov	rsp, [kept_rsp]
	mov	ecx, SEL_DATA
	mov	ds, ecx
	mov	es, ecx
	mov	ss, ecx
	push	RFLAGS_FIXED
	popfq
	POP_ALL OURS
	ret

section .bss
alignb 8
kept_rsp:	resq 1
