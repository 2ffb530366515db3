; SPDX-License-Identifier: MIT
; Call a sequence that may change every register, and come back whatever it did.

bits 32
section .text

SEL_DATA	equ 0x10
SEL_USER_DATA	equ 0x1b

; Callee-saved registers and ESP, for call_bail. EAX: the first argument; the others follow at [esp + 24].
%macro ENTER_CALL 0
	push	ebx
	push	ebp
	push	esi
	push	edi
	mov	[kept_esp], esp
	mov	eax, [esp + 20]
%endmacro

; void call_code(const void *code, u32 edi, u32 esi, u32 edx)
global call_code
call_code:
	ENTER_CALL
	mov	edi, [esp + 24]
	mov	esi, [esp + 28]
	mov	edx, [esp + 32]
	call	eax
global call_bail
call_bail:
	mov	ecx, SEL_DATA
	mov	ss, ecx
	mov	esp, [kept_esp]
	mov	ecx, SEL_USER_DATA
	mov	ds, ecx
	mov	es, ecx
	mov	fs, ecx
	mov	gs, ecx
	push	2
	popfd
	pop	edi
	pop	esi
	pop	ebp
	pop	ebx
	ret

; void v86_enter(u32 ip, u32 sp, u32 eflags): all segments are 0; an exception ends it.
global v86_enter
v86_enter:
	ENTER_CALL
	mov	ecx, [esp + 24]
	mov	edx, [esp + 28]
	xor	ebx, ebx
	times 4 push ebx		; GS, FS, DS, ES
	push	ebx			; SS
	push	ecx
	push	edx
	push	ebx			; CS
	push	eax
	xor	eax, eax
	xor	ecx, ecx
	xor	edx, edx
	xor	esi, esi
	mov	edi, 0x9000
	iretd

; What a gate needs from virtual-8086 mode, 16 bytes for each vector; then the library's entry.
extern exception_stub
section .text
align 16
global v86_gates
v86_gates:
%assign vector 0
%rep 32
	jmp	near gate_ %+ vector
	align 16
 %assign vector vector + 1
%endrep

%assign vector 0
%rep 32
gate_ %+ vector:
	push	eax
	mov	eax, SEL_USER_DATA
	mov	ds, eax
	mov	es, eax
	pop	eax
	jmp	[exception_stub + 4 * vector]
 %assign vector vector + 1
%endrep

section .bss
alignb 4
kept_esp:	resd 1
