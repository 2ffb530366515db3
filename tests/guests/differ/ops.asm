; SPDX-License-Identifier: MIT
; What an access of the workload executes, in the order of enum op: position independent, ends in
; INT 80h, finds its address in xDI and its value in RAX or EDX:EAX, uses no stack.

%if __BITS__ == 64
 %define A rax
 %define C rcx
 %define DI rdi
 %define SI rsi
 %define WORD_BYTES 8
 %define STOS_WORD stosq
 %define MOVS_WORD movsq
 %define POINTER dq
%else
 %define A eax
 %define C ecx
 %define DI edi
 %define SI esi
 %define WORD_BYTES 4
 %define STOS_WORD stosd
 %define MOVS_WORD movsd
 %define POINTER dd
%endif

section .text

%macro END_OP 0
	int 0x80
%endmacro

global ops_start, ops_end
ops_start:
op_read:
	mov A, [DI]
	END_OP
op_mov:	mov [DI], A
	END_OP
op_mov4:
	mov [DI], eax
	END_OP
op_movb:
	mov [DI], al
	END_OP
op_xchg:
	xchg [DI], A
	END_OP
op_and:	lock and [DI], A
	END_OP
op_or:	lock or [DI], A
	END_OP
op_xor:	xor [DI], A
	END_OP
op_bts:	mov ecx, eax
	and ecx, 31
	lock bts [DI], C
	END_OP
op_btr:	mov ecx, eax
	and ecx, 31
	lock btr [DI], C
	END_OP
op_cmpxchg:
	mov C, A
	mov A, [DI]
	lock cmpxchg [DI], C
	END_OP
; All eight bytes, in either mode.
op_wide:
%if __BITS__ == 64
	mov rbx, rax
	mov rcx, rax
	shr rcx, 32
%else
	mov ebx, eax
	mov ecx, edx
%endif
	mov eax, [DI]
	mov edx, [DI + 4]
	lock cmpxchg8b [DI]
	END_OP
op_stos:
	mov ecx, 2
	rep STOS_WORD
	END_OP
op_movs:
	lea SI, [DI + 2 * WORD_BYTES]
	mov ecx, 2
	rep MOVS_WORD
	END_OP
op_fetch:
	jmp DI
ops_end:

section .rodata

global op_table
op_table:
	POINTER op_read, op_mov, op_mov4, op_movb, op_xchg, op_and, op_or, op_xor, op_bts, op_btr
	POINTER op_cmpxchg, op_wide, op_stos, op_movs, op_fetch
