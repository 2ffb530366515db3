; SPDX-License-Identifier: MIT
; Into the guest and back, for good: SDM vol. 3C 27 (VM entries), 28.5 (loading host state).
;
; The guest keeps FPU, SSE and debug registers, which the hypervisor never touches; CR2 too. RSP, RIP
; and RFLAGS are the VMCS's.
;
; Each exit is one CALL from here, and what it calls returns here: no RET after an exit is without its
; CALL after that exit. So none is predicted from what the guest left in the return stack, and the
; return stack need not be overwritten.

bits 64
default rel

extern vmx_ready, vmx_exited, vmx_nmi_came, vmx_entry_refused

global vmx_loop
global vmx_exit_plain, vmx_exit_clear, vmx_exit_barrier
global vmx_nmi_from, vmx_nmi_to, vmx_nmi_retry

VMCS_HOST_RSP	equ 0x6c14
; In struct cpu, side by side.
CPU_NMI_PENDING	equ 8
CPU_NEXT	equ 12

; enum vmx_next
NEXT_LAUNCH	equ 1 << 0
NEXT_VERW	equ 1 << 1
NEXT_FLUSH_L1D	equ 1 << 2

%include "guest/vcpu/gpr.inc"

section .text

; void vmx_loop(struct vcpu *v), whose first member is gpr[]
vmx_loop:
	PUSH_ALL OURS
	push	rdi			; for each exit
	mov	eax, VMCS_HOST_RSP
	vmwrite	rax, rsp
	jbe	refused
	call	vmx_ready
	jmp	enter
; More is to be done than VMRESUME.
special:
	mov	eax, [gs:CPU_NEXT]
	test	eax, eax
	js	leave			; VMX_NEXT_LEAVE
	jmp	special.enter

; HOST_RIP. RSP is what it was after the pushes above; all other registers are the guest's.
%macro SAVE_AT_EXIT 0
	push	rdi
	mov	rdi, [rsp + 8]
	mov	[rdi + RAX_AT], rax
	SAVE_GUESTS rdi
	pop	qword [rdi + RDI_AT]
%endmacro

vmx_exit_plain:
	SAVE_AT_EXIT
	call	vmx_exited
	jmp	enter

vmx_exit_barrier:
	SAVE_AT_EXIT
	IBPB
	CLEAR_GUESTS
	call	vmx_exited
	jmp	enter

vmx_exit_clear:
	SAVE_AT_EXIT
	CLEAR_GUESTS
	call	vmx_exited
enter:
	mov	rdi, [rsp]
	; From here an NMI, which sets nmi_pending, goes on at vmx_nmi_retry.
vmx_nmi_from:
	cmp	qword [gs:CPU_NMI_PENDING], 0	; and CPU_NEXT
	jne	special
	mov	rax, [rdi + RAX_AT]
	LOAD_GUESTS
	vmresume
	jmp	refused
special.enter:
	cmp	dword [gs:CPU_NMI_PENDING], 0
	jne	vmx_nmi_retry
	test	al, NEXT_FLUSH_L1D
	jz	special.l1d_stays
	FLUSH_L1D esi			; after the last of the hypervisor's data was used
special.l1d_stays:
	bt	eax, 0			; NEXT_LAUNCH; VERW leaves CF alone
	mov	rax, [rdi + RAX_AT]
	LOAD_GUESTS
	VERW_FLUSH			; harmless where NEXT_LAUNCH alone is set
	jc	special.launch
	vmresume
	jmp	refused
special.launch:
	vmlaunch
vmx_nmi_to:
refused:				; VMfail: nothing was entered, the stack is the hypervisor's
	call	vmx_entry_refused
	ud2
vmx_nmi_retry:
	mov	rdi, [rsp]
	call	vmx_nmi_came
	jmp	enter
leave:
	pop	rdi
	POP_ALL OURS
	ret
