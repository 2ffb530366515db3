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
VMCS_EXIT_INSN_LEN		equ 0x440c
VMCS_GUEST_INTERRUPTIBILITY	equ 0x4824
VMCS_EXIT_QUALIFICATION		equ 0x6400
VMCS_GUEST_RSP			equ 0x681c
VMCS_GUEST_RIP			equ 0x681e
VMCS_GUEST_RFLAGS		equ 0x6820
VMCS_HOST_RSP			equ 0x6c14
EXIT_CR		equ 28
FROM_CR3	equ 0x13	; in the qualification: SDM vol. 3C table 28-3
BY_STI		equ 1 << 0	; in the interruptibility
BY_MOV_SS	equ 1 << 1
RFLAGS_TF	equ 1 << 8
RFLAGS_RF	equ 1 << 16
; In struct cpu, side by side.
CPU_NMI_PENDING	equ 8
CPU_NEXT	equ 12

; enum vmx_next
NEXT_LAUNCH	equ 1 << 0
NEXT_VERW	equ 1 << 1
NEXT_FLUSH_L1D	equ 1 << 2

%include "guest/vcpu/gpr.inc"
%include "vmx/offsets.inc"

section .rodata

; Those that cr_access has saved anyway, and RSP, which is the VMCS's.
cr3_registers:
	dd	1 << NR_RAX | 1 << NR_RCX | 1 << NR_RDX | 1 << NR_RSP | 1 << NR_RSI | 1 << NR_RDI

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

; HOST_RIP. RSP is what it was after the pushes above; all other registers are the guest's. From here on RDI is gpr[],
; the guest's is on the stack, and ESI the exit's reason.
%macro BEGIN_EXIT 0
	push	rdi
	mov	rdi, [rsp + 8]
	mov	[rdi + RAX_AT], rax
	mov	[rdi + RSI_AT], rsi
	mov	esi, VMCS_EXIT_REASON
	vmread	rsi, rsi
%endmacro

; The rest of the guest's registers.
%macro SAVE_AT_EXIT 0
	mov	[rdi + RCX_AT], rcx
	mov	[rdi + RDX_AT], rdx
	SAVE_REST rdi
	pop	qword [rdi + RDI_AT]
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

; The shortest lane: of a MOV from CR3 most would be to save and load the registers that C needs. Linux' page-table
; isolation executes one at each entry to its kernel; the registers that it names are those below. As in lane.c, all
; that is not plain takes the general way, with nothing done.
cr_access:
	mov	[rdi + RCX_AT], rcx
	mov	[rdi + RDX_AT], rdx
	mov	ecx, VMCS_EXIT_QUALIFICATION
	vmread	rsi, rcx
	cmp	sil, FROM_CR3
	jne	cr_other
	mov	rcx, [rdi + VCPU_EXITS]		; lanes_open()
	cmp	rcx, [rdi + VCPU_LANES_UNTIL]
	jae	cr_other
	cmp	qword [gs:CPU_NMI_PENDING], 0	; and CPU_NEXT
	jne	cr_other
	mov	ecx, VMCS_GUEST_INTERRUPTIBILITY
	vmread	rcx, rcx
	test	cl, BY_STI | BY_MOV_SS
	jnz	cr_other
	mov	ecx, VMCS_GUEST_RFLAGS		; lane_is_straight()
	vmread	rcx, rcx
	test	ecx, RFLAGS_TF | RFLAGS_RF
	jnz	cr_other
	mov	ecx, VMCS_EXIT_INSN_LEN
	vmread	rcx, rcx
	mov	eax, VMCS_GUEST_RIP
	vmread	rax, rax
	add	rax, rcx
	mov	rdx, [rdi + VCPU_CR3]
	js	cr3_is_same			; lane_is_same()
	mov	rcx, rax
	or	rcx, rdx
	shr	rcx, 32
	jnz	cr_other
cr3_is_same:
	mov	ecx, esi
	shr	ecx, 8
	and	ecx, 0xf
	bt	dword [rel cr3_registers], ecx
	jnc	cr_other
	mov	esi, VMCS_GUEST_RIP
	vmwrite	rsi, rax
	inc	qword [rdi + VCPU_EXITS]
	inc	qword [rdi + VCPU_EXITS_CR_READ]
	pop	qword [rdi + RDI_AT]
	mov	[rdi + GPR(0) + 8 * rcx], rdx
	cmp	ecx, NR_RSP
	je	cr3_to_rsp
cr3_is_read:
	mov	rax, [rdi + RAX_AT]
	mov	rcx, [rdi + RCX_AT]
	mov	rdx, [rdi + RDX_AT]
	mov	rsi, [rdi + RSI_AT]
	mov	rdi, [rdi + RDI_AT]
	; From here an NMI goes on at vmx_short_retry.
vmx_short_from:
	cmp	dword [gs:CPU_NMI_PENDING], 0
	jne	vmx_short_retry
	vmresume
vmx_short_to:
	jmp	refused
cr3_to_rsp:
	mov	esi, VMCS_GUEST_RSP
	vmwrite	rsi, rdx
	jmp	cr3_is_read
; The instruction is done, and all registers are the guest's again.
vmx_short_retry:
	push	rdi
	mov	rdi, [rsp + 8]
	mov	[rdi + RAX_AT], rax
	mov	[rdi + RSI_AT], rsi
	SAVE_AT_EXIT
	jmp	vmx_nmi_retry

cr_other:
	SAVE_REST rdi
	pop	qword [rdi + RDI_AT]
	CLEAR_BUT_RSI
	call	vmx_cr_exited
	jmp	enter

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
