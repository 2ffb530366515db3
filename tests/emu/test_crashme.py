# SPDX-License-Identifier: MIT
"""Random code meets the same under notrap as on the bare machine, stream by stream.

Bochs alone: QEMU's TCG has steps and breakpoints of its own (test_trace.py), and ends in some
streams.
SOAK=1 (make soak) runs more streams, in four ways.
"""
import pytest

from tests.emu import boots
from tests.emu.boot import Boot, Module
from tests.emu.guests import elf
from tests.emu.matrix import SOAK

NESTED = {"broadwell_ult": "mmu=ept", "ryzen": "mmu=npt"}
OPTIONS = ["", "bypass_guest_pf=0 sync=always trap=address", "sync=never trap=structural"]
WAYS = [(model, options) for model, nested in NESTED.items()
        for options in ([*OPTIONS, nested] if SOAK else OPTIONS[:1])]
COUNT, LIMIT = (3000, 1800) if SOAK else (300, 90)


def streams(result):
    """What is printed of each stream: {seed: events and hash, or "watchdog"}."""
    lines = [line.split(" ", 2) for line in result.lines if line.startswith("trace: ")]
    return {int(seed): met for _, seed, met in lines}


def late(bare, found):
    """Those that the watchdog ended on one machine alone: a REP that fills a table takes long."""
    return {seed for seed in bare if (bare[seed] == "watchdog") != (found[seed] == "watchdog")}


@pytest.mark.parametrize("model, options", WAYS)
def test_crashme(passes, model, options):
    cmdline, machine = f"seed=1 count={COUNT}", boots.machine("bochs", model, ips=10_000_000)
    bare = streams(passes(machine.run(Boot(elf("crashme"), cmdline), boots.bare_expect(), LIMIT)))
    boot = boots.notrap(options, [Module(elf("crashme"), cmdline)])
    found = streams(passes(machine.run(boot, boots.guest_expect(), LIMIT)))
    assert list(bare) == list(found) == list(range(1, COUNT + 1))
    left_out = late(bare, found)
    assert len(left_out) < COUNT / 100
    assert {seed: met for seed, met in found.items() if seed not in left_out} == \
        {seed: met for seed, met in bare.items() if seed not in left_out}
