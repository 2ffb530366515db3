; SPDX-License-Identifier: MIT
; Call a sequence that may change every register, and come back whatever it did.

bits 64
default rel

%include "arch/push.inc"

section .text

; u64 call_code(const void *code, u64 rdi, u64 rsi, u64 rdx)
global call_code
call_code:
	PUSH_ALL OURS
	mov	[kept_rsp], rsp
	mov	rax, rdi
	mov	rdi, rsi
	mov	rsi, rdx
	mov	rdx, rcx
	call	rax
global call_bail
call_bail:
	mov	rsp, [kept_rsp]
	mov	ecx, 0x10
	mov	ds, ecx
	mov	es, ecx
	push	2
	popfq
	POP_ALL OURS
	ret

; void user_enter(u64 rip, u64 rdi, u64 rflags): RSI, RAX, RCX and RDX are 0.
global user_enter
user_enter:
	mov	ecx, 0x1b
	mov	r8, 2 << 39
	add	r8, 0x6000
	push	rcx
	push	r8
	push	rdx
	push	0x23
	push	rdi
	mov	rdi, rsi
	xor	esi, esi
	xor	eax, eax
	xor	ecx, ecx
	xor	edx, edx
	iretq

section .bss
alignb 8
kept_rsp:	resq 1
