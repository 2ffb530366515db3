; SPDX-License-Identifier: MIT
; What a CPU runs in SMM: real mode's code, DS with base 0 and no limit (SDM vol. 3C 32.5).

BASE		equ 0x30000
REVISION	equ BASE + 0xfefc
SMBASE		equ BASE + 0xfef8		; Intel's layout, SDM vol. 3C tables 32-1 and 32-3
SMBASE_AMD	equ BASE + 0xff00		; AMD64's: APM vol. 2 table 10-1
AMD64		equ 0x64

section .rodata
global smm_moving, smm_moving_to, smm_moving_end, smm_nothing, smm_nothing_end
bits 16

; At 38000h (nothing is read by way of CS: Bochs takes its base for 0 there): gives the CPU the base that is at
; smm_moving_to, and counts itself in the word behind that.
smm_moving:
	mov ebx, [dword BASE + 0x8000 + smm_moving_to - smm_moving]
	mov eax, [dword REVISION]
	cmp ax, AMD64
	je .amd64
	mov [dword SMBASE], ebx
	jmp .count
.amd64:
	mov [dword SMBASE_AMD], ebx
.count:
	inc dword [dword BASE + 0x8000 + smm_moving_ran - smm_moving]
	rsm
	align 4
smm_moving_to:
	dd 0
smm_moving_ran:
	dd 0
smm_moving_end:
	times 64 - (smm_moving_end - smm_moving) db 0	; what smm_base_move() saves; no more

smm_nothing:
	rsm
smm_nothing_end:
