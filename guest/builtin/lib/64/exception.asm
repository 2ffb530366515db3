; SPDX-License-Identifier: MIT
; The IDT's entry points: each makes a struct frame and calls exception().

%include "arch/push.inc"

SEL_DATA	equ 0x10

; The registers of struct frame, last to first, and those that a C caller expects to find again.
%define FRAME rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
%define KEPT  rbx, rbp, r12, r13, r14, r15

; Vectors whose frame has an error code: #DF #TS #NP #SS #GP #PF #AC #CP #VC #SX.
HAS_ERROR	equ (1 << 8) | (0x1f << 10) | (1 << 17) | (1 << 21) | (1 << 29) | (1 << 30)

extern exception

default rel
bits 64
section .text

%macro STUB 1
stub_%1:
 %if %1 >= 32 || !((HAS_ERROR >> %1) & 1)
	push 0
 %endif
	push %1
	jmp dispatch
%endmacro

%assign vector 0
%rep 32
	STUB vector
 %assign vector vector + 1
%endrep
	STUB 128

dispatch:
	PUSH_ALL FRAME
	mov rdi, rsp
	cld
	call exception
	test al, al
	jnz leave
	POP_ALL FRAME
	add rsp, 16			; vector, error code
	iretq

; The probe is over: back to whom called it, on its stack and with its flags.
leave:	mov eax, SEL_DATA
	mov ss, eax
	mov rsp, [probe_stack]
	push 2
	popfq
	POP_ALL KEPT
	ret

; void probe_enter(const struct probe_target *): go there by IRETQ; `leave` comes back.
global probe_enter
probe_enter:
	PUSH_ALL KEPT
	mov [probe_stack], rsp
	push qword [rdi]		; SS
	push qword [rdi + 8]		; RSP
	push qword [rdi + 16]		; RFLAGS
	push qword [rdi + 24]		; CS
	push qword [rdi + 32]		; RIP
	mov rax, [rdi + 48]		; a value to write
	mov rdi, [rdi + 40]		; the address to probe
	iretq

; What a probe runs: position independent, so that a copy on a user page serves user mode.
global probe_code, probe_code_end, probe_code_write, probe_code_fetch
probe_code:
	mov al, [rdi]
	int 0x80
probe_code_write:
	mov [rdi], al
	int 0x80
probe_code_fetch:
	jmp rdi
probe_code_end:

section .rodata

global exception_stub
exception_stub:
%assign vector 0
%rep 32
	dq stub_%+vector
 %assign vector vector + 1
%endrep
	dq stub_128

section .bss
alignb 8
probe_stack:	resq 1
