; SPDX-License-Identifier: MIT
; One instruction that exits, again and again, in as few others as can be: void loop(u64 count, u64 a, u64 b).
; Position-independent: the kernel calls them at two addresses. RSP is free to change between two accesses.
bits 64

%include "arch/push.inc"

section .text

%macro LOOP 1
global loop_%1
loop_%1:
%endmacro

%macro AGAIN 0
	dec rdi
	jnz .next
	ret
%endmacro

LOOP cpuid
	mov r8, rbx
.next:	xor eax, eax
	cpuid
	dec rdi
	jnz .next
	mov rbx, r8
	ret

LOOP cr3_read
.next:	mov rax, cr3
	AGAIN

LOOP cr3_read_r8
.next:	mov r8, cr3
	AGAIN

LOOP cr3_read_rsp
	mov rax, rsp
.next:	mov rsp, cr3
	dec rdi
	jnz .next
	mov rdx, rsp
	mov rsp, rax
	mov rax, rdx
	ret

; To and fro between two values.
LOOP cr3_write
.next:	mov cr3, rdx
	mov cr3, rsi
	sub rdi, 2
	jnz .next
	ret

LOOP cr3_write_rsp
	mov rax, rsp
.next:	mov rsp, rdx
	mov cr3, rsp
	mov rsp, rsi
	mov cr3, rsp
	sub rdi, 2
	jnz .next
	mov rsp, rax
	ret

; RSI: an entry, RDX: what it is. It is written again, in the ways that kernels write entries.
LOOP write_mov
.next:	mov [rsi], rdx
	AGAIN

LOOP write_mov_imm
.next:	mov dword [rsi + 4], 0
	AGAIN

LOOP write_xchg
.next:	mov rax, rdx
	xchg [rsi], rax
	AGAIN

LOOP write_and
	or rdx, -1
.next:	lock and [rsi], rdx
	AGAIN

LOOP write_or
	xor edx, edx
.next:	or [rsi], rdx
	AGAIN

LOOP write_bts
.next:	lock bts qword [rsi], 0
	AGAIN

LOOP write_btr
.next:	lock btr qword [rsi], 9
	AGAIN

LOOP write_xadd
.next:	xor eax, eax
	lock xadd [rsi], rax
	AGAIN

LOOP write_cmpxchg
.next:	mov rax, rdx
	lock cmpxchg [rsi], rdx
	AGAIN

; RSI: a descriptor of another context than the current one, and an address in it.
LOOP invpcid
	xor eax, eax
.next:	invpcid rax, [rsi]
	AGAIN

; RSI: entries, RDX: the first one's page. Clear, and INVLPG.
LOOP invlpg
.next:	mov qword [rsi], 0
	invlpg [rdx]
	add rsi, 8
	add rdx, 4096
	AGAIN

; u64 read_all[16](void): MOV from CR3 to each register, where all have a value of their own: registers_read, by number.
; RSP too: nothing uses the stack meanwhile.
%define VALUE(nr) (0x0101010101010101 * (1 + (nr)))
%macro FOR_ALL 1
	%1 0, rax
	%1 1, rcx
	%1 2, rdx
	%1 3, rbx
	%1 4, rsp
	%1 5, rbp
	%1 6, rsi
	%1 7, rdi
	%1 8, r8
	%1 9, r9
	%1 10, r10
	%1 11, r11
	%1 12, r12
	%1 13, r13
	%1 14, r14
	%1 15, r15
%endmacro
%macro SET 2
	mov	%2, VALUE(%1)
%endmacro
%macro STORE 2
	mov	[rel registers_read + 8 * %1], %2
%endmacro

%macro READ_TO 2
read_to_%1:
	PUSH_ALL OURS
	mov	[rel stack], rsp
	FOR_ALL SET
	mov	%2, cr3
	FOR_ALL STORE
	mov	rsp, [rel stack]
	POP_ALL OURS
	ret
%endmacro
	READ_TO 0, rax
	READ_TO 1, rcx
	READ_TO 2, rdx
	READ_TO 3, rbx
	READ_TO 4, rsp
	READ_TO 5, rbp
	READ_TO 6, rsi
	READ_TO 7, rdi
	READ_TO 8, r8
	READ_TO 9, r9
	READ_TO 10, r10
	READ_TO 11, r11
	READ_TO 12, r12
	READ_TO 13, r13
	READ_TO 14, r14
	READ_TO 15, r15

section .data
global read_all
read_all:
%macro ADDRESS 2
	dq	read_to_%1
%endmacro
	FOR_ALL ADDRESS

section .bss
global registers_read
registers_read:
	resq	16
stack:	resq	1
