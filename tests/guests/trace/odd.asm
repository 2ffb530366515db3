; SPDX-License-Identifier: MIT
; The sequences of odd.c and odd_system.c: RDI, RSI and RDX are trace()'s arguments.

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

; --- compatibility mode

SEQUENCE32 store_32
	mov	[edi], esi
	nop
	TO_64
SEQUENCE32 step_store_32
	pushfd
	or	dword [esp], 1 << 8
	popfd
	mov	[edi], esi
	nop
	nop
	TO_64
SEQUENCE32 cpuid_32
	push	ebx
	xor	eax, eax
LABEL at_cpuid_32
	cpuid
	pop	ebx
	nop
	TO_64
SEQUENCE32 sysenter_32
	mov	edi, esp
	sysenter
LABEL at_sysenter
bits 64
	mov	rsp, rdi
	push	rbx
	xor	eax, eax
	cpuid
	pop	rbx
	nop
	push	SEL_CODE
	lea	rax, [.again]
	push	rax
	retfq
.again:
SEQUENCE32 cr_32
	mov	eax, cr3
	mov	cr3, eax
	mov	eax, cr4
	mov	cr4, eax
	mov	eax, cr0
	mov	cr0, eax
	smsw	[edi]
	lmsw	ax
	clts
	invlpg	[esi]
	nop
	TO_64
SEQUENCE32 cr0_no_pe_32
	mov	ecx, cr0
	mov	eax, ecx
	btr	eax, 0
	mov	cr0, eax
	nop
	TO_64
SEQUENCE32 cr4_32
	mov	ecx, cr4
	mov	eax, ecx
	btr	eax, 5
	mov	cr4, eax
	nop
	TO_64
SEQUENCE32 cr4_bit_32
	mov	eax, cr4
	bts	eax, 15
	mov	cr4, eax
	nop
	TO_64
SEQUENCE32 in_32
	in	al, 0x64
	mov	edx, 0xcf8
	in	eax, dx
	nop
	TO_64
SEQUENCE32 rep_ins_32
	mov	edx, esi
	mov	ecx, 3
	rep insb
	nop
	TO_64
SEQUENCE32 rep_outs_32
	mov	edx, esi
	mov	esi, edi
	mov	ecx, 2
	rep outsd
	nop
	TO_64
SEQUENCE32 ins_fs_32
	mov	edx, esi
	mov	esi, edi
	fs outsb
	nop
	TO_64
SEQUENCE32 ins_es_32
	push	es
	mov	ax, fs
	mov	es, ax
	mov	edx, esi
	insb
	pop	es
	nop
	TO_64
SEQUENCE32 smsw_fs_32
	smsw	[fs:edi]
	nop
	TO_64
SEQUENCE32 lmsw_fs_32
	lmsw	[fs:edi]
	nop
	TO_64
SEQUENCE32 smsw_cs_32
	smsw	[cs:edi]
	nop
	TO_64
SEQUENCE32 lmsw_cs_32
	lmsw	[cs:edi]
	nop
	TO_64
SEQUENCE32 load_32
	mov	al, [edi]
	nop
	TO_64
SEQUENCE32 ss_store_32
	pushfd
	or	dword [esp], 1 << 8
	mov	ax, ss
	popfd
	mov	ss, ax
	mov	[edi], esi
	nop
	nop
	TO_64
SEQUENCE32 invpcid_32
	db	0x66, 0x0f, 0x38, 0x82, 0x3e	; invpcid edi, [esi]
	nop
	TO_64
SEQUENCE32 invpcid_fs_32
	db	0x64, 0x66, 0x0f, 0x38, 0x82, 0x3e
	nop
	TO_64
SEQUENCE32 msr_32
	mov	ecx, 0xc0000080
	rdmsr
	wrmsr
	bts	eax, 1
	wrmsr
	nop
	TO_64
SEQUENCE32 rep_store_32
	mov	eax, esi
	mov	ecx, 3
	rep stosd
	nop
	TO_64
	ret
