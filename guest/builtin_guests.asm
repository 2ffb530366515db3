; SPDX-License-Identifier: MIT
; The built-in guests' files, and the table of them.

section .rodata align=16

bench:	incbin "build/guest/builtin/bench.elf"
bench_end:
bench_name:	db "bench", 0

	align 8
global builtin_guests, builtin_guest_names
builtin_guests:
	dq bench_name, bench, bench_end - bench
builtin_guest_names:	db "bench", 0
