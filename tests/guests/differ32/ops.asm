; SPDX-License-Identifier: MIT
; The workload's accesses, as 32-bit code.
%include "tests/guests/differ/ops.asm"
