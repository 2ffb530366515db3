; SPDX-License-Identifier: MIT
; What random sequences are made of: groups of instructions, each a length and its bytes.
;
; R8: COLD_VA's PTE. R9: COLD_VA. R10: a buffer. R11: a selector for SS. R12, R13, R15: CR3, CR4, CR0.
; R14: the PTE's first value. RBP: the local APIC's ICR. R10 + 64: an area for XSAVE. A table write is followed by INVLPG, as what a
; CPU still has cached is its own affair.

bits 64

; Flags of a group, as in steps.c.
ANY	equ 0
PAGES	equ 1		; may fault for the hypervisor alone
LOADS_SS equ 2
NOT_TCG	equ 4
NMI	equ 8
HYPERCALL equ 16	; VMCALL stands for what the machine has

%macro GROUP 1
	db	0, %1
%endmacro

%macro INSN 1+
	db	%%end - %%start
%%start:
	%1
%%end:
%endmacro

section .rodata

global pool
pool:
	GROUP	ANY
	INSN	nop
	GROUP	ANY
	INSN	mov eax, 0x1234
	INSN	mov [r10 + 8], eax
	GROUP	ANY
	INSN	mov eax, [r10 + 8]
	GROUP	ANY
	INSN	xor eax, eax
	INSN	xor ecx, ecx
	INSN	cpuid
	INSN	xor eax, eax
	INSN	xor ebx, ebx
	INSN	xor ecx, ecx
	INSN	xor edx, edx
	GROUP	ANY
	INSN	mov rax, cr3
	GROUP	ANY
	INSN	mov cr3, r12
	GROUP	ANY
	INSN	mov rax, cr4
	GROUP	ANY
	INSN	mov cr4, r13
	GROUP	ANY
	INSN	mov rax, cr0
	GROUP	ANY
	INSN	mov cr0, r15
	GROUP	ANY
	INSN	clts
	GROUP	ANY
	INSN	smsw eax
	GROUP	ANY
	INSN	smsw [r10 + 16]
	GROUP	ANY
	INSN	lmsw r15w
	GROUP	ANY
	INSN	mov [r10 + 24], r15
	INSN	lmsw [r10 + 24]
	GROUP	ANY
	INSN	invlpg [r9]
	GROUP	ANY
	INSN	mov ecx, 0xc0000080
	INSN	rdmsr
	INSN	wrmsr
	INSN	xor edx, edx
	GROUP	ANY
	INSN	mov ecx, 0xc0000080
	INSN	mov eax, -1
	INSN	wrmsr
	GROUP	ANY
	INSN	invd
	GROUP	ANY
	INSN	in al, 0x64
	INSN	xor eax, eax
	GROUP	ANY
	INSN	in al, 0x92
	INSN	xor eax, eax
	GROUP	ANY
	INSN	out 0x80, al
	GROUP	ANY
	INSN	mov rax, dr6
	GROUP	ANY
	INSN	pushfq
	INSN	or dword [rsp], 1 << 8
	INSN	popfq
	GROUP	ANY
	INSN	pushfq
	INSN	and dword [rsp], ~(1 << 8)
	INSN	popfq
	GROUP	ANY
	INSN	pushfq
	INSN	pop rax
	GROUP	ANY
	INSN	sti
	GROUP	ANY
	INSN	cli
	GROUP	ANY
	INSN	int3
	GROUP	ANY
	INSN	int1
	GROUP	ANY
	INSN	int 25
	GROUP	ANY
	INSN	ud2
	GROUP	ANY
	INSN	mov eax, 0x44
	INSN	mov ds, eax
	GROUP	NOT_TCG
	INSN	mov rax, r13
	INSN	bts rax, 15
	INSN	mov cr4, rax
	GROUP	NOT_TCG
	INSN	mov rax, r12
	INSN	bts rax, 63
	INSN	mov cr3, rax
	GROUP	LOADS_SS
	INSN	mov ss, [r11]
	GROUP	LOADS_SS
	INSN	mov ss, [r11]
	GROUP	PAGES
	INSN	mov al, [r9]
	GROUP	PAGES
	INSN	mov [r9], al
	GROUP	PAGES
	INSN	mov al, [r9 + 0x1000]
	GROUP	PAGES
	INSN	mov [r8], r14
	INSN	invlpg [r9]
	GROUP	PAGES
	INSN	and qword [r8], ~0x60
	INSN	invlpg [r9]
	INSN	mov al, [r9]
	GROUP	PAGES
	INSN	mov rax, r14
	INSN	xchg [r8], rax
	INSN	invlpg [r9]
	GROUP	PAGES
	INSN	lock cmpxchg [r8], r14
	INSN	invlpg [r9]
	GROUP	PAGES
	INSN	mov rax, [r8]
	INSN	lock cmpxchg [r8], r14
	INSN	invlpg [r9]
	GROUP	PAGES
	INSN	lock bts qword [r8], 5
	INSN	invlpg [r9]
	GROUP	PAGES
	INSN	lea rdi, [r8 + 8]
	INSN	xor eax, eax
	INSN	stosq
	GROUP	PAGES
	INSN	lea rdi, [r8 + 16]
	INSN	mov ecx, 3
	INSN	xor eax, eax
	INSN	rep stosq
	GROUP	PAGES
	INSN	lea rdi, [r8 + 8]
	INSN	mov rsi, r10
	INSN	movsq
	GROUP	NMI
	INSN	mov dword [rbp], 0x4400

	; A hypercall is, but for RAX, a NOP.
	GROUP	HYPERCALL
	INSN	mov eax, 0		; HC_VERSION
	INSN	vmcall
	INSN	xor eax, eax
	GROUP	ANY
	INSN	vmread rax, rcx
	GROUP	ANY
	INSN	vmxoff
	GROUP	ANY
	INSN	vmload
	GROUP	ANY
	INSN	stgi

	; Bochs' MWAIT sleeps even if the store came before it: only what it refuses is in here.
	GROUP	NOT_TCG
	INSN	mov rax, r10
	INSN	xor ecx, ecx
	INSN	xor edx, edx
	INSN	monitor
	INSN	mov [r10 + 8], edx
	INSN	xor eax, eax
	GROUP	NOT_TCG
	INSN	mov rax, r10
	INSN	mov ecx, 8
	INSN	monitor
	INSN	mwait
	INSN	xor ecx, ecx
	INSN	mov [r10 + 8], ecx
	GROUP	PAGES | NOT_TCG
	INSN	mov rax, r9
	INSN	xor ecx, ecx
	INSN	monitor
	INSN	mov [r9 + 8], ecx
	GROUP	PAGES | NOT_TCG
	INSN	lea rax, [r9 + 0x1000]
	INSN	xor ecx, ecx
	INSN	monitor

	GROUP	ANY
	INSN	xor ecx, ecx
	INSN	xgetbv
	INSN	xsetbv
	INSN	xor eax, eax
	INSN	xor edx, edx
	GROUP	ANY
	INSN	xor ecx, ecx
	INSN	xor eax, eax
	INSN	xsetbv
	GROUP	ANY
	INSN	mov eax, -1
	INSN	xor edx, edx
	INSN	xsave64 [r10 + 64]
	INSN	xrstor64 [r10 + 64]
	INSN	xor eax, eax
	GROUP	ANY
	INSN	mov eax, -1
	INSN	xor edx, edx
	INSN	xsaves64 [r10 + 64]
	INSN	xrstors64 [r10 + 64]
	INSN	xor eax, eax
	GROUP	PAGES
	INSN	mov eax, 1
	INSN	xor edx, edx
	INSN	xsaves64 [r9]
	INSN	xor eax, eax
	GROUP	PAGES
	INSN	mov eax, 1
	INSN	xor edx, edx
	INSN	xsave64 [r9 + 0x1000 - 64]
	INSN	xor eax, eax
	GROUP	PAGES
	INSN	mov eax, 1
	INSN	xor edx, edx
	INSN	xrstors64 [r9 + 0x1000]
	INSN	xor eax, eax
	GROUP	ANY
	INSN	mov ecx, 0xda0		; IA32_XSS
	INSN	xor eax, eax
	INSN	xor edx, edx
	INSN	wrmsr
	INSN	rdmsr
	INSN	xor eax, eax
	db	0xff

section .text

; u64 steps_run(const struct steps_registers *r): calls r->code with the registers above; see steps.c.
global steps_run
extern call_code
steps_run:
	mov	rsi, rdi
	mov	rdi, steps_enter
	jmp	call_code

steps_enter:
	mov	rax, rdi
	mov	r8, [rax + 8]
	mov	r9, [rax + 16]
	mov	r10, [rax + 24]
	mov	r11, [rax + 32]
	mov	r12, [rax + 40]
	mov	r13, [rax + 48]
	mov	r14, [rax + 56]
	mov	r15, [rax + 64]
	mov	rbp, [rax + 72]
	mov	rcx, rsp
	push	qword [rax + 88]	; SS
	push	rcx
	push	qword [rax + 96]	; RFLAGS
	push	qword [rax + 80]	; CS
	push	qword [rax]
	xor	eax, eax
	xor	ebx, ebx
	xor	ecx, ecx
	xor	edx, edx
	iretq
