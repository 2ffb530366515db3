# SPDX-License-Identifier: MIT
"""Exits of each phase in each way, to the last one; and the ticks of each lane: counts.txt.

One exit more, or ten instructions, fails. Where that is meant, `make counts` prints the file anew,
and its difference is what a reader judges the change by.
"""
import pytest

from tests.emu import boots, counts, ways

COMPILER, EXPECTED = counts.read()
# In runs that the other tests of this machine make as well, but for what comes last. Every CPU of a
# vendor's takes the same exits.
BY_OTHERS = ["bypass off", counts.ON, "nested"]
MACHINES = {
    "bochs:broadwell_ult": BY_OTHERS + ["filter=present", "filter=user", "trap=structural"],
    "bochs:corei7_skylake_x": ["bypass off", counts.ON, "sync=always", "sync=never",
                               "off, always", "off, never"],
    "bochs:core2_penryn_t9600": ["bypass off", counts.ON],
    "bochs:tigerlake": ["bypass off", counts.ON],
    "bochs:ryzen": BY_OTHERS + ["sync=always", "sync=never"],
    "qemu-tcg:max -icount": BY_OTHERS,
}
# The same compiler makes the same code, wherever this is; others differ by some instructions.
TICKS, PART = 5, 0.05


def machine_of(name):
    compared = {str(machine).replace(f" ({machine.release})", ""): machine
                for machine in ways.machines()}
    return compared.get(name) or boots.machine(*name.split(":"))


@pytest.mark.parametrize("name, way", [
    pytest.param(name, way, id=f"{name}-{way}", marks=pytest.mark.xdist_group(name))
    for name, columns in MACHINES.items() for way in columns])
def test_exits(passes, name, way):
    machine = machine_of(name)
    result, exits = counts.exits(machine, way)
    passes(result)
    assert exits == EXPECTED[f"exits: {counts.vendor_of(machine)}"][way]


def test_every_way_is_run():
    """On some machine of each vendor."""
    run = {(counts.vendor_of(machine_of(name)), way)
           for name, columns in MACHINES.items() for way in columns}
    assert run == {(vendor, way) for vendor, columns in counts.WAYS.items() for way in columns}


@pytest.mark.parametrize("model", counts.LANES)
@pytest.mark.parametrize("block", counts.TICKS)
def test_ticks(passes, block, model):
    result = passes(counts.TICKS[block](boots.machine("bochs", model)))
    expected, found = EXPECTED[block][model], counts.ticks(result)
    assert list(found) == list(expected)
    if block == "ticks of a lane":
        assert all(phase["exits"] == phase["ops"] for phase in result.phases.values())
    same = counts.compiler() == COMPILER
    for name, ticks in expected.items():
        most = min(TICKS, PART * ticks) if same else PART * ticks
        assert abs(found[name] - ticks) <= most, (name, ticks, found[name])
