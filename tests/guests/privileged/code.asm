; SPDX-License-Identifier: MIT
; One instruction each, and INT 80h. RDI: a page of the user's; RAX, EDX:EAX: a value.

bits 64
default rel
section .rodata

%macro CODE 2+
global try_%1, try_%1_end
try_%1:
	%2
	int 0x80
try_%1_end:
%endmacro

; With ECX, an MSR's or an extended control register's number.
%macro CODE_ECX 3
global try_%1, try_%1_end
try_%1:
	mov rdx, rax
	shr rdx, 32
	mov ecx, %2
	%3
	int 0x80
try_%1_end:
%endmacro

	CODE hlt, hlt
	CODE invd, invd
	CODE wbinvd, wbinvd
	CODE clts, clts
	CODE lmsw, lmsw ax
	CODE smsw, smsw eax
	CODE to_cr0, mov cr0, rax
	CODE from_cr0, mov rax, cr0
	CODE to_cr2, mov cr2, rax
	CODE to_cr3, mov cr3, rax
	CODE from_cr3, mov rax, cr3
	CODE to_cr4, mov cr4, rax
	CODE from_cr4, mov rax, cr4
	CODE to_cr8, mov cr8, rax
	CODE from_dr7, mov rax, dr7
	CODE invlpg, invlpg [rdi]
	CODE invpcid, invpcid rax, [rdi]
	CODE_ECX rdmsr, 0xc0000080, rdmsr
	CODE_ECX wrmsr, 0xc0000080, wrmsr
	CODE_ECX xsetbv, 0, xsetbv
	CODE_ECX xsetbv_1, 1, xsetbv
	CODE_ECX rdpmc, 0, rdpmc
	CODE_ECX monitor, 0, monitor
	CODE in, in al, 0x64
	CODE out, out 0x64, al
	CODE in_pass, in al, 0x80
	CODE insb, insb
	CODE vmxon, vmxon [rdi]
	CODE vmclear, vmclear [rdi]
	CODE vmread, vmread rax, rax
	CODE invept, invept rax, [rdi]
	CODE vmfunc, vmfunc
	CODE vmrun, vmrun
	CODE vmload, vmload
	CODE vmsave, vmsave
	CODE stgi, stgi
	CODE clgi, clgi
	CODE invlpga, invlpga rax, ecx
	CODE skinit, skinit
	CODE getsec, getsec
	CODE rsm, rsm
	CODE cpuid, cpuid
	CODE lock_to_cr3, db 0xf0, 0x0f, 0x22, 0xd8
	CODE lock_to_cr4, db 0xf0, 0x0f, 0x22, 0xe0
	CODE lock_cpuid, db 0xf0, 0x0f, 0xa2
	CODE_ECX lock_rdmsr, 0xc0000080, {db 0xf0, 0x0f, 0x32}
	CODE to_cr1, db 0x0f, 0x22, 0xc8

; String I/O at the PCI bus's port.
%macro CODE_PORT 2
global try_%1, try_%1_end
try_%1:
	mov rsi, rdi
	mov edx, 0xcf8
	%2
	int 0x80
try_%1_end:
%endmacro

	CODE_PORT outsd, outsd
	CODE_PORT insd, insd
	CODE smsw_to, smsw [rdi]
	CODE store, mov [rdi], eax

global user_vmcall, user_vmcall_end, user_vmmcall, user_vmmcall_end
user_vmcall:
	xor ebx, ebx
	vmcall
	int 0x80
user_vmcall_end:
user_vmmcall:
	xor ebx, ebx
	vmmcall
	int 0x80
user_vmmcall_end:
