; SPDX-License-Identifier: MIT
; probe_run(): RDI has the address. A store that no hypervisor here decodes.
bits 64
section .text
global store_unknown, string_in, string_out
; probe_run(): RDI has the address, RAX what is to be in it.
string_in:
	mov edx, 0xcfc
	mov ecx, 1
	rep insd
	mov rax, rdi
	int 0x80
string_out:
	mov rsi, rdi
	mov edx, 0xcfc
	mov ecx, 2
	std
	rep outsd
	cld
	mov rax, rsi
	int 0x80
store_unknown:
	fnstcw [rdi]
	int 0x80
