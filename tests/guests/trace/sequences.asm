; SPDX-License-Identifier: MIT
; The sequences of debug.c, registers.c, resume.c and storm.c: RDI, RSI and RDX are trace()'s arguments.

bits 64
default rel

%include "tests/guests/trace/sequence.inc"

section .text

; --- debug.c

SEQUENCE store
	mov	[rdi], rsi
	nop
	nop
SEQUENCE exchange
	xchg	[rdi], rsi
	nop
	nop
SEQUENCE compare_exchange
	mov	rax, [rdi]
	lock cmpxchg [rdi], rsi
	nop
	nop
SEQUENCE store_string
	mov	rax, rsi
	stosq
	nop
	nop
SEQUENCE rep_store
	mov	rax, rsi
	mov	ecx, 4
LABEL at_rep_store
	rep stosq
	nop
	nop
SEQUENCE move_string
	xchg	rdi, rsi
	movsq
	nop
	nop
SEQUENCE store_word_cr0
	smsw	[rdi]
	nop
	nop
SEQUENCE gate_de
	xor	ecx, ecx
	div	ecx
SEQUENCE gate_ud
	ud2
SEQUENCE gate_int
	int	25
SEQUENCE gate_gp
	mov	eax, 0x44
	mov	ds, eax
SEQUENCE gate_pf
	mov	al, [rdi]
SEQUENCE load_word_cr0
	lmsw	[rdi]
	nop
	nop
SEQUENCE ss_cpuid
	push	rbx
	mov	ss, [rdi]
	cpuid
	nop
	nop
	pop	rbx
SEQUENCE ss_store
	mov	ss, [rdi]
	mov	[rsi], rdx
	nop
	nop
SEQUENCE ss_load
	mov	ss, [rdi]
	mov	al, [rsi]
	nop
	nop
SEQUENCE ss_cr3
	mov	rax, cr3
	mov	ss, [rdi]
	mov	cr3, rax
	nop
	nop
SEQUENCE ss_int3
	mov	ss, [rdi]
	int3
	nop
	nop
SEQUENCE ss_ud
	mov	ss, [rdi]
	ud2
	nop
	nop
SEQUENCE ss_int1
	mov	ss, [rdi]
	int1
	nop
	nop
SEQUENCE ss_twice
	mov	ss, [rdi]
	mov	ss, [rdi]
	push	rbx
	cpuid
	pop	rbx
	nop
	nop
SEQUENCE step_ss_cpuid
	push	rbx
	STEP
	mov	ss, [rdi]
	cpuid
	nop
	nop
	nop
	pop	rbx
SEQUENCE step_ss_store
	STEP
	mov	ss, [rdi]
	mov	[rsi], rdx
	nop
	nop
	nop
SEQUENCE step_ss_load
	STEP
	mov	ss, [rdi]
	mov	al, [rsi]
	nop
	nop
	nop
SEQUENCE step_cpuid
	push	rbx
	STEP
	cpuid
	nop
	nop
	pop	rbx
SEQUENCE step_rep
	mov	rax, rsi
	mov	ecx, 4
	STEP
	rep stosq
	nop
	nop
	nop
SEQUENCE step_store
	STEP
	mov	[rdi], rsi
	nop
	nop
SEQUENCE step_int3
	STEP
	int3
	nop
	nop
SEQUENCE step_int1
	STEP
	int1
	nop
	nop
SEQUENCE step_ud
	STEP
	ud2
	nop
	nop
SEQUENCE step_load
	STEP
	mov	al, [rdi]
	nop
	nop
SEQUENCE step_cr4
	mov	rax, cr4
	STEP
	mov	cr4, rax
	nop
	nop
SEQUENCE step_invlpg
	STEP
	invlpg	[rdi]
	nop
	nop
SEQUENCE step_clts
	STEP
	clts
	nop
	nop
SEQUENCE step_smsw
	STEP
	smsw	ax
	nop
	nop
SEQUENCE step_dr6
	mov	[rdi], rsi
	STEP
	mov	rax, dr6
	nop
	nop
SEQUENCE step_ss_dr6
	mov	ax, ds
	mov	[rdi], rsi
	STEP
	mov	ss, ax
	mov	rdx, dr6
	nop
	nop
SEQUENCE step_lmsw
	STEP
	lmsw	[rdi]
	nop
	nop
SEQUENCE step_gp
	STEP
	mov	ds, edi
	nop
	nop
SEQUENCE step_iret
	mov	rax, rsp
	mov	ecx, ss
	push	rcx
	push	rax
	pushfq
	or	dword [rsp], 1 << 8
	mov	ecx, cs
	push	rcx
	lea	rcx, [.on]
	push	rcx
	iretq
.on:
	nop
	nop
	nop
SEQUENCE gd_read
	mov	eax, 0x2400
	mov	dr7, rax
	nop
	mov	rax, dr0
	nop
	nop
SEQUENCE gd_step_cpuid
	push	rbx
	mov	eax, 0x2400
	mov	dr7, rax
	STEP
	cpuid
	nop
	nop
	pop	rbx
SEQUENCE gd_step_store
	mov	eax, 0x2400
	mov	dr7, rax
	STEP
	mov	[rdi], rsi
	nop
	nop
SEQUENCE in_64
	in	al, 0x64
	nop
	nop
SEQUENCE in_80
	in	al, 0x80
	nop
	nop
SEQUENCE step_in_64
	STEP
	in	al, 0x64
	nop
	nop
SEQUENCE code_load
	nop
LABEL at_load
	mov	al, [rdi]
	nop
	nop
SEQUENCE code_store
	nop
LABEL at_store
	mov	[rdi], rsi
	nop
	nop
SEQUENCE code_cpuid
	push	rbx
LABEL at_cpuid
	cpuid
	nop
	pop	rbx

; --- resume.c

SEQUENCE bad_wrmsr
	mov	ecx, 0xc0000080		; EFER, reserved bits: Bochs ignores MSRs that it does not know
	mov	eax, -1
	mov	edx, eax
LABEL at_wrmsr
	wrmsr
	nop
SEQUENCE bad_cr4
	mov	rax, cr4
	bts	rax, 15
LABEL at_cr4
	mov	cr4, rax
	nop
SEQUENCE bad_ds
	mov	eax, 0x44
LABEL at_ds
	mov	ds, eax
	nop
SEQUENCE on_stack_int3
	mov	rax, rsp
	mov	rsp, rdi
	int3
LABEL behind_int3
	nop
	mov	rsp, rax
	nop
SEQUENCE on_stack_int
	mov	rax, rsp
	mov	rsp, rdi
LABEL at_int
	int	25
LABEL behind_int
	nop
	mov	rsp, rax
	nop

; --- registers.c

SEQUENCE write_cr0_
	mov	cr0, rdi
	nop
SEQUENCE write_cr3_
	mov	rdx, cr3
	mov	cr3, rdi
	mov	cr3, rdx
SEQUENCE write_cr4_
	mov	rdx, cr4
	mov	cr4, rdi
	mov	cr4, rdx
SEQUENCE write_cr8_
	mov	cr8, rdi
	xor	eax, eax
	mov	cr8, rax
SEQUENCE read_cr1
	db	0x0f, 0x20, 0xc8
	nop
SEQUENCE lock_cr0
	db	0xf0, 0x0f, 0x20, 0xc0
	nop
SEQUENCE write_msr
	mov	ecx, edi
	mov	eax, esi
	mov	rdx, rsi
	shr	rdx, 32
	wrmsr
	nop
SEQUENCE write_xcr
	mov	ecx, edi
	mov	eax, esi
	mov	rdx, rsi
	shr	rdx, 32
	xsetbv
	nop
SEQUENCE invpcid_
	db	0x66, 0x0f, 0x38, 0x82, 0x3e	; invpcid rdi, [rsi]
	nop
SEQUENCE bad_smm
	rsm
	nop
SEQUENCE ss_bad_cr4
	mov	rax, cr4
	bts	rax, 15
	mov	ss, [rdi]
	mov	cr4, rax
	nop
SEQUENCE sti_bad_cr4
	mov	rax, cr4
	bts	rax, 15
	sti
	mov	cr4, rax
	nop
SEQUENCE step_ss_bad_cr4
	mov	rax, cr4
	bts	rax, 15
	STEP
	mov	ss, [rdi]
	mov	cr4, rax
	nop

; --- storm.c

SEQUENCE storm_steps
	push	rbx
	push	r12
	mov	r12, rdx
	STEP
	cpuid
	mov	rax, cr3
	mov	cr3, rax
	mov	al, [rdi]
	mov	[rsi], r12
	invlpg	[rdi]
	nop
	cpuid
	cpuid
	mov	ecx, 0xc0000080
	rdmsr
	wrmsr
	mov	rax, cr4
	mov	cr4, rax
	mov	[rsi], r12
	pushfq
	and	dword [rsp], ~(1 << 8)
	popfq
	pop	r12
	pop	rbx
	ret
