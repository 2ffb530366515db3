; SPDX-License-Identifier: MIT
; Into the guest and back: APM vol. 2 15.5, 15.6.
;
; The guest keeps FPU, SSE and debug registers, which the hypervisor never touches; RAX, RSP, RIP and
; RFLAGS are the VMCB's. GIF is clear from here to the guest's first instruction, and again from the
; exit on: nothing comes in between.
;
; In svm_loop each exit is one CALL, and what it calls returns there: no RET after an exit is without
; its CALL after that exit. So none is predicted from what the guest left in the return stack, and the
; return stack need not be overwritten.

bits 64
default rel

extern svm_ready, svm_exited

global svm_enter, svm_loop

%include "guest/vcpu/gpr.inc"

; enum svm_next
NEXT_VERW	equ 1 << 1
NEXT_IBPB	equ 1 << 2

; On the stack of svm_loop and svm_enter.
AT_GPR		equ 0
AT_GUEST	equ 8
AT_HOST		equ 16

section .text

%macro PUSH_ARGUMENTS 0
	PUSH_ALL OURS, rdx, rsi, rdi
%endmacro

%macro POP_ARGUMENTS 0
	add	rsp, 24
	POP_ALL OURS
%endmacro

; What loads the guest: RDI is struct vcpu's gpr[]. Changes no flag.
%macro LOAD 0
	mov	rax, [rsp + AT_GUEST]
	vmload
	LOAD_GUESTS
%endmacro

; VMRUN and all until the registers are saved: RAX, RSP and RFLAGS are ours again after VMRUN, all
; other registers the guest's. RDI is gpr[] again at the end.
%macro RUN_AND_SAVE 0
	vmrun
%%exit:
	vmsave
	mov	rax, [rsp + AT_GPR]
	SAVE_GUESTS rax
	mov	[rax + RDI_AT], rdi
	mov	rdi, rax
; Bochs 2.7: a single step that an exit of the guest's instruction has cut is taken here. It is dropped.
[section .fixups]
	dq	%%exit, %%exit
__?SECT?__
%endmacro

; Ours again: GS too.
%macro BACK 0
	mov	rax, [rsp + AT_HOST]
	vmload
%endmacro

; void svm_enter(u64 *gpr, u64 vmcb_hpa, u64 host_hpa)
svm_enter:
	PUSH_ARGUMENTS
	LOAD
	RUN_AND_SAVE
	BACK
	POP_ARGUMENTS
	ret

; void svm_loop(struct vcpu *v, u64 vmcb_hpa, u64 host_hpa); v's first member is gpr[]
svm_loop:
	PUSH_ARGUMENTS
	call	svm_ready
; EAX: enum svm_next.
.enter:
	mov	rdi, [rsp + AT_GPR]
	test	eax, eax
	jnz	.special
	LOAD
	RUN_AND_SAVE
	BACK
	call	svm_exited
	jmp	.enter

.special:
	js	.leave			; SVM_NEXT_LEAVE
	test	al, NEXT_IBPB
	jnz	.barrier
	test	al, NEXT_VERW
	LOAD
	jz	.clear
	VERW_FLUSH
.clear:
	RUN_AND_SAVE
	BACK
	CLEAR_GUESTS
	call	svm_exited
	jmp	.enter

; Not a branch past IBPB after the exit: that could be mispredicted.
.barrier:
	test	al, NEXT_VERW
	LOAD
	jz	.keep
	VERW_FLUSH
.keep:
	RUN_AND_SAVE
	IBPB
	BACK
	CLEAR_GUESTS
	call	svm_exited
	jmp	.enter

.leave:
	POP_ARGUMENTS
	ret
