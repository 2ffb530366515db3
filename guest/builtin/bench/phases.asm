; SPDX-License-Identifier: MIT
; The phases' loops and page-fault handlers, as short as a kernel's could be.
;
; R12 region's first page, R13 its frame | flags, R14 its entry, R8 root, R9 other root,
; R10 spare tables, RCX and R11 operations, R15 counts faults. Others are free, RBP is not.

PTE_W		equ 2
UPPER		equ 0x67		; P, W, U, A, D
ENV_OPS		equ 48
ENV_TICKS	equ 56
ENV_FAULTS	equ 64
SPACE_PAGES	equ 16
FORK_PAGES	equ 64
MIXED_PAGES	equ 256
TOUCH_PAGES	equ 8
SEL_DATA	equ 0x10
SEL_USER_DATA	equ 0x1b
SEL_USER_CODE	equ 0x23
USER_CODE	equ 0x700000000000

bits 64

%include "arch/push.inc"

section .text

; void bench_measure(const void *loop, struct bench_env *env)
global bench_measure
bench_measure:
	PUSH_ALL OURS
	mov rbp, rsi
	push rdi
	mov r12, [rbp]
	mov r13, [rbp + 8]
	mov r14, [rbp + 16]
	mov r8, [rbp + 24]
	mov r9, [rbp + 32]
	mov r10, [rbp + 40]
	mov rcx, [rbp + ENV_OPS]
	mov r11, rcx
	xor r15d, r15d
	lfence
	rdtsc
	mov [rbp + ENV_TICKS], eax
	mov [rbp + ENV_TICKS + 4], edx
	mov rdi, r12
	call [rsp]
	lfence
	rdtsc
	shl rdx, 32
	or rax, rdx
	sub rax, [rbp + ENV_TICKS]
	mov [rbp + ENV_TICKS], rax
	mov [rbp + ENV_FAULTS], r15
	pop rdi
	POP_ALL OURS
	ret

; What measuring itself costs.
global loop_empty
loop_empty:
	ret

global loop_cpuid
loop_cpuid:
.next:	xor eax, eax
	cpuid
	dec r11
	jnz .next
	ret

; The instruction that handler_skip steps over is three bytes long.
global loop_same
loop_same:
.next:	mov [rdi], rdi
	dec rcx
	jnz .next
	ret

; Write each page's own address to it.
global loop_write
loop_write:
.next:	mov [rdi], rdi
	add rdi, 4096
	jnz .next
	ret

; The same in user mode, at USER_CODE. HLT is the kernel's alone: #GP ends it.
global loop_write_user
loop_write_user:
	mov [rel kernel_rsp], rsp
	mov rax, USER_CODE
	push SEL_USER_DATA
	push 0				; no stack: it pushes nothing
	push 2				; RFLAGS
	push SEL_USER_CODE
	push rax
	iretq

global user_code, user_code_end
user_code:
.next:	mov [rdi], rdi
	add rdi, 4096
	jnz .next
	hlt
user_code_end:

global handler_user_done
handler_user_done:
	mov eax, SEL_DATA
	mov ss, eax
	mov rsp, [rel kernel_rsp]
	ret

global loop_touch
loop_touch:
.next:	mov [rdi], rdi
	add rdi, 4096
	dec rcx
	jnz .next
	ret

global loop_read
loop_read:
.next:	mov rax, [rdi]
	add rdi, 4096
	dec rcx
	jnz .next
	ret

global loop_clear_invlpg
loop_clear_invlpg:
.next:	mov qword [r14], 0
	invlpg [rdi]
	add r14, 8
	add rdi, 4096
	dec rcx
	jnz .next
	ret

global loop_wp_invlpg
loop_wp_invlpg:
.next:	and qword [r14], ~PTE_W
	invlpg [rdi]
	add r14, 8
	add rdi, 4096
	dec rcx
	jnz .next
	ret

global loop_bulk_clear
loop_bulk_clear:
.next:	mov qword [r14], 0
	add r14, 8
	dec rcx
	jnz .next
	mov cr3, r8
	ret

global loop_bulk_map
loop_bulk_map:
.next:	mov [r14], r13
	add r13, 4096
	add r14, 8
	dec rcx
	jnz .next
	ret

global loop_cr3_read
loop_cr3_read:
.next:	mov rax, cr3
	dec rcx
	jnz .next
	ret

global loop_cr3
loop_cr3:
.next:	mov cr3, r8
	dec rcx
	jnz .next
	ret

; Two switches a turn; ends on the first root. The number of operations is even.
global loop_cr3_switch
loop_cr3_switch:
.next:	mov cr3, r9
	mov cr3, r8
	sub rcx, 2
	jnz .next
	ret

%macro SWITCH_AND_TOUCH 1
	mov cr3, %1
	mov rdi, r12
	mov ecx, TOUCH_PAGES
%%page:	mov [rdi], rdi
	add rdi, 4096
	dec ecx
	jnz %%page
%endmacro

global loop_cr3_touch
loop_cr3_touch:
.next:	SWITCH_AND_TOUCH r9
	SWITCH_AND_TOUCH r8
	sub r11, 2
	jnz .next
	ret

; An address space that lives for a few page faults: root, PDPT, PD and PT made anew in the
; same four pages, the kernel's part shared, the last pages of the address space demand-mapped.
global loop_space
loop_space:
	lea rbx, [r10 + 0x1000 + UPPER]	; entries that point to the lower tables
	lea rdx, [r10 + 0x2000 + UPPER]
	lea rsi, [r10 + 0x3000 + UPPER]
	lea r14, [r10 + 0x4000 - SPACE_PAGES * 8]
	mov r9, [r8]			; the kernel's root entry
.next:	mov rdi, r10
	mov ecx, 4 * 512
	xor eax, eax
	rep stosq
	mov [r10], r9
	mov [r10 + 0x0ff8], rbx
	mov [r10 + 0x1ff8], rdx
	mov [r10 + 0x2ff8], rsi
	mov cr3, r10
	mov rdi, r12
.page:	mov [rdi], rdi
	add rdi, 4096
	jnz .page
	mov cr3, r8
	dec r11
	jnz .next
	ret

; Write-protect `%1` entries at R14 and copy them to R10, as fork() does.
%macro PROTECT_AND_COPY 1
	xor ecx, ecx
%%pte:	mov rax, [r14 + rcx]
	and rax, ~PTE_W
	mov [r14 + rcx], rax
	mov [r10 + rcx], rax
	add rcx, 8
	cmp ecx, %1 * 8
	jne %%pte
	mov cr3, r8
%endmacro

global loop_fork
loop_fork:
.next:	PROTECT_AND_COPY FORK_PAGES
	mov rdi, r12
.page:	mov [rdi], rdi
	add rdi, 4096
	jnz .page
	dec r11
	jnz .next
	ret

; Demand-map, fork, write some pages again, unmap.
global loop_mixed
loop_mixed:
.next:	mov rdi, r12
.page:	mov [rdi], rdi
	add rdi, 4096
	jnz .page
	PROTECT_AND_COPY MIXED_PAGES
	mov rdi, -FORK_PAGES * 4096
.again:	mov [rdi], rdi
	add rdi, 4096
	jnz .again
	xor ecx, ecx
.clear:	mov qword [r14 + rcx], 0
	add ecx, 8
	cmp ecx, MIXED_PAGES * 8
	jne .clear
	mov cr3, r8
	dec r11
	jnz .next
	ret

global handler_skip
handler_skip:
	inc r15
	add rsp, 8			; error code
	add qword [rsp], 3
	iretq

; Map the page: entry = frame | flags, without a flush, then retry.
global handler_demand
handler_demand:
	push rax
	push rbx
	mov rax, cr2
	and rax, -4096
	sub rax, r12
	mov rbx, rax
	shr rbx, 9			; eight bytes for each page
	add rax, r13
	mov [r14 + rbx], rax
	inc r15
	pop rbx
	pop rax
	add rsp, 8
	iretq

; Allow writes, drop the old translation, then retry.
global handler_cow
handler_cow:
	push rax
	push rbx
	mov rbx, cr2
	mov rax, rbx
	sub rax, r12
	shr rax, 9
	or qword [r14 + rax], PTE_W
	invlpg [rbx]
	inc r15
	pop rbx
	pop rax
	add rsp, 8
	iretq

; The stack that user mode was entered from.
section .bss
kernel_rsp:
	resq 1

section .text
global handler_mixed
handler_mixed:
	test byte [rsp], 1		; P in the error code
	jnz handler_cow
	jmp handler_demand
