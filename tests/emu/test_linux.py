# SPDX-License-Identifier: MIT
"""Debian's unmodified kernel under notrap: it works, what it costs, and what the bypass saves."""
import pytest

from tests.emu import boots, linux, matrix
from tests.emu.matrix import MODELS
from tests.emu.qemu import Qemu

# Exits between two audits: some tens of them in a boot. The defaults are the self-check's run.
AUDIT = 1024 if matrix.SOAK else 2048


def run(machine, options, passes):
    result = passes(linux.run_notrap(machine, options))
    assert result.powered_off
    assert linux.workloads(result)
    assert boots.audited(result, options)
    return result


@pytest.mark.parametrize("model, bypass", [(MODELS[1], 0), (MODELS[2], 1)])
def test_self_check(machine, passes, model, bypass):
    result = run(machine(model), f"bypass_guest_pf={bypass} audit={AUDIT}", passes)
    counters = result.counters
    assert result.find(r"^linux: hypervisor = notrap$")
    assert result.find(r"^linux: cpu flag hypervisor = yes$")
    # A report is the kernel's alone to make, and Linux knows of none.
    assert counters["pf_guest_counted"] == 0
    assert result.find(r"^notrap: pf_bypassed = unknown$")
    assert counters["pf_guest"] == (counters["pf_guest_notpresent"] +
                                    counters["pf_guest_protection"])


# On AMD's, which takes a third of the time, so that each two of the options meet; on Intel's what
# is farthest from the defaults, with the bypass. With SOAK=1 all on each.
EACH = [pytest.param(boots.machine("bochs", model), way, id=matrix.name(model, way))
        for model in MODELS for way in (matrix.WAYS if matrix.SOAK else [matrix.FAR[model]])
        if way != matrix.DEFAULT and (matrix.SOAK or way[2])]
EACH += [pytest.param(boots.machine("qemu-tcg"), way, id=matrix.name("qemu-max", way))
         for way in (matrix.WAYS if matrix.SOAK else [matrix.DEFAULT, *matrix.PAIRS])]


@pytest.mark.parametrize("machine, way", EACH)
def test_every_way_audited(passes, machine, way):
    run(machine, matrix.options(way, AUDIT), passes)


def test_fork_wherever_its_tables_are(passes):
    """Linux reaches its page tables by large pages, or by small ones: which, is the memory's size.

    A page that is no table any more, or out of sync, is written without an exit by either.
    """
    exits = []
    for memory in 256, 400:
        machine = Qemu("tcg", "max,-la57", icount=True, memory=memory)
        kernel = boots.Kernel("quiet selfcheck_only=fork selfcheck_ops=40", measured=True)
        result = passes(linux.run_notrap(machine, "", kernel))
        exits.append(linux.exits(result)["fork"])
    assert max(exits) < 1.1 * min(exits)


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
    # Most of these are in tables that linger, mm/shadow/linger.c: fewer exits, all in all.
    assert on["pf_guest_notpresent"] <= 0.10 * off["pf_guest_notpresent"]
    assert on["exits"] <= 0.75 * off["exits"]
