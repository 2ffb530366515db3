# SPDX-License-Identifier: MIT
"""Shadow memory has a bound: a guest that maps its RAM many times stays within it, unharmed."""
import re

import pytest

from tests.emu import boots
from tests.emu.boot import Module
from tests.emu.guests import elf

GUEST = elf("bound")
# What CAVEATS.md states: percent of the machine's RAM.
BOUND = 3.5
LINE = r"^notrap: memory: (\d+) KiB for the shadow MMU, (\d+)\.(\d) % of (\d+) MiB$"
LIMIT = 240


@pytest.mark.parametrize("options", ["audit=32768", "trap=structural sync=always"])
def test_shadow_memory_is_bounded(machine, passes, options):
    result = passes(machine("corei7_skylake_x").run(
        boots.notrap(options, [Module(GUEST)]), boots.guest_expect((LINE,)), LIMIT))
    kib, whole, tenth, mib = map(int, re.search(LINE, result.text, re.M).groups())
    assert kib / (mib * 1024) * 100 <= BOUND
    assert whole + tenth / 10 <= BOUND
    assert boots.audited(result, options)
    counters = result.counters
    assert counters["mmu_recycled"] > 0
    # More tables were made than there is room for, which is what the guest is for.
    assert counters["mmu_shadow_new"] * 8 > kib


@pytest.mark.parametrize("gib", [64, 256])
def test_machine_with_much_memory(passes, gib):
    """The pool is one piece below 4 GiB, and leaves the guest something there."""
    result = passes(boots.machine("qemu-tcg", "max", gib << 10).run(
        boots.notrap(), boots.guest_expect((LINE,)), LIMIT))
    kib, _, _, mib = map(int, re.search(LINE, result.text, re.M).groups())
    assert mib >= (gib << 10) - 1
    assert kib <= (512 << 10) + mib * 1024 // 1000 * 2.5


def test_machine_with_too_much_memory(passes):
    line = r"^notrap: error: too much memory: for 2097151 MiB of RAM .*: boot it with less$"
    passes(boots.machine("qemu-tcg", "max,phys-bits=42", 2 << 20).run(
        boots.notrap(), boots.error_expect(line), LIMIT))
