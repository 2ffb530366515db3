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

extern vmx_ready, vmx_exited, vmx_cr_exited, vmx_nmi_came, vmx_entry_refused

global vmx_loop
global vmx_exit_plain, vmx_exit_clear, vmx_exit_barrier
global vmx_nmi_from, vmx_nmi_to, vmx_nmi_retry
global vmx_short_from, vmx_short_to, vmx_short_retry

VMCS_EXIT_REASON		equ 0x4402
VMCS_HOST_RSP			equ 0x6c14
EXIT_CR		equ 28
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

; RSP is what it was after the pushes above; all other registers are the guest's. From here on RDI is gpr[], and the
; guest's is on the stack.
%macro SAVE_FIRST 0
	push	rdi
	mov	rdi, [rsp + 8]
	mov	[rdi + RAX_AT], rax
	mov	[rdi + RSI_AT], rsi
%endmacro

; The rest of the guest's registers.
%macro SAVE_AT_EXIT 0
	mov	[rdi + RCX_AT], rcx
	mov	[rdi + RDX_AT], rdx
	SAVE_REST rdi
	pop	qword [rdi + RDI_AT]
%endmacro

; HOST_RIP, and what is found there. ESI: the exit's reason.
%macro BEGIN_EXIT 0
	SAVE_FIRST
	mov	esi, VMCS_EXIT_REASON
	vmread	rsi, rsi
%endmacro

vmx_exit_plain:
	BEGIN_EXIT
	cmp	esi, EXIT_CR
	je	cr_access
	SAVE_AT_EXIT
	call	vmx_exited
	jmp	enter

vmx_exit_barrier:
	BEGIN_EXIT
	SAVE_AT_EXIT
	IBPB
	CLEAR_BUT_RSI
	call	vmx_exited
	jmp	enter

%include "vmx/cr_access.inc"

vmx_exit_clear:
	BEGIN_EXIT
	cmp	esi, EXIT_CR
	je	cr_access
	SAVE_AT_EXIT
	CLEAR_BUT_RSI
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
