; SPDX-License-Identifier: MIT
; A CPU's first steps, from the start-up IPI's real mode to ap_main() in long mode on the
; hypervisor's own page tables (SDM vol. 3A 9.4, 10.8.5; APM vol. 2 14.6.1, 14.7).

CR0_PROTECTED	equ 1 << 4 | 1 << 0					; ET PE

SEL_CODE	equ 0x08
SEL_DATA	equ 0x10
SEL_CODE32	equ 0x18

%include "arch/long_mode.inc"
%include "arch/misc_enable.inc"

extern ap_main, ap_arrived, ap_lock, ap_stack_top

section .rodata
global ap_trampoline, ap_trampoline_cr3, ap_trampoline_end

; Copied to the page that the start-up IPI names, with the CR3 to load written into the copy. It
; finds out itself where it is; all CPUs that run it write the same values.
	align 8
ap_trampoline:
bits 16
	cli
	cld
	mov ax, cs
	mov ds, ax
	xor ebx, ebx
	mov bx, ax
	shl ebx, 4				; the page
	lea eax, [ebx + gdt - ap_trampoline]
	mov [gdt_pointer + 2 - ap_trampoline], eax
	lea eax, [ebx + protected - ap_trampoline]
	mov [to_protected - ap_trampoline], eax
	lea eax, [ebx + long_mode - ap_trampoline]
	mov [to_long_mode - ap_trampoline], eax
	o32 lgdt [gdt_pointer - ap_trampoline]
	mov eax, CR0_PROTECTED
	mov cr0, eax
	jmp dword far [to_protected - ap_trampoline]
bits 32
protected:
	mov eax, SEL_DATA
	mov ds, eax
	mov es, eax
	mov ss, eax
	clear_misc_enable			; EFER.NXE is refused otherwise
	mov eax, [ebx + ap_trampoline_cr3 - ap_trampoline]
	enter_long_mode
	jmp far [ebx + to_long_mode - ap_trampoline]
bits 64
long_mode:
	mov rax, ap_entry
	jmp rax

	align 8
gdt:
	dq 0
	dq 0x00209b0000000000			; SEL_CODE
	dq 0x00cf93000000ffff			; SEL_DATA
	dq 0x00cf9b000000ffff			; SEL_CODE32
gdt_pointer:
	dw $ - gdt - 1
	dd 0
to_protected:
	dd 0
	dw SEL_CODE32
to_long_mode:
	dd 0
	dw SEL_CODE
ap_trampoline_cr3:
	dd 0
ap_trampoline_end:

section .text
bits 64
default rel

; One CPU at a time goes on: the lock is ap_main()'s to release.
ap_entry:
	lock inc dword [ap_arrived]
.wait:
	mov eax, 1
	xchg [ap_lock], eax
	test eax, eax
	jz .first
	pause
	jmp .wait
.first:
	mov rsp, [ap_stack_top]
	xor ebp, ebp
	call ap_main
	ud2
