# SPDX-License-Identifier: MIT
"""A user's misaligned operand raises #AC where the hypervisor carries its instruction out, too."""
import pytest

from tests.emu import boots
from tests.emu.boot import Boot, Module
from tests.emu.guests import elf

GUEST, WORDS = elf("privileged"), "alignment=1"
BOCHS = [("bochs", "broadwell_ult"), ("bochs", "ryzen")]


@pytest.mark.parametrize("host, model", BOCHS)
def test_on_the_bare_machine(passes, host, model):
    passes(boots.machine(host, model).run(Boot(GUEST, WORDS), boots.bare_expect()))


# QEMU's TCG never looks: there it is the hypervisor alone, which watches the APIC.
@pytest.mark.parametrize("host, model", [*BOCHS, ("qemu-tcg", "max")])
def test_under_notrap(passes, host, model):
    passes(boots.machine(host, model).run(boots.notrap("", [Module(GUEST, WORDS)]),
                                          boots.guest_expect()))
