# SPDX-License-Identifier: MIT
"""What the emulated tests share."""
import functools

import pytest

from tests.emu import boots
from tests.emu.qemu import nested_kvm


@pytest.fixture(scope="session")
def machine():
    """machine(model, memory=...): Bochs, whose ticks are exact and whose models are known."""
    return functools.partial(boots.machine, "bochs")


@pytest.fixture
def passes():
    """passes(result) asserts that a run passed, and shows what it said when it did not."""
    def check(result):
        if not result.passed:
            pytest.fail(result.explain(), pytrace=False)
        return result
    return check


def pytest_report_header():
    return "nested KVM: " + ("yes" if nested_kvm() else "no; all on emulators")
