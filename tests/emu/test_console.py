# SPDX-License-Identifier: MIT
"""The console while the guest runs: no exit waits for the line, and each line is whole."""
import re

import pytest

from tests.emu import boots
from tests.emu.bochs import IPS_TIMED
from tests.emu.boot import Boot, Module
from tests.emu.guests import elf
from tests.emu.matrix import SOAK

GUEST = elf("uart")
LINE = r"^notrap: the guest's write to register [0-9a-f]+ of PCI 0000:00:0[01].0 is refused: .*$"
# So many registers have a line each, and one more says that it was the last (PCI_SAID_MAX).
REFUSALS = 64
LIMIT = 180


def test_bare(machine, passes):
    passes(machine("corei7_skylake_x").run(Boot(GUEST), boots.bare_expect(), LIMIT))


@pytest.mark.parametrize("model", ["broadwell_ult"] + ["ryzen", "core2_penryn_t9600"] * SOAK)
def test_no_exit_waits_for_the_line(machine, passes, model):
    """On a line that is slow in the CPU's eyes."""
    expect = boots.guest_expect((LINE, r"^uart: in flight$", r"^uart: longest exit \d+ ticks$"))
    result = passes(machine(model, ips=IPS_TIMED).run(boots.notrap("", [Module(GUEST)]), expect,
                                                      LIMIT))
    assert len(set(re.findall(LINE, result.text, re.M))) == REFUSALS
    assert result.text.count("further PCI registers that are refused will not be told") == 1
    print(model, result.find(r"^uart: longest.*").group(0))


def test_live_reports_are_whole(machine, passes):
    """stats= prints while the guest prints too: neither cuts the other's lines."""
    result = passes(machine("broadwell_ult").run(boots.notrap("stats=1"), boots.guest_expect(),
                                                 LIMIT))
    for report in re.findall(r"^notrap: counters begin$(.*?)^notrap: counters end$",
                             result.text, re.M | re.S):
        for line in report.strip().splitlines():
            assert re.fullmatch(r"notrap: \w+ = (\d+|unknown)", line), line
