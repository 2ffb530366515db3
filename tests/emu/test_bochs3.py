# SPDX-License-Identifier: MIT
"""Bochs 3.1 has beside VMX what no older one has: five levels of tables, keys that are right, and
PKS, CET, FRED, LASS and LAM, which guests are not given.

`make emulators` brings it. SOAK=1 (make soak) runs more ways. Linux is not run: docs/testing.md.
"""
import re

import pytest

from tests.emu import boots, emulators, guests
from tests.emu.boot import Boot
from tests.emu.matrix import SOAK

RELEASE = emulators.NAMES["bochs3"][1]
FIVE = "sapphire_rapids"
KEYS = ["tigerlake", "wildcat_lake", FIVE]
LIMIT = 240


@pytest.fixture(autouse=True)
def installed():
    try:
        emulators.program("bochs", RELEASE)
    except emulators.HostError:
        pytest.skip("Bochs 3.1 is not there: make emulators, 800 MB")


def machine(model):
    return boots.machine("bochs", model, guests.MEMORY, release=RELEASE)


def run(model, name, options="", words=""):
    boot = boots.notrap(options, [guests.module(machine(model), name, words)])
    return machine(model).run(boot, boots.guest_expect(), boots.limit(LIMIT, options))


def kept(short, long):
    return short + long * SOAK


@pytest.mark.parametrize("options", kept(["audit=256"], [
    "trap=structural sync=always audit=256", "sync=never bypass_guest_pf=0 audit=256", "mmu=ept"]))
def test_five_levels(passes, options):
    result = passes(run(FIVE, "paging64", options))
    # Nested paging has no traps to prove.
    assert "mmu=" in options or result.find(
        r"^notrap: self-test: .* address 1 2 3 4 5 \(PAE 1 2\), structural 2 3 4 5 \(")
    assert re.findall(r"^paging64: done with (\d) levels$", result.text, re.M) == ["4", "5"]
    assert boots.audited(result, options)


def audited(name):
    return name, f"audit={guests.GUESTS[name].audit}"


@pytest.mark.parametrize("name, options", kept(
    [audited("pcid"), ("far", ""), ("reach", "")],
    [audited("events"), audited("smp"), audited("start"),
     *((name, "mmu=ept") for name in ("pcid", "far", "reach", "events"))]))
def test_guest(passes, name, options):
    """The hypervisor's own tables have four levels, on a CPU that has five."""
    assert boots.audited(passes(run(FIVE, name, options)), options)


@pytest.mark.parametrize("mode", ["64", "57"])
def test_differential(passes, mode):
    words = f"seeds={3 if SOAK else 1} mode={mode}"
    outcomes = rf"^differ: mode={mode} .*$"
    bare = passes(machine(FIVE).run(Boot(guests.elf("differ"), words), boots.bare_expect(), LIMIT))
    under = passes(run(FIVE, "differ", "", words))
    expected = re.findall(outcomes, bare.text, re.M)
    assert expected and re.findall(outcomes, under.text, re.M) == expected


@pytest.mark.parametrize("model, options", kept(
    [(model, "") for model in KEYS],
    [(model, options) for model in KEYS for options in
     ("sync=never trap=structural", "sync=always", "bypass_guest_pf=0")]))
def test_keys(passes, model, options):
    """Every answer is the manual's; under mmu=ept it is Bochs', which is wrong in some."""
    result = passes(run(model, "access", options, "pk=1 stride=601"))
    assert result.number(r"^access: (\d+) checks, 0 failures") > 20000


@pytest.mark.parametrize("model", [FIVE, "arrow_lake", "wildcat_lake"])
@pytest.mark.parametrize("name", ["msrs", "privileged"])
def test_hidden_features(passes, model, name):
    """Neither their MSRs nor their bits of CR4 are there."""
    passes(run(model, *audited(name)))


def test_division_is_wrong(passes):
    """Why no Linux runs on it. When this fails, Debian has mended it: emulators.BUGS is to go."""
    boot = Boot(guests.elf("divide"))
    passes(boots.machine("bochs", release="").run(boot, boots.bare_expect()))
    assert machine(FIVE).run(boot, boots.bare_expect()).find(r"^failed: 3b9aca00 / 1: ")
