# SPDX-License-Identifier: MIT
"""The test guests: each passes on the bare machine, and under notrap in every way it can run."""
import glob
import os

import pytest

from tests.emu import boots, matrix
from tests.emu.boot import Boot, Module
from tests.emu.matrix import MODELS, SOAK

BUILT = sorted(glob.glob(os.path.join(boots.BUILD, "tests/guests/*.elf")))
# These have tests of their own.
OTHERS = ("a20", "bound", "differ", "differ32", "dma", "dma_table", "fw_cfg", "hpet",
          "pci", "recycle", "sleep", "slow", "smram", "tco", "trace", "uart", "vapic", "warm")
GUESTS = [path for path in BUILT if os.path.basename(path).removesuffix(".elf") not in OTHERS]
# Exits between audits: fewer for the guests that make few.
AUDIT = {"apic": 4, "events": 8, "modes32": 64, "msrs": 8, "pcid": 16, "pcid32": 8,
         "privileged": 8, "smp": 4, "start": 1}
LIMIT = 180


def name(path):
    return os.path.basename(path).removesuffix(".elf")


def test_every_guest_folder_was_built():
    folders = glob.glob(os.path.join(os.path.dirname(__file__), "../guests/*/"))
    assert {name(path) for path in BUILT} == {os.path.basename(f.rstrip("/")) for f in folders}


@pytest.mark.parametrize("guest", GUESTS, ids=name)
def test_bare(machine, passes, guest):
    passes(machine("corei7_skylake_x").run(Boot(guest), boots.bare_expect(), LIMIT))


# Beside the defaults, what is farthest from them; SOAK=1: a third of all ways.
FAR = dict(zip(MODELS, [("always", "structural", 1), ("never", "address", 0),
                        ("never", "structural", 1)]))


def ways_of(model):
    share = matrix.share(model)
    return share if SOAK else share[:2] + [FAR[model]]


UNDER = [pytest.param(guest, model, way, id=matrix.name(name(guest), model, way))
         for guest in GUESTS for model in MODELS for way in ways_of(model)]


@pytest.mark.parametrize("guest, model, way", UNDER)
def test_under_notrap(machine, passes, guest, model, way):
    options = matrix.options(way, AUDIT.get(name(guest), 1024))
    result = passes(machine(model).run(boots.notrap(options, [Module(guest)]),
                                       boots.guest_expect(), boots.limit(LIMIT, options)))
    assert boots.audited(result, options)
