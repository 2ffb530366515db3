; SPDX-License-Identifier: MIT
; Instructions at which events come, with the addresses that the checks ask for.

bits 64
default rel

%include "arch/push.inc"

APIC_EOI	equ 0xb0
APIC_ICR_LOW	equ 0x300
APIC_ICR_HIGH	equ 0x310

extern event_record

%macro FUNCTION 1
global %1
%1:
%endmacro

section .text

; void on_stack(u64 rsp, void (*sequence)(void *), void *argument)
FUNCTION on_stack
	PUSH_ALL OURS
	mov	[kept_rsp], rsp
	mov	rsp, rdi
	mov	rdi, rdx
	call	rsi
FUNCTION leave_stack
	mov	rsp, [kept_rsp]
	POP_ALL OURS
	ret

; An interrupt or a trap: void sequence(void *)
FUNCTION do_int
	int	0x81
FUNCTION after_int
	ret
FUNCTION do_int3
	int3
FUNCTION after_int3
	ret
FUNCTION do_int1
	int1
FUNCTION after_int1
	ret
; Faults: the handler moves RIP to the label behind.
FUNCTION do_ud
	ud2
FUNCTION after_ud
	ret
FUNCTION do_gp
	mov	eax, 0x44		; a selector outside of the GDT
FUNCTION at_gp
	mov	ds, eax
FUNCTION after_gp
	ret

; void do_ipi(volatile u32 *apic): what ICR says, to this CPU; interrupts are on for a while.
FUNCTION do_ipi
	mov	eax, [ipi_low]
	mov	[rdi + APIC_ICR_LOW], eax
	sti
	mov	ecx, 100
.wait:
	dec	ecx
	jnz	.wait
	cli
	ret

; The interrupt comes while IF=0, and may be taken one instruction after STI at the earliest.
FUNCTION do_sti_cpuid
	mov	eax, [ipi_low]
	mov	[rdi + APIC_ICR_LOW], eax
	xor	eax, eax
	push	rbx
	sti
	cpuid
FUNCTION after_sti_cpuid
	nop
	nop
	cli
	pop	rbx
	ret

; void do_sti_load(volatile u32 *apic): [cold] has to be looked up in the guest's tables.
FUNCTION do_sti_load
	mov	eax, [ipi_low]
	mov	[rdi + APIC_ICR_LOW], eax
	mov	rdx, [cold]
	sti
FUNCTION at_sti_load
	mov	al, [rdx]
FUNCTION after_sti_load
	nop
	nop
	cli
	ret

; Single steps over instructions that exit, or that fault on the way: void do_steps(void *)
FUNCTION do_steps
	push	rbx
	mov	rsi, [cold]
	mov	r8, [table_entry]
	mov	r9, cr3
	pushfq
	or	dword [rsp], 1 << 8	; TF
	popfq
	nop
FUNCTION step_0
	xor	eax, eax
FUNCTION step_1
	cpuid
FUNCTION step_2
	mov	cr3, r9
FUNCTION step_3
	mov	al, [rsi]
FUNCTION step_4
	mov	rax, [r8]
FUNCTION step_5
	mov	[r8], rax
FUNCTION step_6
	invlpg	[rsi]
FUNCTION step_7
	mov	ecx, 0xc0000080
FUNCTION step_8
	rdmsr
FUNCTION step_9
	wrmsr
FUNCTION step_10
	mov	rax, cr4
FUNCTION step_11
	mov	cr4, rax
FUNCTION step_12
	pushfq
FUNCTION step_13
	and	dword [rsp], ~(1 << 8)
FUNCTION step_14
	popfq
FUNCTION step_15			; the last one comes behind the POPFQ that ends it
	pop	rbx
	ret

; Instruction breakpoints: behind an instruction that is done in software, and at one that faults.
FUNCTION do_breakpoints
	push	rbx
	mov	rsi, [cold]
	xor	eax, eax
	cpuid
FUNCTION break_0
	nop
FUNCTION break_1
	mov	al, [rsi]
	pop	rbx
	ret

; void do_nmi(volatile u32 *apic): the handler's IRET comes back at after_nmi.
FUNCTION do_nmi
	mov	dword [rdi + APIC_ICR_LOW], 0x4400
	mov	ecx, 100
.wait:
	dec	ecx
	jnz	.wait
FUNCTION after_nmi
	nop
	nop
	jmp	leave_stack

; void iret_from(u64 rsp)
FUNCTION iret_from
	mov	rsp, rdi
FUNCTION at_iret
	iretq

; IDT entries for vectors that have no stub elsewhere.
%macro ENTRY 2
FUNCTION %1
	push	%2
	jmp	record_event
%endmacro

	ENTRY	entry_int, 0x81
	ENTRY	entry_ipi, 0x82

record_event:
	push	rax
	push	rcx
	push	rdx
	push	rsi
	push	rdi
	push	r8
	push	r9
	push	r10
	push	r11
	mov	rdi, [rsp + 9 * 8]
	mov	rsi, [rsp + 10 * 8]
	cld
	call	event_record
	pop	r11
	pop	r10
	pop	r9
	pop	r8
	pop	rdi
	pop	rsi
	pop	rdx
	pop	rcx
	pop	rax
	add	rsp, 8
	iretq

section .rodata

FUNCTION steps
%assign i 0
%rep 16
	dq	step_%+i
 %assign i i + 1
%endrep

section .bss
alignb 8
kept_rsp:	resq 1
FUNCTION cold
	resq	1
FUNCTION table_entry
	resq	1
FUNCTION ipi_low
	resq	1
