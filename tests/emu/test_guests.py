# SPDX-License-Identifier: MIT
"""The test guests: each passes on the bare machine, and under notrap in every way it can run."""
import glob
import os

import pytest

from tests.emu import boots, matrix
from tests.emu.boot import Boot, Module
from tests.emu.guests import GUESTS, OTHERS, audit_of, elf
from tests.emu.matrix import MODELS, SOAK

LIMIT = 180


def test_every_guest_folder_was_built():
    folders = glob.glob(os.path.join(os.path.dirname(__file__), "../guests/*/"))
    names = {os.path.basename(folder.rstrip("/")) for folder in folders}
    assert names == {*GUESTS, *OTHERS}
    assert all(os.path.exists(elf(name)) for name in names)


@pytest.mark.parametrize("guest", GUESTS)
def test_bare(machine, passes, guest):
    passes(machine("corei7_skylake_x").run(Boot(elf(guest)), boots.bare_expect(), LIMIT))


# The defaults, on the newest model and on one of the others; without bypass on one of these two,
# and what is farthest from the defaults on the other. SOAK=1: on each model, a third of all ways.
def ways_of(guest, model):
    share, at = matrix.share(model), list(GUESTS).index(guest)
    if SOAK:
        return share
    older, newest = MODELS[at % 2], MODELS[-1]
    if model not in (older, newest):
        return []
    return share[:2] if (model == newest) == (at % 4 < 2) else [*share[:1], matrix.FAR[model]]


UNDER = [pytest.param(guest, model, way, id=matrix.name(guest, model, way))
         for guest in GUESTS for model in MODELS for way in ways_of(guest, model)]


@pytest.mark.parametrize("guest, model, way", UNDER)
def test_under_notrap(machine, passes, guest, model, way):
    options = matrix.options(way, audit_of(guest, model))
    result = passes(machine(model).run(boots.notrap(options, [Module(elf(guest))]),
                                       boots.guest_expect(), boots.limit(LIMIT, options)))
    assert boots.audited(result, options)
