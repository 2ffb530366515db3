; SPDX-License-Identifier: MIT
; Copied to 8000h, the firmware's waking vector: the machine without its hypervisor.
section .rodata
global wake_code, wake_code_end
bits 16
wake_code:
	cli
	mov si, 0x8000 + text - wake_code
	xor ax, ax
	mov ds, ax
.next:	lodsb
	test al, al
	jz .end
	mov ah, al
.wait:	mov dx, 0x3fd
	in al, dx
	test al, 0x20
	jz .wait
	mov al, ah
	mov dx, 0x3f8
	out dx, al
	jmp .next
.end:	hlt
	jmp .end
text:	db 13, 10, "sleep: awake, and nobody above", 13, 10, 0
wake_code_end:
