; SPDX-License-Identifier: MIT
; Into the guest and back: APM vol. 2 15.5, 15.6.
;
; The guest keeps FPU, SSE and debug registers, which the hypervisor never touches; RAX, RSP, RIP and
; RFLAGS are the VMCB's. GIF is clear from here to the guest's first instruction, and again from the
; exit on: nothing comes in between.

bits 64
default rel

global svm_enter

%include "guest/gpr.inc"

section .text

; void svm_enter(u64 *gpr, u64 vmcb_hpa, u64 host_hpa)
svm_enter:
	PUSH_OURS
	push	rdx
	push	rdi
	mov	rax, rsi
	vmload
	LOAD_GUESTS
	vmrun
.exit:
	; RAX, RSP and RFLAGS are ours again, all other registers the guest's.
	vmsave
	pop	rax
	SAVE_GUESTS rax
	mov	[rax + RDI_AT], rdi
	pop	rax
	vmload
	POP_OURS
	ret

; Bochs 2.7: a single step that an exit of the guest's instruction has cut is taken here. Not ours.
section .fixups
	dq	svm_enter.exit, svm_enter.exit
