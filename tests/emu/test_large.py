# SPDX-License-Identifier: MIT
"""A kernel that changes large pages one by one, each with an INVLPG.

The loop is a write to an entry, INVLPG, and a compiled loop's few instructions around them; it uses
no page between. "Times" are ticks per change under notrap in those of the bare machine.
"""
import pytest

from tests.emu import boots, large
from tests.emu.matrix import SOAK

KINDS = ("protect", "move", "clear")
RUNS = [("broadwell_ult", "sync=hybrid"), ("broadwell_ult", "sync=hybrid bypass_guest_pf=0"),
        ("broadwell_ult", "sync=always"), ("broadwell_ult", "sync=never"), ("ryzen", "sync=never")]
if SOAK:
    RUNS += [("broadwell_ult", "sync=hybrid trap=structural"), ("ryzen", "sync=hybrid"),
             ("broadwell_ult", "sync=never trap=structural bypass_guest_pf=0"),
             ("ryzen", "sync=always bypass_guest_pf=0"), ("ryzen", "sync=hybrid trap=structural")]
# All entries of a table: what it may cost, in times the bare machine's.
TIMES = 5
# Exits of a flood: the writes that show it, an INVLPG, the page made writable, reading the counter.
FLOOD_EXITS = 7
# A table that maps the kernel's own code, or a few entries of any: an exit each, and INVLPGs that
# tell.
MORE = 4
# What such a change may cost, in those of a small page.
SMALL_TIMES = 5
NATIVE = {}


def ticks(phase):
    return phase["ticks"] / phase["ops"]


@pytest.fixture
def bare(machine, passes):
    """The phases on the bare machine, run once."""
    def run(guest):
        if guest not in NATIVE:
            NATIVE[guest] = passes(
                large.run(machine("broadwell_ult", memory=large.MEMORY), guest, None)).phases
        return NATIVE[guest]
    return run


@pytest.mark.parametrize("model, options", RUNS)
@pytest.mark.parametrize("guest", large.GUESTS)
def test_flood(machine, passes, bare, guest, model, options):
    native = bare(guest)
    phases = passes(large.run(machine(model, memory=large.MEMORY), guest, options)).phases
    assert set(phases) == set(native)
    small = {kind: ticks(phase) for name, phase in phases.items() for kind in KINDS
             if name.startswith(f"4K-{kind}")}
    others = {name: phase for name, phase in phases.items() if "4K-" not in name}
    assert len(others) == 2 * 4 * len(KINDS) and len(small) == len(KINDS)
    for name, phase in others.items():
        print(f"{guest} {model} {options}: {name}: {ticks(native[name]):.1f} -> {ticks(phase):.1f} "
              f"ticks, {ticks(phase) / ticks(native[name]):.1f} times, {phase['exits']} exits")
        kind = name.split("-")[-2]
        if "always" in options or "4M" in name:
            assert phase["exits"] <= phase["ops"] + MORE, name
            assert ticks(phase) <= SMALL_TIMES * small[kind], name
        else:
            assert phase["exits"] <= FLOOD_EXITS, name
            if phase["ops"] == 512:
                assert ticks(phase) <= TIMES * ticks(native[name]), name


@pytest.mark.parametrize("guest", large.GUESTS)
def test_audited(machine, passes, guest):
    options = "audit=256 trap=structural"
    result = passes(large.run(machine("tigerlake", memory=large.MEMORY), guest, options))
    assert boots.audited(result, options)
