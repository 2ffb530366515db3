; SPDX-License-Identifier: MIT
; Into the guest and back: SDM vol. 3C 27 (VM entries), 28.5 (loading host state).
;
; The guest keeps FPU, SSE and debug registers, which the hypervisor never touches; CR2 too. RSP, RIP
; and RFLAGS are the VMCS's.

bits 64
default rel

global vmx_enter
global vmx_exit_point
global vmx_nmi_from, vmx_nmi_to, vmx_nmi_retry

VMCS_HOST_RSP	equ 0x6c14
CPU_NMI_PENDING	equ 12		; in struct cpu

VMX_EXITED	equ 0
VMX_NMI_CAME	equ 1
VMX_REFUSED	equ -1

; Offsets into the guest's registers, in the order of enum gpr.
RAX_AT equ 0 * 8
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

; enum vmx_entered vmx_enter(u64 *gpr, u64 *host_rsp, bool launched)
vmx_enter:
	push	rbx
	push	rbp
	push	r12
	push	r13
	push	r14
	push	r15
	push	rdi			; for the exit
	cmp	[rsi], rsp
	jne	vmx_enter.new_stack
vmx_enter.stack_known:
	; From here an NMI, which sets nmi_pending, goes on at vmx_nmi_retry.
vmx_nmi_from:
	cmp	dword [gs:CPU_NMI_PENDING], 0
	jne	vmx_nmi_retry
	test	dl, dl			; no MOV below changes the flags
	mov	rax, [rdi + RAX_AT]
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
	jz	vmx_enter.launch
	vmresume
	jmp	vmx_enter.refused
vmx_enter.launch:
	vmlaunch
vmx_nmi_to:
vmx_enter.refused:			; VMfail: nothing was entered, the stack is still ours
	mov	eax, VMX_REFUSED
	jmp	vmx_enter.pop
vmx_nmi_retry:
	mov	eax, VMX_NMI_CAME
vmx_enter.pop:
	pop	rdi
	jmp	vmx_enter.return

vmx_enter.new_stack:
	mov	[rsi], rsp
	mov	eax, VMCS_HOST_RSP
	vmwrite	rax, rsp
	jbe	vmx_enter.refused
	jmp	vmx_enter.stack_known

; HOST_RIP. RSP is what it was after the pushes above; all other registers are the guest's.
vmx_exit_point:
	push	rdi
	mov	rdi, [rsp + 8]
	mov	[rdi + RAX_AT], rax
	mov	[rdi + RCX_AT], rcx
	mov	[rdi + RDX_AT], rdx
	mov	[rdi + RBX_AT], rbx
	mov	[rdi + RBP_AT], rbp
	mov	[rdi + RSI_AT], rsi
	pop	qword [rdi + RDI_AT]
	mov	[rdi + R8_AT], r8
	mov	[rdi + R9_AT], r9
	mov	[rdi + R10_AT], r10
	mov	[rdi + R11_AT], r11
	mov	[rdi + R12_AT], r12
	mov	[rdi + R13_AT], r13
	mov	[rdi + R14_AT], r14
	mov	[rdi + R15_AT], r15
	pop	rdi
	xor	eax, eax		; VMX_EXITED
vmx_enter.return:
	pop	r15
	pop	r14
	pop	r13
	pop	r12
	pop	rbp
	pop	rbx
	ret
