# SPDX-License-Identifier: MIT
"""Shadow memory has a bound: a guest that maps its RAM many times stays within it, unharmed."""
import os
import re

import pytest

from tests.emu import boots
from tests.emu.boot import Module

GUEST = os.path.join(boots.BUILD, "tests/guests/bound.elf")
# What CAVEATS.md states: percent of the machine's RAM.
BOUND = 3.5
LINE = r"^notrap: memory: (\d+) KiB for the shadow MMU, (\d+)\.(\d) % of (\d+) MiB$"
LIMIT = 120


@pytest.mark.parametrize("options", ["audit=65536", "trap=structural sync=always"])
def test_shadow_memory_is_bounded(machine, passes, options):
    result = passes(machine("corei7_skylake_x").run(
        boots.notrap(options, [Module(GUEST)]), boots.guest_expect((LINE,)), LIMIT))
    kib, whole, tenth, mib = map(int, re.search(LINE, result.text, re.M).groups())
    assert kib / (mib * 1024) * 100 <= BOUND
    assert whole + tenth / 10 <= BOUND
    counters = result.counters
    assert counters["mmu_recycled"] > 0
    # More tables were made than there is room for, which is what the guest is for.
    assert counters["mmu_shadow_new"] * 8 > kib
