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

%include "guest/gpr.inc"

section .text

; enum vmx_entered vmx_enter(u64 *gpr, u64 *host_rsp, bool launched)
vmx_enter:
	PUSH_OURS
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
	LOAD_GUESTS
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
	SAVE_GUESTS rdi
	pop	qword [rdi + RDI_AT]
	pop	rdi
	xor	eax, eax		; VMX_EXITED
vmx_enter.return:
	POP_OURS
	ret
