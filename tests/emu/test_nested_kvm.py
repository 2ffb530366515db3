# SPDX-License-Identifier: MIT
"""notrap as a guest of KVM, and its own guest one level below: Intel's and AMD's, on Bochs.

`make test` runs a part; SOAK=1 (make test-nested, make soak) all.
"""
import re

import pytest

from tests.emu import boots, guests, linux
from tests.emu.bench import per_op
from tests.emu.boot import Boot, Module
from tests.emu.matrix import SOAK

LIMIT = 60
# Basic exit reasons (SDM vol. 3D appendix C) that tell of instructions KVM carries out for notrap.
VMREAD, VMWRITE = 23, 25
# What notrap reads and writes of its VMCS by KVM before the guest runs, by its self-tests: 1,424.
SET_UP = 1500

INTEL_MODEL, AMD_MODEL = "broadwell_ult", "ryzen"
INTEL = pytest.mark.xdist_group("nested-intel")
AMD = pytest.mark.xdist_group("nested-amd")


def intel(*values, soak=False, **more):
    """A case on Intel's CPU; soak: not in `make test`."""
    return case(INTEL, INTEL_MODEL, values, soak, **more)


def amd(*values, soak=False, **more):
    return case(AMD, AMD_MODEL, values, soak, **more)


def case(group, model, values, soak, flags="", kvm="", what=""):
    if soak and not SOAK:
        return None
    words = [value for value in values if "this CPU" not in value]
    name = "-".join(filter(None, [model, what or flags.strip(",-"), kvm, *words]))
    return pytest.param((model + flags, kvm), *values, marks=group, id=name.replace(" ", "-"))


def kept(*cases):
    return [one for one in cases if one]


def machine(on):
    return boots.machine("nested-kvm", on[0], guests.MEMORY, kvm=on[1])


def run_bench(on, options="", phases="null_exit,skip_fault,demand,cow"):
    words = f"n=512 phases={phases}"
    return machine(on).run(boots.notrap(options, [Module(boots.BENCH, words)]),
                           boots.guest_expect(), LIMIT)


# What KVM can take away from its guest's VMX: what older CPUs have not.
OLD = (",-vmx-entry-load-efer,-vmx-exit-load-efer,-vmx-entry-load-pat,-vmx-exit-load-pat,"
       "-vmx-exit-save-pat,-vmx-vpid,-vmx-secondary-ctls")

OLD_AMD = ",-npt,-nrip-save"

BENCH = kept(
    intel("bypass_guest_pf=1"), intel("bypass_guest_pf=0"), intel("mmu=ept"),
    intel("trap=structural sync=never", soak=True), intel("trap=address sync=always", soak=True),
    intel("audit=64", soak=True),
    intel("bypass_guest_pf=1", flags=OLD, what="old", soak=True),
    intel("bypass_guest_pf=1", flags=",host-phys-bits=off,phys-bits=36", what="36-bits", soak=True),
    *(intel(options, kvm="ept=0", soak=True)
      for options in ("bypass_guest_pf=1", "bypass_guest_pf=0")),
    amd("bypass_guest_pf=1"), amd("mmu=npt"), amd("bypass_guest_pf=0", soak=True),
    amd("bypass_guest_pf=1", flags=OLD_AMD, what="old", soak=True))


def demand_exits(on, options):
    """What a page costs that the guest maps when it is touched."""
    if "mmu=" in options:
        return 0
    return 2 if on[0].startswith(AMD_MODEL) or "bypass_guest_pf=0" in options else 1


@pytest.mark.parametrize("on, options", BENCH)
def test_bench(passes, on, options):
    """Each fault costs the exits that it costs on a CPU of one's own, and KVM no more."""
    result = passes(run_bench(on, options))
    assert result.powered_off
    assert per_op(result.phases["null_exit"], "exits") == 1
    assert sum(result.nested_exits.values()) >= result.counters["exits"]
    if "sync=" in options:
        return
    exits = demand_exits(on, options)
    assert per_op(result.phases["skip_fault"], "exits") == max(exits - 1, 0)
    assert exits <= per_op(result.phases["demand"], "exits") <= exits * 1.01
    if on != (INTEL_MODEL, "") or "audit=" in options:
        return
    # No frequent exit has notrap read or write what KVM's shadow of its VMCS does not hold.
    assert result.host_exits[VMREAD] + result.host_exits[VMWRITE] <= SET_UP
    assert "mmu=" in options or result.counters["exits"] > 2 * SET_UP


# Guests, and what makes the slow ones shorter. NMIs are late on Bochs 2.7: docs/testing.md.
GUESTS = {"events": "nmi=0", "msrs": "", "paging64": "", "pcid": "", "reach": "",
          "access": "stride=601", "differ": "seeds=1 steps=100"}
# Where past the end of RAM each read is an exit to QEMU, and for KVM's MSRs of an AMD CPU.
ON_KVM = {"msrs": "kvm=1", "reach": "beyond=64"}
CASES = kept(
    intel("events", ""), intel("msrs", ""),
    *(intel(name, "", soak=True) for name in GUESTS if name not in ("events", "msrs")),
    intel("paging64", "mmu=ept", soak=True), intel("paging64", "", kvm="ept=0", soak=True),
    intel("reach", "mmu=ept", soak=True),
    intel("events", "", kvm="ept=0", soak=True),
    *(amd(name, "", soak=True) for name in GUESTS if name != "events"),
    *(amd(name, "mmu=npt", soak=True) for name in ("paging64", "reach")))


def failures(result):
    """What a guest's checks said that ran to their end."""
    assert result.find(r"^\w+: \d+ checks, \d+ failures$"), result.explain()
    return set(re.findall(r"^failed: .*", result.text, re.M))


def fails_without_notrap(host, result):
    """A breakpoint comes twice on KVM's own shadow tables, whoever is its guest: testing.md."""
    boot = Boot(guests.elf("events"), GUESTS["events"])
    alone = failures(host.run(boot, boots.bare_expect(), LIMIT))
    here = failures(result)
    assert here <= alone
    assert [line for line in here if "breakpoints: 3 hits, " not in line] == []


@pytest.mark.parametrize("on, name, options", CASES)
def test_guest(passes, on, name, options):
    host = machine(on)
    words = ON_KVM.get(name) if on[0] == AMD_MODEL or "mmu=" in options else None
    boot = boots.notrap(options, [guests.module(host, name, words or GUESTS[name])])
    result = host.run(boot, boots.guest_expect(), LIMIT)
    if (name, on[1]) == ("events", "ept=0"):
        fails_without_notrap(host, result)
    else:
        assert passes(result).powered_off


@pytest.mark.parametrize("on, options", kept(
    intel("bypass_guest_pf=1"), intel("bypass_guest_pf=0", soak=True), intel("mmu=ept", soak=True),
    amd("bypass_guest_pf=1", soak=True), amd("mmu=npt", soak=True)))
def test_linux(passes, on, options):
    result = passes(linux.run_notrap(machine(on), options))
    assert result.powered_off
    assert result.find(r"^linux: hypervisor = notrap$")
    assert linux.workloads(result)


@pytest.mark.parametrize("on, options, line", kept(
    intel("mmu=ept", r"mmu=ept: this CPU's VMX has no EPT .*mmu=shadow", flags=",-vmx-ept"),
    intel("mmu=ept", r"mmu=ept: this CPU's VMX has no .unrestricted guest. .*mmu=shadow",
          flags=",-vmx-unrestricted-guest", soak=True),
    intel("", r"this CPU has no VMX .*turn nested virtualization on", flags=",-vmx", soak=True),
    amd("", r"this CPU has no SVM .*", flags=",-svm", soak=True),
    amd("mmu=npt", r"mmu=npt: this CPU has no nested paging .*mmu=shadow", flags=",-npt",
        soak=True)))
def test_refusals(passes, on, options, line):
    result = passes(machine(on).run(boots.notrap(options),
                                    boots.error_expect(rf"^notrap: error: {line}$"), LIMIT))
    assert len(re.findall(r"^notrap: (error|fatal): ", result.text, re.M)) == 1
