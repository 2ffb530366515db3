# SPDX-License-Identifier: MIT
"""The test guests: each passes on the bare machine, and under notrap in every way it can run."""
import glob
import os

import pytest

from tests.emu import boots
from tests.emu.boot import Boot, Module

BUILT = sorted(glob.glob(os.path.join(boots.BUILD, "tests/guests/*.elf")))
# These have tests of their own.
OTHERS = ("bound", "differ", "differ32")
GUESTS = [path for path in BUILT if os.path.basename(path).removesuffix(".elf") not in OTHERS]
MODELS = ["core2_penryn_t9600", "corei7_skylake_x", "tigerlake"]
AUDIT = 1024
LIMIT = 180


def name(path):
    return os.path.basename(path).removesuffix(".elf")


def test_every_guest_folder_was_built():
    folders = glob.glob(os.path.join(os.path.dirname(__file__), "../guests/*/"))
    assert {name(path) for path in BUILT} == {os.path.basename(f.rstrip("/")) for f in folders}


@pytest.mark.parametrize("guest", GUESTS, ids=name)
def test_bare(machine, passes, guest):
    passes(machine("corei7_skylake_x").run(Boot(guest), boots.bare_expect(), LIMIT))


@pytest.mark.parametrize("bypass", [0, 1])
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("guest", GUESTS, ids=name)
def test_under_notrap(machine, passes, guest, model, bypass):
    options = f"bypass_guest_pf={bypass} audit={AUDIT}"
    passes(machine(model).run(boots.notrap(options, [Module(guest)]), boots.guest_expect(), LIMIT))
