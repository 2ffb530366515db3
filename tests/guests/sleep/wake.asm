; SPDX-License-Identifier: MIT
; Copied to the firmware's waking vector.
%include "tests/guests/nobody.inc"
nobody wake, "sleep: awake"
