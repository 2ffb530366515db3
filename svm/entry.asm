; SPDX-License-Identifier: MIT
; Into the guest and back: APM vol. 2 15.5, 15.6.
;
; The guest keeps FPU, SSE and debug registers, which the hypervisor never touches; RAX, RSP, RIP and
; RFLAGS are the VMCB's. GIF is clear from here to the guest's first instruction, and again from the
; exit on: nothing comes in between.

bits 64
default rel

global svm_enter

; Offsets into the guest's registers, in the order of enum gpr.
RCX_AT equ 1 * 8
RDX_AT equ 2 * 8
RBX_AT equ 3 * 8
RBP_AT equ 5 * 8
RSI_AT equ 6 * 8
RDI_AT equ 7 * 8
R8_AT  equ 8 * 8
R9_AT  equ 9 * 8
R10_AT equ 10 * 8
R11_AT equ 11 * 8
R12_AT equ 12 * 8
R13_AT equ 13 * 8
R14_AT equ 14 * 8
R15_AT equ 15 * 8

section .text

; void svm_enter(u64 *gpr, u64 vmcb_hpa, u64 host_hpa)
svm_enter:
	push	rbx
	push	rbp
	push	r12
	push	r13
	push	r14
	push	r15
	push	rdx
	push	rdi
	mov	rax, rsi
	vmload
	mov	rcx, [rdi + RCX_AT]
	mov	rdx, [rdi + RDX_AT]
	mov	rbx, [rdi + RBX_AT]
	mov	rbp, [rdi + RBP_AT]
	mov	rsi, [rdi + RSI_AT]
	mov	r8, [rdi + R8_AT]
	mov	r9, [rdi + R9_AT]
	mov	r10, [rdi + R10_AT]
	mov	r11, [rdi + R11_AT]
	mov	r12, [rdi + R12_AT]
	mov	r13, [rdi + R13_AT]
	mov	r14, [rdi + R14_AT]
	mov	r15, [rdi + R15_AT]
	mov	rdi, [rdi + RDI_AT]
	vmrun
.exit:
	; RAX, RSP and RFLAGS are ours again, all other registers the guest's.
	vmsave
	pop	rax
	mov	[rax + RCX_AT], rcx
	mov	[rax + RDX_AT], rdx
	mov	[rax + RBX_AT], rbx
	mov	[rax + RBP_AT], rbp
	mov	[rax + RSI_AT], rsi
	mov	[rax + RDI_AT], rdi
	mov	[rax + R8_AT], r8
	mov	[rax + R9_AT], r9
	mov	[rax + R10_AT], r10
	mov	[rax + R11_AT], r11
	mov	[rax + R12_AT], r12
	mov	[rax + R13_AT], r13
	mov	[rax + R14_AT], r14
	mov	[rax + R15_AT], r15
	pop	rax
	vmload
	pop	r15
	pop	r14
	pop	r13
	pop	r12
	pop	rbp
	pop	rbx
	ret

; Bochs 2.7: a single step that an exit of the guest's instruction has cut is taken here. Not ours.
section .fixups
	dq	svm_enter.exit, svm_enter.exit
