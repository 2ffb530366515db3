; SPDX-License-Identifier: MIT
; From the boot loader's 32-bit protected mode, paging off, to boot_main() in long mode.
;
; The 32-bit part runs wherever the loader has put it: EBP holds the physical address of the image,
; and code and data are named by their distance from it ($$ is the image's start).

MB1_BOOT_MAGIC	equ 0x2badb002
MB2_BOOT_MAGIC	equ 0x36d76289

PTE_TABLE	equ 1 << 1 | 1 << 0						; W P
PTE_2M		equ 1 << 7 | 1 << 1 | 1 << 0					; PS W P
PTE_NX_HIGH	equ 1 << 31							; bits 63:32

; The tables of boot_tables, one page each.
PML4		equ 0
PDPT_DIRECT	equ 0x1000
PD_DIRECT	equ 0x2000	; 4: the first 4 GiB
PDPT_IMAGE	equ 0x6000
PD_IMAGE	equ 0x7000
PT_IMAGE	equ 0x8000
IMAGE_TABLES	equ 4		; 8 MiB; linker.ld asserts it
TABLES_SIZE	equ PT_IMAGE + IMAGE_TABLES * 0x1000
; Where the image is linked: entry 511 of the PML4, 510 of the PDPT, 1 of the PD.
IMAGE_PML4E	equ 511 * 8
IMAGE_PDPTE	equ 510 * 8
IMAGE_PDE	equ 1 * 8
DIRECT_PML4E	equ 256 * 8	; 0xffff800000000000: MAP_DIRECT in mm/phys/map.h

SEL_CODE	equ 8
SEL_DATA	equ 16

%include "arch/long_mode.inc"
%include "arch/misc_enable.inc"

extern off_bss, off_end, off_tables, off_stack_top
extern boot_main, boot_stack_top, map_image_hpa

section .bss nobits alloc noexec write align=4096
global boot_tables
boot_tables:
	resb TABLES_SIZE

section .boot progbits alloc exec nowrite align=4096
bits 32

%include "boot/header.inc"

; EAX = the protocol's magic, EBX = physical address of its information. No stack is given.
global boot_entry
boot_entry:
	cli
	cld
	cmp eax, MB2_BOOT_MAGIC
	je .known
	cmp eax, MB1_BOOT_MAGIC
	jne stop
.known:
	; Where are we? CALL needs four bytes of memory that are certainly there: the
	; information's first word serves, and is put back.
	mov esi, eax
	mov edi, [ebx]
	lea esp, [ebx + 4]
	call .here
.here:
	pop ebp
	mov [ebx], edi
	sub ebp, .here - $$

	cmp esi, MB1_BOOT_MAGIC
	jne .placed
	lea esp, [ebp + off_stack_top]
	call move_high
	lea eax, [ebp + .placed - $$]
	jmp eax
.placed:
	; Not every loader clears all of it, and the tables and the stack are in it.
	lea edi, [ebp + off_bss]
	mov ecx, off_end
	sub ecx, off_bss
	shr ecx, 2
	xor eax, eax
	rep stosd
	lea esp, [ebp + off_stack_top]

	call check_cpu
	call build_tables

	lea eax, [ebp + off_tables + PML4]
	enter_long_mode

	lea eax, [ebp + gdt - $$]
	push eax
	push word gdt.end - gdt - 1
	lgdt [esp]
	push dword SEL_CODE
	lea eax, [ebp + entry64 - $$]
	push eax
	retf

stop:
	hlt
	jmp stop

; Ends here, with a line on COM1, unless the CPU has CPUID, long mode and NX.
check_cpu:
	pushfd
	pop eax
	mov ecx, eax
	xor eax, 1 << 21			; ID: can be changed where there is CPUID
	push eax
	popfd
	pushfd
	pop eax
	push ecx
	popfd
	xor eax, ecx
	test eax, 1 << 21
	jz .no_long_mode
	clear_misc_enable
	push ebx
	mov eax, 0x80000000
	cpuid
	cmp eax, 0x80000001
	jb .no_long_mode
	mov eax, 0x80000001
	cpuid
	pop ebx
	bt edx, 29				; LM
	jnc .no_long_mode
	bt edx, 20				; NX
	jnc .no_nx
	ret
.no_long_mode:
	lea esi, [ebp + message.no_long_mode - $$]
	jmp say_and_stop
.no_nx:
	lea esi, [ebp + message.no_nx - $$]
	jmp say_and_stop

; EBP = image. The direct map of the first 4 GiB, never executable; the same at address 0 until
; map_init() drops it; the image where it is linked, with all rights until map_init().
build_tables:
	lea edi, [ebp + off_tables]
	lea eax, [edi + PDPT_DIRECT + PTE_TABLE]
	mov [edi + PML4], eax
	mov [edi + PML4 + DIRECT_PML4E], eax
	mov dword [edi + PML4 + DIRECT_PML4E + 4], PTE_NX_HIGH
	lea eax, [edi + PDPT_IMAGE + PTE_TABLE]
	mov [edi + PML4 + IMAGE_PML4E], eax
	lea eax, [edi + PD_IMAGE + PTE_TABLE]
	mov [edi + PDPT_IMAGE + IMAGE_PDPTE], eax

	xor ecx, ecx
.pdpte:
	mov eax, ecx
	shl eax, 12
	lea eax, [edi + eax + PD_DIRECT + PTE_TABLE]
	mov [edi + PDPT_DIRECT + ecx * 8], eax
	inc ecx
	cmp ecx, 4
	jb .pdpte

	xor ecx, ecx
.pde:
	mov eax, ecx
	shl eax, 21
	or eax, PTE_2M
	mov [edi + PD_DIRECT + ecx * 8], eax
	inc ecx
	cmp ecx, 4 * 512
	jb .pde

	xor ecx, ecx
.image_pde:
	mov eax, ecx
	shl eax, 12
	lea eax, [edi + eax + PT_IMAGE + PTE_TABLE]
	mov [edi + PD_IMAGE + IMAGE_PDE + ecx * 8], eax
	inc ecx
	cmp ecx, IMAGE_TABLES
	jb .image_pde

	mov edx, off_end
	shr edx, 12
	xor ecx, ecx
.image_pte:
	mov eax, ecx
	shl eax, 12
	lea eax, [ebp + eax + PTE_TABLE]
	mov [edi + PT_IMAGE + ecx * 8], eax
	inc ecx
	cmp ecx, edx
	jb .image_pte
	ret

%include "boot/move.inc"
%include "boot/say32.inc"

message:
.no_long_mode:
	db "notrap: fatal: this CPU has no long mode (CPUID 80000001h EDX bit 29); "
	db "notrap needs a 64-bit CPU with VMX or SVM", 13, 10, "notrap: halted", 13, 10, 0
.no_nx:
	db "notrap: fatal: this CPU has no NX pages (CPUID 80000001h EDX bit 20); "
	db "enable execute disable in the firmware's set-up", 13, 10, "notrap: halted", 13, 10, 0

	align 8
gdt:
	dq 0
	dq 0x00209a0000000000			; code, 64-bit
	dq 0x0000920000000000			; data
.end:

bits 64
entry64:
	mov rax, .high
	jmp rax
.high:
	; The upper halves are undefined after the switch: SDM vol. 1 3.4.1.1.
	mov ebp, ebp
	mov ebx, ebx
	mov eax, SEL_DATA
	mov ss, eax
	mov ds, eax
	mov es, eax
	xor eax, eax
	mov fs, eax
	mov gs, eax
	lldt ax
	mov rsp, boot_stack_top
	mov [rel map_image_hpa], rbp
	mov edi, esi
	mov rsi, rbx
	xor ebp, ebp
	call boot_main
	ud2
