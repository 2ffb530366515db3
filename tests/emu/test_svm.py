# SPDX-License-Identifier: MIT
"""notrap on AMD's SVM: the same guests on a second emulator, whose CPU is another's work."""
import os
import re

import pytest

from tests.emu import bench, boots, linux
from tests.emu.bench import per_op
from tests.emu.boot import Boot, Module

# QEMU: with and without nested paging, large pages and XSAVE. Opteron_G5 with XSAVE hangs in MOV
# CR4, on the bare machine too. Bochs: with and without next-RIP.
QEMU = ["max", "EPYC", "Opteron_G5,-xsave", "qemu64,+svm"]
BOCHS = ["phenom_8650_toliman", "ryzen"]
MACHINES = [("qemu-tcg", model) for model in QEMU] + [("bochs", model) for model in BOCHS]
MEMORY = 256
# QEMU's ACPI tables are at the end of its RAM, where the map says no more than reserved.
QEMU_ACPI = (MEMORY << 20) - 0x20000

GUESTS = ["access", "access32", "modes32", "msrs", "paging64", "reach"]
LIMIT = 180


@pytest.fixture(params=MACHINES, ids="-".join)
def svm(request):
    return boots.machine(*request.param, MEMORY)


def run_guest(machine, passes, name, options="audit=1024"):
    acpi = f"firmware={QEMU_ACPI}" if machine.name == "qemu-tcg" else ""
    elf = os.path.join(boots.BUILD, f"tests/guests/{name}.elf")
    boot = boots.notrap(options, [Module(elf, acpi)])
    return passes(machine.run(boot, boots.guest_expect(), LIMIT))


def test_says_that_it_cannot_filter(svm, passes):
    result = passes(svm.run(boots.notrap(), boots.guest_expect()))
    assert result.find(r"^notrap: bypass off: this CPU cannot filter page faults")
    assert result.powered_off


@pytest.mark.parametrize("name", GUESTS)
def test_guest(svm, passes, name):
    run_guest(svm, passes, name)


# QEMU's NMIs are late: this guest does not pass there on the bare machine either.
@pytest.mark.parametrize("model", BOCHS)
@pytest.mark.parametrize("bypass", [0, 1])
def test_events(passes, model, bypass):
    run_guest(boots.machine("bochs", model, MEMORY), passes, "events",
              f"audit=1024 bypass_guest_pf={bypass}")


# On QEMU the bare machine fails this guest's own checks.
@pytest.mark.parametrize("name", ["differ", "differ32"])
def test_differential(passes, name):
    machine = boots.machine("bochs", "ryzen", MEMORY)
    elf = os.path.join(boots.BUILD, f"tests/guests/{name}.elf")
    bare = passes(machine.run(Boot(elf), boots.bare_expect(), LIMIT))
    outcomes = r"^differ: mode=.* hash=.*$"
    assert bare.find(outcomes)
    under = run_guest(machine, passes, name)
    assert re.findall(outcomes, under.text, re.M) == re.findall(outcomes, bare.text, re.M)


def test_linux(svm, passes):
    result = passes(linux.run_notrap(svm, "audit=1024"))
    assert result.powered_off
    assert linux.workloads(result)
    counters = result.counters
    assert counters["pf_guest_fast"] > 0.5 * counters["pf_guest_notpresent"]


@pytest.fixture(scope="module", params=[("qemu-tcg", "max"), ("bochs", "ryzen")], ids="-".join)
def compared(request):
    results = bench.run_all(boots.machine(*request.param, MEMORY))
    for name, result in results.items():
        assert result.passed, f"{name}: {result.explain()}"
    return request.param[0], [results[name] for name in bench.RUNS]


def test_fast_path(compared):
    """Every not-present fault exits; the guest's own are told by the error code alone."""
    host, (native, off, on) = compared
    phases = [run.phases["skip_fault"] for run in (native, off, on)]
    assert [phase["faults"] for phase in phases] == [2048] * 3
    assert phases[1]["exits"] >= 2048 and phases[2]["exits"] >= 2048
    assert off.counters["pf_guest_fast"] == 0
    assert on.counters["pf_guest_fast"] >= 2 * 2048
    for counters in (off.counters, on.counters):
        assert counters["pf_guest"] == counters["pf_guest_counted"]
    if host == "bochs":
        assert per_op(phases[2], "ticks") <= 250
