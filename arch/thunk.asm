; SPDX-License-Identifier: MIT
; Indirect calls and jumps that no guest can steer: each of the image goes through one of these.
;
; The branch is a RET, and a RET is predicted from the return stack, whose top is the CALL just before:
; speculation spins at .catch, whatever a guest has taught the CPU of this address. That needs no
; enumerated feature, and holds whatever the guest has left in IA32_SPEC_CTRL.
; ("Retpoline: A Branch Target Injection Mitigation", Intel 337131; AMD, "Software Techniques for
; Managing Speculation", V2-1; not AMD's LFENCE form, V2-2, which leaves a window.)
; Compilers call them by these names; the stack need not be aligned.

bits 64

section .text

%macro THUNK 1
global __x86_indirect_thunk_%1
	align 16
__x86_indirect_thunk_%1:
	call	%%go
%%catch:
	pause
	lfence
	jmp	%%catch
%%go:
	mov	[rsp], %1
	ret
%endmacro

	THUNK rax
	THUNK rbx
	THUNK rcx
	THUNK rdx
	THUNK rsi
	THUNK rdi
	THUNK rbp
	THUNK r8
	THUNK r9
	THUNK r10
	THUNK r11
	THUNK r12
	THUNK r13
	THUNK r14
	THUNK r15
