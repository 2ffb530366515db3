; SPDX-License-Identifier: MIT
; Sequences of odd_io.c in 64-bit mode: RDI, RSI and RDX are trace()'s arguments.

bits 64
default rel

%include "tests/guests/trace/sequence.inc"

section .text

; --- ports

SEQUENCE in_byte
	mov	edx, edi
	in	al, dx
	nop
	nop
SEQUENCE in_word
	mov	edx, edi
	in	ax, dx
	nop
	nop
SEQUENCE in_dword
	mov	edx, edi
	in	eax, dx
	nop
	nop
SEQUENCE out_dword
	mov	edx, edi
	mov	eax, esi
	out	dx, eax
	nop
	nop
SEQUENCE ins_byte
	mov	edx, esi
	insb
	nop
	nop
SEQUENCE ins_dword
	mov	edx, esi
	insd
	nop
	nop
SEQUENCE rep_ins
	mov	ecx, edx
	mov	edx, esi
LABEL at_rep_ins
	rep insb
	nop
	nop
SEQUENCE rep_insd
	mov	ecx, edx
	mov	edx, esi
	rep insd
	nop
	nop
SEQUENCE rep_outsd
	mov	ecx, edx
	mov	edx, esi
	mov	rsi, rdi
	rep outsd
	nop
	nop
SEQUENCE step_rep_ins
	mov	ecx, edx
	mov	edx, esi
	STEP
	rep insb
	nop
	nop
SEQUENCE ss_ins
	mov	edx, esi
	mov	ax, ss
	STEP
	mov	ss, ax
	insb
	nop
	nop
	nop
SEQUENCE ins_down
	mov	ecx, edx
	mov	edx, esi
	std
	rep insd
	cld
	nop
	nop
SEQUENCE ins_32
	mov	ecx, edx
	bts	rcx, 40
	mov	edx, esi
	bts	rdi, 40
	a32 rep insb
	mov	rax, rcx
	mov	rax, rdi
	nop
SEQUENCE outs_fs
	mov	edx, esi
	xor	esi, esi
	fs outsd
	nop
SEQUENCE outs_fs_32
	mov	edx, esi
	mov	esi, -4
	a32 fs outsd
	nop
SEQUENCE outs_word
	mov	edx, esi
	mov	rsi, rdi
	outsw
	nop

; --- interrupts

SEQUENCE sti_store
	mov	dword [rdx], 0x4019
	sti
	mov	[rdi], rsi
	nop
	cli
	nop
SEQUENCE sti_cr3
	mov	rax, cr3
	mov	dword [rdx], 0x4019
	sti
	mov	cr3, rax
	nop
	cli
	nop
SEQUENCE sti_in
	mov	dword [rdx], 0x4019
	sti
	in	al, 0x64
	nop
	cli
	nop
SEQUENCE sti_rep
	mov	r8, rdx
	mov	rax, rsi
	mov	ecx, 3
	mov	dword [r8], 0x4019
	sti
	rep stosq
	nop
	cli
	nop
SEQUENCE sti_load
	mov	dword [rdx], 0x4019
	sti
	mov	al, [rdi]
	nop
	cli
	nop
SEQUENCE sti_bad
	mov	dword [rdx], 0x4019
	sti
	mov	cr4, rdi
	nop
	cli
	nop
SEQUENCE popf_store
	mov	dword [rdx], 0x4019
	pushfq
	or	dword [rsp], 0x300
	popfq
	mov	[rdi], rsi
	nop
	cli
	nop
SEQUENCE nmi_store
	mov	dword [rdx], 0x4400
	mov	[rdi], rsi
	nop
	nop
SEQUENCE step_sti_store
	mov	dword [rdx], 0x4019
	STEP
	sti
	mov	[rdi], rsi
	nop
	cli
	nop
SEQUENCE cr8_store
	mov	eax, 2
	mov	cr8, rax
	mov	dword [rdx], 0x4019
	sti
	mov	[rdi], rsi
	xor	eax, eax
	mov	cr8, rax
	nop
	cli
	nop

; --- CR0's low word

SEQUENCE smsw
	smsw	[rdi]
	nop
SEQUENCE smsw_stack
	mov	rax, rsp
	mov	rsp, rdi
	smsw	[rsp]
	mov	rsp, rax
	nop
SEQUENCE lmsw
	lmsw	[rdi]
	nop
	ret
