; SPDX-License-Identifier: MIT
; Sequences of odd_io.c in compatibility mode: RDI, RSI and RDX are trace()'s arguments.

bits 64
default rel

%include "tests/guests/trace/sequence.inc"

section .text

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
