; SPDX-License-Identifier: MIT
; Entry of a 64-bit guest kernel: from multiboot's protected mode to long mode on boot tables that
; map the first 4 GiB by 2M pages; memory.c replaces them by tables that map RAM only.

%include "guest/builtin/lib/multiboot.inc"

CR0_PG_WP_NE	equ 0x80010020
CR4_PAE		equ 1 << 5
MSR_EFER	equ 0xc0000080
EFER_LME	equ 1 << 8
EFER_NXE	equ 1 << 11
PTE_P_W		equ 3
PTE_PS		equ 1 << 7

SEL_CODE	equ 0x08
SEL_DATA	equ 0x10

extern start_c

section .text

bits 32
global start
start:
	cli
	cld
	mov esp, stack_end
	mov ebp, eax			; the loader's magic
	mov esi, ebx			; its information

	mov edi, boot_pd
	mov eax, PTE_P_W | PTE_PS
	mov ecx, 4 * 512
.pde:	mov [edi], eax
	add eax, 1 << 21
	add edi, 8
	dec ecx
	jnz .pde
	mov dword [boot_pml4], boot_pdpt + PTE_P_W
	mov dword [boot_pdpt], boot_pd + PTE_P_W
	mov dword [boot_pdpt + 8], boot_pd + 0x1000 + PTE_P_W
	mov dword [boot_pdpt + 16], boot_pd + 0x2000 + PTE_P_W
	mov dword [boot_pdpt + 24], boot_pd + 0x3000 + PTE_P_W

	mov eax, CR4_PAE
	mov cr4, eax
	mov eax, boot_pml4
	mov cr3, eax

	mov eax, 0x80000001
	cpuid
	mov edi, EFER_LME
	bt edx, 20			; no-execute
	jnc .efer
	or edi, EFER_NXE
.efer:	mov ecx, MSR_EFER
	rdmsr
	or eax, edi
	wrmsr

	mov eax, cr0
	or eax, CR0_PG_WP_NE
	mov cr0, eax
	lgdt [gdt_pointer]
	jmp SEL_CODE:.long

bits 64
.long:	mov eax, SEL_DATA
	mov ds, eax
	mov es, eax
	mov fs, eax
	mov gs, eax
	mov ss, eax
	mov esp, stack_end
	mov edi, ebp
	mov esi, esi
	xor ebp, ebp
	call start_c
.halt:	hlt
	jmp .halt

section .data align=16

; Kernel code and data, user data and code (the order SYSRET wants), the TSS filled in by C, and
; 32-bit code, for levels.asm.
global gdt, gdt_pointer
gdt:	dq 0
	dq 0x00af9b000000ffff
	dq 0x00cf93000000ffff
	dq 0x00cff3000000ffff
	dq 0x00affb000000ffff
	dq 0, 0
	dq 0x00cf9b000000ffff
gdt_pointer:
	dw gdt_pointer - gdt - 1
	dq gdt

section .bss align=4096

boot_pml4:	resb 4096
boot_pdpt:	resb 4096
boot_pd:	resb 4 * 4096
		resb 32768
global stack_end
stack_end:
