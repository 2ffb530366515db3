# SPDX-License-Identifier: MIT
"""The differential guest: random faults, values, A and D bits, bare and under notrap alike.

SOAK=1 (make soak) runs SOAK_SEEDS seeds with every combination instead of a few.
"""
import itertools
import os

import pytest

from tests.emu import boots
from tests.emu.boot import Boot, Module

MODELS = ["core2_penryn_t9600", "corei7_skylake_x", "tigerlake"]
# The guest, and how many modes it goes through.
GUESTS = {"differ": 1, "differ32": 2}
SOAK = os.environ.get("SOAK") == "1"
SEEDS, STEPS = (int(os.environ.get("SOAK_SEEDS", "12")), 1000) if SOAK else (2, 300)
LIMIT = 60 + SEEDS * STEPS // 20

# Every pair of values of two options occurs: (sync, trap, bypass_guest_pf, audit).
PAIRS = [
    ("hybrid", "auto", 1, 1024),
    ("hybrid", "structural", 0, 0),
    ("always", "auto", 0, 0),
    ("always", "structural", 1, 1024),
    ("never", "auto", 0, 1024),
    ("never", "structural", 1, 0),
]
PRODUCT = list(itertools.product(["hybrid", "always", "never"], ["auto", "structural"], [0, 1],
                                 [1024]))


def cases():
    """(guest, model, first seed, options), those of one bare run in one group."""
    found = []
    for guest, model in itertools.product(GUESTS, MODELS):
        which = PRODUCT
        if not SOAK:
            # A third of the pairs on each model.
            first = MODELS.index(model)
            which = [PAIRS[first], PAIRS[first + 3]]
        # Each model has seeds of its own; every third seed has global pages.
        seed = 1 + MODELS.index(model) * SEEDS
        for way in which:
            found.append(pytest.param(
                guest, model, seed, way, id="-".join(map(str, (guest, model, *way))),
                marks=pytest.mark.xdist_group(f"differ-{guest}-{model}")))
    return found


def lines(result, guest):
    found = [line for line in result.lines if line.startswith("differ: mode=")]
    assert len(found) == SEEDS * GUESTS[guest]
    return found


@pytest.fixture(scope="module")
def bare(machine):
    """bare(guest, model, cmdline): what the bare machine printed; run once."""
    known = {}

    def run(guest, model, cmdline):
        key = guest, model, cmdline
        if key not in known:
            kernel = f"{boots.BUILD}/tests/guests/{guest}.elf"
            result = machine(model).run(Boot(kernel, cmdline), boots.bare_expect(), LIMIT)
            assert result.passed, result.explain()
            known[key] = lines(result, guest)
        return known[key]
    return run


@pytest.mark.parametrize("guest, model, seed, way", cases())
def test_outcomes_are_the_bare_machines(machine, passes, bare, guest, model, seed, way):
    cmdline = f"seed={seed} seeds={SEEDS} steps={STEPS}"
    native = bare(guest, model, cmdline)
    sync, trap, bypass, audit = way
    options = f"sync={sync} trap={trap} bypass_guest_pf={bypass} audit={audit}"
    module = Module(f"{boots.BUILD}/tests/guests/{guest}.elf", cmdline)
    result = passes(machine(model).run(boots.notrap(options, [module]), boots.guest_expect(),
                                       LIMIT))
    assert lines(result, guest) == native
