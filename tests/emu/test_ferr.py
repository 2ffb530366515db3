# SPDX-License-Identifier: MIT
"""x87 errors while CR0.NE is 0, which are interrupts, as on the first PCs."""
import pytest

from tests.emu import boots
from tests.emu.boot import Boot, Module
from tests.emu.guests import elf

GUEST = elf("ferr")
MODELS = ["broadwell_ult", "ryzen"]


@pytest.mark.parametrize("model", MODELS)
def test_on_the_bare_machine(machine, passes, model):
    passes(machine(model).run(Boot(GUEST), boots.bare_expect()))


@pytest.mark.parametrize("model, options", [
    ("broadwell_ult", ""), ("broadwell_ult", "mmu=ept"), ("ryzen", ""), ("ryzen", "mmu=npt")])
def test_under_notrap(machine, passes, model, options):
    """VMX has #MF all the same: its guests' NE is 1."""
    passes(machine(model).run(boots.notrap(options, [Module(GUEST)]), boots.guest_expect()))
