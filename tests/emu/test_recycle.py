# SPDX-License-Identifier: MIT
"""A guest that tries to have a shadow table recycled under the page fault that walks through it."""
import re

import pytest

from tests.emu import boots
from tests.emu.boot import Module
from tests.emu.guests import elf

GUEST = elf("recycle")
MACHINES = [("bochs", "broadwell_ult"), ("bochs", "core2_penryn_t9600"), ("bochs", "ryzen"),
            ("qemu-tcg", "max")]
LINE = r"^recycle: (\d+) shadow tables$"
LIMIT = 180


@pytest.mark.parametrize("host, model", MACHINES)
def test_no_table_is_recycled_under_a_fault(passes, host, model):
    result = passes(boots.machine(host, model).run(
        boots.notrap("audit=8192", [Module(GUEST)]), boots.guest_expect((LINE,)), LIMIT))
    tables = int(re.search(LINE, result.text, re.M).group(1))
    counters = result.counters
    # The attack is one only where every try uses up all tables there are.
    assert 32 < tables < 2048
    assert counters["mmu_recycled"] > 30 * (tables - 32)
    assert boots.audited(result, "audit=8192")
