; SPDX-License-Identifier: MIT
; From four to five levels or back. CR4.LA57 cannot change in long mode, so by way of 32-bit code
; with paging off (SDM vol. 3A 4.1.2); all of it is below 4 GiB, at its physical address.

%include "arch/push.inc"

CR0_PG		equ 1 << 31
CR4_LA57	equ 1 << 12
SEL_CODE	equ 0x08
SEL_CODE32	equ 0x38

section .text

; void paging_reload(u64 root, u64 la57): CR3 and CR4.LA57 (0 or CR4_LA57), both below 4 GiB.
global paging_reload
bits 64
paging_reload:
	; The upper halves of registers are lost.
	PUSH_ALL rbx, rbp, r12, r13, r14, r15
	push SEL_CODE32
	push .compat
	o64 retf
bits 32
.compat:
	mov eax, cr0
	and eax, ~CR0_PG
	mov cr0, eax
	mov ecx, cr4
	and ecx, ~CR4_LA57
	or ecx, esi
	mov cr4, ecx
	mov cr3, edi
	or eax, CR0_PG
	mov cr0, eax
	jmp SEL_CODE:.long
bits 64
.long:	mov esp, esp
	POP_ALL rbx, rbp, r12, r13, r14, r15
	ret
