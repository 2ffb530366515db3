; SPDX-License-Identifier: MIT
; One instruction that exits, again and again, in as few others as can be: void loop(u64 count, u64 a, u64 b).
; Position-independent: the kernel calls them at two addresses. RSP is free to change between two accesses.
bits 64
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
