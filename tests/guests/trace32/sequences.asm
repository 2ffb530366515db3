; SPDX-License-Identifier: MIT
; The sequences: EDI, ESI and EDX are trace()'s arguments.

bits 32

SEL_SMALL	equ 0x40
SEL_DOWN	equ 0x48
SEL_BASED	equ 0x50
SEL_CODE	equ 0x08
SEL_READ	equ 0x58
SEL_NULL	equ 0
CODE_BASE	equ 0x1000

%macro SEQUENCE 1
	ret
global %1
%1:
%endmacro

%macro LABEL 1
global %1
%1:
%endmacro

%macro STEP 0
	pushfd
	or	dword [esp], 1 << 8
	popfd
%endmacro

; The rest is in the segment whose base is not 0, up to UNBASED.
%macro BASED 0
	jmp	SEL_BASED:(%%in - CODE_BASE)
%%in:
%endmacro

%macro UNBASED 0
	jmp	SEL_CODE:%%out
%%out:
%endmacro

section .text

; --- registers

SEQUENCE write_cr0_
	mov	ecx, cr0
	mov	cr0, edi
	mov	cr0, ecx
	nop
SEQUENCE write_cr3_
	mov	ecx, cr3
	mov	cr3, edi
	mov	cr3, ecx
	nop
SEQUENCE write_cr4_
	mov	ecx, cr4
	mov	cr4, edi
	mov	cr4, ecx
	nop
SEQUENCE write_msr
	mov	ecx, edi
	mov	eax, esi
	wrmsr
	nop
SEQUENCE write_cr8_
	db	0xf0, 0x0f, 0x22, 0xc0	; lock mov cr0, eax: CR8 on AMD's CPUs
	nop
SEQUENCE read_cr1
	db	0x0f, 0x20, 0xc8
	nop
SEQUENCE read_cr7
	db	0x0f, 0x20, 0xf8
	nop
SEQUENCE clear_ts
	clts
	lmsw	di
	nop
SEQUENCE loadall
	rsm
	nop

; --- stores, steps, breakpoints

SEQUENCE store
	mov	[edi], esi
	nop
SEQUENCE step_store
	STEP
	mov	[edi], esi
	nop
	nop
SEQUENCE ss_store
	pushfd
	or	dword [esp], 1 << 8
	mov	ax, ss
	popfd
	mov	ss, ax
	mov	[edi], esi
	nop
	nop
SEQUENCE ss_cpuid
	push	ebx
	mov	ss, [edi]
	cpuid
	nop
	nop
	pop	ebx
SEQUENCE cmpxchg_pair
	push	ebx
	mov	eax, [edi]
	mov	edx, [edi + 4]
	mov	ebx, eax
	mov	ecx, edx
	lock cmpxchg8b [edi]
	nop
	pop	ebx
SEQUENCE rep_store
	mov	eax, esi
	mov	ecx, 3
	rep stosd
	nop
SEQUENCE store_based
	BASED
	STEP
LABEL at_store_based
	mov	[edi], esi
	cpuid
	nop
	UNBASED
SEQUENCE cpuid_based
	push	ebx
	BASED
LABEL at_cpuid_based
	cpuid
	nop
	UNBASED
	pop	ebx
SEQUENCE gd_step_store
	mov	eax, 0x2400
	mov	dr7, eax
	STEP
	mov	[edi], esi
	nop
	nop
SEQUENCE resumed_cpuid
	push	ebx
	xor	eax, eax
	xor	edi, edi
	pushfd
	or	dword [esp], 1 << 16
	push	cs
	push	at_cpuid
	iretd
LABEL at_cpuid
	cpuid
	xor	eax, eax
	xor	ecx, ecx
	inc	edi
	cmp	edi, 2
	jne	at_cpuid
	pop	ebx
SEQUENCE overflow
	STEP
	mov	al, 0x7f
	add	al, 1
	into
	nop
SEQUENCE load
	mov	al, [edi]
	nop

; --- ports

SEQUENCE rep_ins
	mov	ecx, edx
	mov	edx, esi
	rep insb
	nop
SEQUENCE rep_insd
	mov	ecx, edx
	mov	edx, esi
	rep insd
	nop
SEQUENCE step_rep_outsd
	mov	ecx, edx
	mov	edx, esi
	mov	esi, edi
	STEP
	rep outsd
	nop
	nop
SEQUENCE ins_16
	mov	edx, esi
	mov	ecx, 0xffff0003
	a16 rep insb
	mov	eax, ecx
	nop
SEQUENCE outs_16
	mov	edx, esi
	mov	esi, edi
	a16 outsb
	nop

%macro IN_SEGMENT 2
SEQUENCE ins_%1
	mov	ecx, SEL_%2
	mov	es, ecx
	mov	edx, esi
	insd
	nop
SEQUENCE outs_%1
	mov	ecx, SEL_%2
	mov	fs, ecx
	mov	edx, esi
	mov	esi, edi
	fs outsd
	nop
SEQUENCE smsw_%1
	mov	ecx, SEL_%2
	mov	fs, ecx
	smsw	[fs:edi]
	nop
SEQUENCE lmsw_%1
	mov	ecx, SEL_%2
	mov	fs, ecx
	lmsw	[fs:edi]
	nop
SEQUENCE invpcid_%1
	mov	ecx, SEL_%2
	mov	fs, ecx
	xor	ecx, ecx
	db	0x64, 0x66, 0x0f, 0x38, 0x82, 0x0f	; invpcid ecx, [fs:edi]
	nop
%endmacro

	IN_SEGMENT small, SMALL
	IN_SEGMENT down, DOWN
	IN_SEGMENT read, READ

	IN_SEGMENT null, NULL
	ret

; --- virtual-8086 mode, copied to LOW_CODE

section .rodata

bits 16

%macro V86 2+
global v86_%1, v86_%1_end
v86_%1:
	%2
	nop
	nop
	db	0x0f, 0x0b		; ud2: the end
v86_%1_end:
%endmacro

%macro LINE 1+
	%1
%endmacro

	V86 cpuid, cpuid
	V86 hlt, hlt
	V86 cli, cli
	V86 sti, sti
	V86 pushf, pushf
	V86 popf, popf
	V86 iret, iret
	V86 int3, int3
	V86 int25, int 25
	V86 int1, int1
	V86 into, {db 0xb0, 0x7f, 0x04, 0x01, 0xce}
	V86 in64, in al, 0x64
	V86 in80, in al, 0x80
	V86 outcf8, {db 0xba, 0xf8, 0x0c, 0x66, 0xef}	; mov dx, 0xcf8; out dx, eax
	V86 ins64, {db 0xba, 0x64, 0x00, 0x6c}		; mov dx, 0x64; insb
	V86 rep_ins, {db 0xba, 0x64, 0x00, 0xb9, 0x03, 0x00, 0xf3, 0x6c}
	V86 outs_end, {db 0xba, 0xfc, 0x0c, 0xbe, 0xff, 0xff, 0x6f}	; mov si, -1; outsw
	V86 from_cr0, mov eax, cr0
	V86 to_cr3, mov cr3, eax
	V86 to_cr4, mov cr4, eax
	V86 clts, clts
	V86 smsw, smsw ax
	V86 smsw_memory, smsw [di]
	V86 lmsw, lmsw ax
	V86 invlpg, invlpg [di]
	V86 invd, invd
	V86 wbinvd, wbinvd
	V86 rdmsr, rdmsr
	V86 wrmsr, wrmsr
	V86 from_dr7, mov eax, dr7
	V86 xsetbv, {db 0x0f, 0x01, 0xd1}
	V86 invpcid, {db 0x66, 0x0f, 0x38, 0x82, 0x05}
	V86 rsm, rsm
	V86 sgdt, sgdt [di]
	V86 lgdt, lgdt [di]
	V86 sldt, sldt ax
	V86 store, {db 0x67, 0xa3, 0x00, 0x90, 0x00, 0x00}	; mov [dword 0x9000], ax
	V86 vmxon, {db 0xf3, 0x0f, 0xc7, 0x35}
	V86 rdpmc, rdpmc
