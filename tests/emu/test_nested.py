# SPDX-License-Identifier: MIT
"""Nested paging: guests do what they do on the bare machine, and their faults never exit."""
import re

import pytest

from tests.emu import bench, boots, guests, linux, ways
from tests.emu.bench import per_op
from tests.emu.boot import Boot
from tests.emu.guests import GUESTS, MEMORY
from tests.emu.matrix import SOAK
from tests.emu.result import Expect

# AMD's with and without next-RIP, Intel's oldest with "unrestricted guest" and newest.
MACHINES = [("qemu-tcg", "max"), ("qemu-tcg", "EPYC"), ("bochs", "ryzen"),
            ("bochs", "phenom_8650_toliman"), ("bochs", "corei5_arrandale_m520"),
            ("bochs", "tigerlake")]

# Those whose CPU is much as another of these.
LIKE_OTHERS = [("qemu-tcg", "EPYC"), ("bochs", "phenom_8650_toliman")]
DIFFER = ["differ", "differ32"]
AUDIT = 64
LIMIT = 180


@pytest.fixture(params=MACHINES, ids="-".join)
def nested(request):
    return boots.machine(*request.param, MEMORY)


def run_guest(machine, name, more=""):
    boot = boots.notrap(f"mmu={machine.nested} audit={AUDIT} {more}".rstrip(),
                        [guests.module(machine, name)])
    return machine.run(boot, boots.guest_expect(), LIMIT)


def no_fault_exits(result):
    """The hypervisor saw none of the guest's page faults, and made no shadow of its tables."""
    counters = result.counters
    for name in ("exits_pf", "exits_cr3_write", "exits_invlpg", "exits_invpcid", "pf_taken",
                 "mmu_pte_write", "mmu_unsync", "mmu_prefill"):
        assert counters[name] == 0, name
    assert counters["exits_npf"] > 0
    assert counters["exits"] == sum(n for name, n in counters.items() if name.startswith("exits_"))


def hidden_memory_is_the_hole(result):
    """What reaches for the hypervisor's memory finds the hole page, all over it."""
    kib = result.number(r"^notrap: memory: (\d+) KiB for nested paging")
    assert result.counters["hole_mapped"] >= kib // 4


def tables_are_recycled(result):
    """More memory than the tables hold at once; events that are cut by that come all the same."""
    counters = result.counters
    assert counters["mmu_recycled"] > 0
    assert counters["mmu_recycled"] == counters["mmu_shadow_zapped"]
    assert counters["tlb_flush"] > 0 and counters["mmu_audit"] > 0


# On all machines: rights, the registers' set-up, and what recycles tables.
EVERYWHERE = ("access", "far", "start")
CASES = [pytest.param(on, name, id="-".join((*on, name))) for on in MACHINES
         for name, guest in GUESTS.items()
         if guest.nested and (SOAK or name in EVERYWHERE or on not in LIKE_OTHERS)]


@pytest.mark.parametrize("on, name", CASES)
def test_guest(passes, on, name):
    nested = boots.machine(*on, MEMORY)
    result = passes(run_guest(nested, name))
    assert result.find(rf"^notrap: nested paging \(mmu={nested.nested}\)")
    assert result.powered_off
    no_fault_exits(result)
    also = {"reach": hidden_memory_is_the_hole, "far": tables_are_recycled}
    if name in also:
        also[name](result)


# QEMU's NMIs are late: this guest does not pass there on the bare machine either.
@pytest.mark.parametrize("model", [model for host, model in MACHINES if host == "bochs"])
def test_events(passes, model):
    no_fault_exits(passes(run_guest(boots.machine("bochs", model, MEMORY), "events")))


# On QEMU the bare machine fails this guest's own checks; the outcomes are compared all the same.
@pytest.mark.parametrize("name", DIFFER)
def test_differential(nested, name):
    outcomes = r"^differ: mode=.* hash=.*$"
    bare = nested.run(Boot(guests.elf(name)), Expect(r"^guest: (pass|fail.*)$", (outcomes,)), LIMIT)
    assert bare.passed, bare.explain()
    under = run_guest(nested, name)
    assert re.findall(outcomes, under.text, re.M) == re.findall(outcomes, bare.text, re.M)
    assert bool(under.find("^guest: pass$")) == bool(bare.find("^guest: pass$"))
    no_fault_exits(under)


# Bochs takes four times as long for it as QEMU does.
FOR_LINUX = [on for on in MACHINES if SOAK or on not in (*LIKE_OTHERS, ("bochs", "ryzen"))]


@pytest.mark.parametrize("on", FOR_LINUX, ids="-".join)
def test_linux(passes, on):
    nested = boots.machine(*on, MEMORY)
    result = passes(linux.run_notrap(nested, f"mmu={nested.nested} audit={AUDIT}"))
    assert result.powered_off
    assert linux.workloads(result)
    assert result.find(r"^linux: hypervisor = notrap$")
    no_fault_exits(result)
    counters = result.counters
    assert counters["pf_guest"] == 0
    assert result.number(linux.NOT_SEEN) == result.number(r"^linux: pgfault = (\d+)$")


@pytest.mark.parametrize("arch", ["i686-pae", "i686"])
def test_linux32(passes, arch):
    machine = boots.machine("qemu-tcg", "max", MEMORY)
    no_fault_exits(passes(linux.run_notrap(machine, f"mmu={machine.nested} audit={AUDIT}",
                                           boots.Kernel(arch=arch))))


# test_compare.py has the others.
@pytest.mark.parametrize("on", [MACHINES[1], *MACHINES[3:]], ids="-".join)
def test_side_by_side(on):
    """Faults that cost exits on shadow tables cost none."""
    nested = boots.machine(*on, MEMORY)
    results = bench.run_all(nested, ways={way: ways.paging(nested)[way] for way in
                                          ("bypass_guest_pf=0", ways.NESTED)})
    for name, result in results.items():
        assert result.passed, f"{name}: {result.explain()}"
    shadow, under = results.values()
    no_fault_exits(under)
    assert list(under.phases) == list(shadow.phases)
    for name, phase in under.phases.items():
        other = shadow.phases[name]
        assert (phase["ops"], phase["faults"]) == (other["ops"], other["faults"]), name
        if name != "null_exit":
            assert phase["exits"] == ways.gp_exits(nested, name), name
    assert per_op(under.phases["null_exit"], "exits") == 1
    assert per_op(shadow.phases["demand"], "exits") >= 1.99


@pytest.mark.parametrize("host, model, option, line", [
    ("qemu-tcg", "qemu64,+svm", "npt", r"mmu=npt: this CPU has no nested paging .*mmu=shadow"),
    ("bochs", "turion64_tyler", "npt", r"mmu=npt: this CPU has no nested paging .*mmu=shadow"),
    ("bochs", "ryzen", "ept", r"mmu=ept: this CPU has AMD's nested paging; use mmu=npt"),
    ("qemu-tcg", "max", "ept", r"mmu=ept: this CPU has AMD's nested paging; use mmu=npt"),
    ("bochs", "broadwell_ult", "npt", r"mmu=npt: this CPU has Intel's nested paging; use mmu=ept"),
    ("bochs", "core2_penryn_t9600", "ept", r"mmu=ept: this CPU's VMX has no EPT .*mmu=shadow"),
    ("bochs", "corei5_lynnfield_750", "ept",
     r"mmu=ept: this CPU's VMX has no .unrestricted guest. beside its EPT; use mmu=shadow"),
])
def test_no_such_nested_paging(passes, host, model, option, line):
    result = passes(boots.machine(host, model, MEMORY).run(
        boots.notrap(f"mmu={option}"), boots.error_expect(rf"^notrap: error: {line}$")))
    assert len(re.findall(r"^notrap: (error|fatal): ", result.text, re.M)) == 1
