# SPDX-License-Identifier: MIT
"""The access test compared with its bare run: every outcome the same, none unlike the manuals'.

SOAK=1 (make soak) takes all combinations, where the emulator is quick enough.
"""
import pytest

from tests.emu import boots
from tests.emu.boot import Boot, Module
from tests.emu.guests import elf
from tests.emu.matrix import SOAK

SKYLAKE, MAX = ("bochs", "corei7_skylake_x"), ("qemu-tcg", "max")
# QEMU's outcomes include reserved-bit faults that lack P, which notrap's guests do not see.
CASES = [(*SKYLAKE, "access", "stride=11" if SOAK else "stride=61 first=7"),
         (*SKYLAKE, "access32", "stride=7" if SOAK else "stride=31 first=5")]
if SOAK:
    CASES += [(*MAX, "access", "stride=1"), (*MAX, "access", "stride=17 pk=1"),
              (*MAX, "access32", "stride=1")]
LIMIT = 1800 if SOAK else 180


@pytest.mark.parametrize("host, model, guest, cmdline", CASES)
def test_as_on_the_bare_machine(passes, host, model, guest, cmdline):
    machine = boots.machine(host, model)
    kernel = elf(guest)
    under = passes(machine.run(boots.notrap("", [Module(kernel, cmdline)]), boots.guest_expect(),
                               LIMIT))
    if (host, model) == MAX:
        return
    bare = passes(machine.run(Boot(kernel, cmdline), boots.bare_expect(), LIMIT))
    hashes = [line for line in bare.lines if "hash" in line]
    assert hashes
    assert [line for line in under.lines if "hash" in line] == hashes
