; SPDX-License-Identifier: MIT
; The sequences of odd.c: RDI, RSI and RDX are trace()'s arguments.

bits 64
default rel

%include "tests/guests/trace/sequence.inc"

section .text

; --- stores

SEQUENCE store_byte
	mov	[rdi], sil
	nop
SEQUENCE store_word
	mov	[rdi], si
	nop
SEQUENCE store_dword
	mov	[rdi], esi
	nop
SEQUENCE store_high
	mov	eax, esi
	mov	[rdi], ah
	nop
SEQUENCE store_nt
	movnti	[rdi], rsi
	nop
SEQUENCE add_reg
	lock xadd [rdi], rsi
	mov	[rdi], rsi
	nop
SEQUENCE negate
	not	qword [rdi]
	not	qword [rdi]
	nop
SEQUENCE set_far_bit
	mov	eax, 64 + 5
	lock bts [rdi], rax
	nop
SEQUENCE failing_cmpxchg
	xor	eax, eax
	lock cmpxchg [rdi], rsi
	nop
SEQUENCE cmpxchg_pair
	push	rbx
	mov	rax, [rdi]
	mov	rdx, [rdi + 8]
	mov	rbx, rax
	mov	rcx, rdx
	lock cmpxchg16b [rdi]
	nop
	pop	rbx
SEQUENCE failing_pair
	push	rbx
	xor	eax, eax
	xor	edx, edx
	lock cmpxchg16b [rdi]
	nop
	pop	rbx
SEQUENCE no_store
	xor	ecx, ecx
	rep stosq
	nop
SEQUENCE push_to
	mov	rax, rsp
	mov	rsp, rdi
	push	rsi
	mov	rsp, rax
	nop
SEQUENCE call_to
	mov	rax, rsp
	mov	rsp, rdi
	call	.here
.here:	mov	rsp, rax
	nop
SEQUENCE sse_store
	movnti	[rdi + 8], rsi
	mov	[rdi], rsi
	nop
; RCX elements from RSI, up or down.
SEQUENCE move_up
	mov	rcx, rdx
	rep movsq
	nop
SEQUENCE move_down
	std
	mov	rcx, rdx
	rep movsq
	cld
	nop
SEQUENCE move_bytes
	mov	rcx, rdx
	rep movsb
	nop
SEQUENCE step_move_up
	mov	rcx, rdx
	STEP
	rep movsq
	nop
	nop
	nop
SEQUENCE ss_rep
	mov	rcx, rdx
	mov	ax, ss
	STEP
	mov	ss, ax
	rep movsq
	nop
	nop
	nop
SEQUENCE two_stores
	mov	[rdi], rsi
	mov	[rdi], rsi
	nop
SEQUENCE step_two_stores
	STEP
	mov	[rdi], rsi
	mov	[rdi], rsi
	invlpg	[rdi]
	mov	rax, cr3
	mov	cr3, rax
	nop

; --- RF

%macro RESUMED 2+
SEQUENCE resumed_%1
	push	rbx
	xor	ebx, ebx
	RESUME_AT at_%1
	nop
LABEL at_%1
	%2
	nop
	inc	ebx
	cmp	ebx, 2
	je	.done
	jmp	at_%1
.done:	pop	rbx
%endmacro

	RESUMED store_rf, {mov [rdi], rsi}
	RESUMED cr3_rf, {mov cr3, rsi}
	RESUMED in_rf, {in al, 0x64}
	RESUMED invlpg_rf, {invlpg [rdi]}
	RESUMED load_rf, {mov al, [rdi]}
	RESUMED cr4_rf, {mov cr4, rsi}
	RESUMED gp_rf, {mov cr4, rdi}
	RESUMED int3_rf, {int3}
	RESUMED int_rf, {int 25}
	RESUMED invd_rf, {invd}
	RESUMED outs_rf, {outsb}
	RESUMED smsw_rf, {smsw [rdi]}
SEQUENCE resumed_rep_rf
	mov	rax, rsi
	mov	ecx, 3
	RESUME_AT at_rep_rf
LABEL at_rep_rf
	rep stosq
	nop
SEQUENCE resumed_cpuid_rf
	push	rbx
	xor	eax, eax
	xor	edi, edi
	RESUME_AT at_cpuid_rf
LABEL at_cpuid_rf
	cpuid
	xor	eax, eax
	xor	ecx, ecx
	inc	edi
	cmp	edi, 2
	jne	at_cpuid_rf
	pop	rbx

; --- GD

%macro GD 0
	mov	eax, 0x2400
	mov	dr7, rax
%endmacro

SEQUENCE gd_store_read
	GD
	mov	[rdi], rsi
	mov	rax, dr6
	nop
SEQUENCE gd_write_dr7
	GD
	mov	dr7, rsi
	nop
SEQUENCE gd_dr4
	GD
	mov	rax, dr4
	nop
SEQUENCE gd_step_dr
	GD
	STEP
	mov	rax, dr3
	nop
	nop
SEQUENCE gd_int1
	GD
	int1
	nop
SEQUENCE gd_step_in
	GD
	STEP
	in	al, 0x64
	nop
	nop
SEQUENCE gd_step_outs
	mov	edx, 0x64
	GD
	STEP
	in	al, 0x80
	insb
	nop
	nop
SEQUENCE gd_ss_dr
	mov	eax, 0x2400
	mov	ecx, ss
	mov	dr7, rax
	mov	ss, ecx
	mov	rax, dr0
	nop
	nop
SEQUENCE dr4_read
	mov	rax, dr4
	nop
SEQUENCE dr7_high
	mov	dr7, rdi
	nop
SEQUENCE dr6_high
	mov	dr6, rdi
	nop
	ret
