; SPDX-License-Identifier: MIT
; One instruction each that exits, for svm/prove.c.

bits 64
default rel

global svm_try_cpuid, svm_try_read_cr3, svm_try_cr3, svm_try_invlpg, svm_try_int

section .text

svm_try_cpuid:
	cpuid
svm_try_read_cr3:
	mov	rbp, cr3
svm_try_cr3:
	mov	cr3, rbp
svm_try_invlpg:
	invlpg	[rbx]
svm_try_int:
	int	0x20
