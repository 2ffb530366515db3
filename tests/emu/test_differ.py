# SPDX-License-Identifier: MIT
"""The differential guest: random faults, values, A and D bits, bare and under notrap alike.

SOAK=1 (make soak) runs every way on every model, SOAK_SEEDS seeds each.
"""
import itertools
import os

import pytest

from tests.emu import boots, matrix
from tests.emu.boot import Boot, Module
from tests.emu.guests import elf
from tests.emu.matrix import MODELS, SOAK

# The guest, and how many modes it goes through.
GUESTS = {"differ": 1, "differ32": 2}
# Every third seed has global pages.
SEEDS, STEPS = (int(os.environ.get("SOAK_SEEDS", "6")), 500) if SOAK else (3, 200)
LIMIT = 60 + SEEDS * STEPS // 20
# In turn, so that each way is audited on some guest or model.
AUDITS = [1024, 0]


def cases():
    """(guest, model, first seed, options), those of one bare run in one group."""
    found = []
    for guest, model in itertools.product(GUESTS, MODELS):
        # Each model has seeds of its own.
        seed = 1 + MODELS.index(model) * SEEDS
        for turn, way in enumerate(matrix.of_model(model, list(GUESTS).index(guest))):
            audit = AUDITS[(turn + list(GUESTS).index(guest)) % 2]
            found.append(pytest.param(
                guest, model, seed, matrix.options(way, audit),
                id=matrix.name(guest, model, way, audit),
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
            result = machine(model).run(Boot(elf(guest), cmdline), boots.bare_expect(), LIMIT)
            assert result.passed, result.explain()
            known[key] = lines(result, guest)
        return known[key]
    return run


@pytest.mark.parametrize("guest, model, seed, options", cases())
def test_outcomes_are_the_bare_machines(machine, passes, bare, guest, model, seed, options):
    cmdline = f"seed={seed} seeds={SEEDS} steps={STEPS}"
    native = bare(guest, model, cmdline)
    module = Module(elf(guest), cmdline)
    result = passes(machine(model).run(boots.notrap(options, [module]), boots.guest_expect(),
                                       LIMIT))
    assert lines(result, guest) == native
    assert boots.audited(result, options)
