# SPDX-License-Identifier: MIT
"""Debian's unmodified kernel under notrap: it works, what it costs, and what the bypass saves."""
import pytest

from tests.emu import boots, linux

MODELS = ["core2_penryn_t9600", "corei7_skylake_x", "tigerlake"]
# Exits between two audits: seldom enough for a boot of a few minutes.
AUDIT = 1024


def run(machine, options, passes):
    result = passes(linux.run_notrap(machine, options))
    assert result.powered_off
    assert linux.workloads(result)
    return result


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("bypass", [0, 1])
def test_self_check(machine, passes, model, bypass):
    result = run(machine(model), f"bypass_guest_pf={bypass}", passes)
    counters = result.counters
    assert result.find(r"^linux: hypervisor = notrap$")
    assert counters["pf_guest_counted"] == result.number(r"^linux: pgfault = (\d+)$")
    assert counters["pf_guest"] == (counters["pf_guest_notpresent"] +
                                    counters["pf_guest_protection"])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("bypass", [0, 1])
def test_self_check_audited(machine, passes, model, bypass):
    result = passes(machine(model).run(
        boots.notrap(f"bypass_guest_pf={bypass} audit={AUDIT}", boots.linux_modules("quiet")),
        boots.linux_expect(), 4 * boots.LINUX_LIMIT))
    assert result.counters["mmu_audit"] > 0
    assert result.powered_off


@pytest.fixture(scope="module")
def compared(machine):
    results = linux.run_all(machine("broadwell_ult"))
    for name, result in results.items():
        assert result.passed, f"{name}: {result.explain()}"
    return results


@pytest.mark.xdist_group("compared")
def test_boot_costs_at_most_a_tenth(compared):
    native = linux.boot_ticks(compared["native"])
    assert native > 100_000_000
    assert linux.boot_ticks(compared["bypass_guest_pf=1"]) <= 1.10 * native


@pytest.mark.xdist_group("compared")
def test_bypass_leaves_few_not_present_faults(compared):
    off, on = (compared[f"bypass_guest_pf={n}"].counters for n in (0, 1))
    assert off["pf_guest_notpresent"] > 1000
    assert on["pf_guest_notpresent"] <= 0.05 * off["pf_guest_notpresent"]
