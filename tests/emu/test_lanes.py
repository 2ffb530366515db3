# SPDX-License-Identifier: MIT
"""Exits that have a lane, by tests/guests/lanes, bare and audited. What each takes, test_counts.py
has: code at a high address is what a kernel's is; at a low one it takes a few instructions to tell
that it is no other than 64-bit code.
"""
import pytest

from tests.emu import boots, counts
from tests.emu.boot import Boot
from tests.emu.guests import elf


def test_bare(machine, passes):
    passes(machine("broadwell_ult").run(Boot(elf("lanes")), boots.bare_expect(), counts.LIMIT))


@pytest.mark.parametrize("model", counts.LANES)
@pytest.mark.parametrize("options", ["audit=31", "audit=37 sync=never bypass_guest_pf=0"])
def test_audited(machine, passes, model, options):
    assert boots.audited(passes(counts.run_lanes(machine(model), options)), options)
