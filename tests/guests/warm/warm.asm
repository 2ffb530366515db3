; SPDX-License-Identifier: MIT
; Copied to where 40:67 leads.
%include "tests/guests/nobody.inc"
nobody warm, "warm: started"
