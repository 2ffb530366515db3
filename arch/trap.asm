; SPDX-License-Identifier: MIT
; Entry points of the exceptions: one shape of frame (struct trap_frame), then trap_handle().

NR_TRAPS	equ 32
extern trap_handle

section .text

; Vectors that push an error code: SDM vol. 3A table 6-1, APM vol. 2 table 8-1 (29, 30).
%define HAS_ERROR(v) (v == 8 || (v >= 10 && v <= 14) || v == 17 || v == 21 || v == 29 || v == 30)

%assign vector 0
%rep NR_TRAPS
trap_stub_ %+ vector:
%if !HAS_ERROR(vector)
	push 0
%endif
	push vector
	jmp trap_common
%assign vector vector + 1
%endrep

%include "arch/push.inc"

; The registers of struct trap_frame, the last of them first.
%define FRAME r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax

trap_common:
	PUSH_ALL FRAME
	cld
	; The CPU has aligned the frame to 16 bytes, and 22 words lie on it.
	mov rdi, rsp
	call trap_handle
	POP_ALL FRAME
	add rsp, 16
	iretq

section .rodata
global trap_stubs
	align 8
trap_stubs:
%assign vector 0
%rep NR_TRAPS
	dq trap_stub_ %+ vector
%assign vector vector + 1
%endrep
