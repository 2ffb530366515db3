; SPDX-License-Identifier: MIT
; The IDT's entry points of a 32-bit kernel: each makes a struct frame and calls exception().

%include "arch/push.inc"

; What a C caller expects to find again.
%define KEPT ebx, ebp, esi, edi

; Vectors whose frame has an error code: #DF #TS #NP #SS #GP #PF #AC #CP #VC #SX.
HAS_ERROR	equ (1 << 8) | (0x1f << 10) | (1 << 17) | (1 << 21) | (1 << 29) | (1 << 30)

extern exception

bits 32
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
	pushad
	cld
	push esp
	call exception
	add esp, 4
	test al, al
	jnz leave
	popad
	add esp, 8			; vector, error code
	iretd

; The probe is over: back to whom called it, on its stack and with its flags.
leave:	mov esp, [probe_stack]
	push 2
	popfd
	POP_ALL KEPT
	ret

; void probe_enter(const struct probe_target *): go there by IRETD; `leave` comes back.
global probe_enter
probe_enter:
	mov eax, [esp + 4]
	PUSH_ALL KEPT
	mov [probe_stack], esp
	mov edi, [eax + 20]		; the address to probe
	test byte [eax + 12], 3		; CS: only a change to user mode takes a stack along
	jz .kernel
	push dword [eax]		; SS
	push dword [eax + 4]		; ESP
.kernel:
	push dword [eax + 8]		; EFLAGS
	push dword [eax + 12]		; CS
	push dword [eax + 16]		; EIP
	mov edx, [eax + 28]		; a value to write
	mov eax, [eax + 24]
	iretd

; What a probe runs: position independent, so that a copy on a user page serves user mode.
global probe_code, probe_code_end, probe_code_write, probe_code_fetch
probe_code:
	mov al, [edi]
	int 0x80
probe_code_write:
	mov [edi], al
	int 0x80
probe_code_fetch:
	jmp edi
probe_code_end:

section .rodata

global exception_stub
exception_stub:
%assign vector 0
%rep 32
	dd stub_%+vector
 %assign vector vector + 1
%endrep
	dd stub_128

section .bss
alignb 4
probe_stack:	resd 1
