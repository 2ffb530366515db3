; SPDX-License-Identifier: MIT
; A trip to 64-bit mode and back, from a 32-bit kernel with paging off.

SEL_CODE	equ 0x08
SEL_LONG	equ 0x30
CR0_PG		equ 1 << 31
CR4_PAE		equ 1 << 5
MSR_EFER	equ 0xc0000080
EFER_LME	equ 1 << 8

bits 32
section .text

; u32 long_trip(u32 root, u64 va, u32 value, u32 *word)
global long_trip
long_trip:
	push ebx
	push esi
	push edi
	mov eax, cr4
	push eax
	or eax, CR4_PAE
	mov cr4, eax
	mov eax, [esp + 20]		; root
	mov cr3, eax
	mov ecx, MSR_EFER
	rdmsr
	or eax, EFER_LME
	wrmsr
	mov esi, [esp + 24]		; va, low
	mov edi, [esp + 28]		; va, high
	mov ebx, [esp + 32]		; value
	mov eax, cr0
	or eax, CR0_PG
	mov cr0, eax
	; Compatibility mode from here on.
	mov eax, ebx
	push ebx
	cpuid
	pop ebx
	jmp SEL_LONG:.long

bits 64
.long:	shl rdi, 32
	or rsi, rdi
	mov [rsi], ebx			; A and D of a cold page
	invlpg [rsi]
	mov edi, [rsi]
	and rsi, -4096
	mov esi, [rsi + 4]
	mov ecx, esp			; the stack's upper half may be anything after this
	jmp far dword [abs .back]

bits 32
.compat:
	mov esp, ecx
	mov eax, cr0
	and eax, ~CR0_PG
	mov cr0, eax
	mov ecx, MSR_EFER
	rdmsr
	and eax, ~EFER_LME
	wrmsr
	pop eax
	mov cr4, eax
	mov eax, [esp + 32]		; word
	mov [eax], esi
	mov eax, edi
	pop edi
	pop esi
	pop ebx
	ret

section .rodata
long_trip.back:
	dd long_trip.compat
	dw SEL_CODE
