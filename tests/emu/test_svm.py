# SPDX-License-Identifier: MIT
"""notrap on AMD's SVM: the same guests on a second emulator, whose CPU is another's work."""
import re

import pytest

from tests.emu import bench, boots, guests, linux, matrix
from tests.emu.bench import per_op
from tests.emu.boot import Boot
from tests.emu.guests import GUESTS, MEMORY
from tests.emu.matrix import SOAK

# QEMU: with and without nested paging, large pages and XSAVE. Opteron_G5 with XSAVE hangs in MOV
# CR4, on the bare machine too. Bochs: with and without next-RIP.
QEMU = ["max", "EPYC", "Opteron_G5,-xsave", "qemu64,+svm"]
BOCHS = ["phenom_8650_toliman", "ryzen"]
MACHINES = [("qemu-tcg", model) for model in QEMU] + [("bochs", model) for model in BOCHS]
LIMIT = 180
# Of test_differential on QEMU; on Bochs it is one.
SEEDS = 8 if SOAK else 4


@pytest.fixture(params=MACHINES, ids="-".join)
def svm(request):
    return boots.machine(*request.param, MEMORY)


# On all machines: what differs with their tables' formats, and with what the CPU tells of an exit.
EVERYWHERE = ("access", "paging64", "start")
CASES = [pytest.param(on, name, "", id="-".join((*on, name))) for on in MACHINES
         for name, guest in GUESTS.items()
         if guest.svm and (SOAK or name in EVERYWHERE or on not in MACHINES[1:4])]
# SOAK=1: in each way on one of them.
if SOAK:
    CASES += [pytest.param(on, name, matrix.options(way, guest.audit),
                           id=matrix.name(*on, name, way))
              for turn, on in enumerate(MACHINES) for way in matrix.sixth(turn)
              for name, guest in GUESTS.items() if guest.svm]


def run_guest(machine, passes, name, options="", cmdline=""):
    audit = GUESTS[name].audit if name in GUESTS else 1024
    options = f"audit={audit} {options}".rstrip()
    boot = boots.notrap(options, [guests.module(machine, name, cmdline)])
    result = machine.run(boot, boots.guest_expect(), boots.limit(LIMIT, options))
    if machine.name == "qemu-tcg" and result.find(r"^guest: fail checks failed$"):
        skip_what_is_the_emulators(machine, boot.modules[0], result)
    passes(result)
    assert boots.audited(result, options)
    return result


def skip_what_is_the_emulators(machine, module, result):
    """Every check that failed fails on the bare machine too: newer QEMUs let a user WBINVD."""
    bare = machine.run(Boot(module.path, module.cmdline), boots.bare_expect(), LIMIT)
    own, under = (set(re.findall(r"^failed: .*", one.text, re.M)) for one in (bare, result))
    if under and under <= own:
        pytest.skip(f"{machine} without a hypervisor: " + ", ".join(sorted(under)))


def test_refuses_the_user_filter(passes):
    result = passes(boots.machine("qemu-tcg", QEMU[0], MEMORY).run(
        boots.notrap("filter=user"), boots.error_expect(
            r"^notrap: error: filter=user: this CPU cannot filter page faults by their error code; "
            r"use filter=auto$")))
    assert not result.find(r"^notrap: bypass")


def test_never_sets_osxsave_itself(passes):
    result = passes(boots.machine("qemu-tcg", "Opteron_G5", MEMORY).run(boots.notrap(),
                                                                        boots.guest_expect()))
    assert result.powered_off


@pytest.mark.parametrize("on, name, options", CASES)
def test_guest(passes, on, name, options):
    run_guest(boots.machine(*on, MEMORY), passes, name, options)


@pytest.mark.parametrize("model", BOCHS)
def test_local_apic_out_of_reach(passes, model):
    """Bochs alone needs to look at it, to know which event was cut."""
    result = run_guest(boots.machine("bochs", model, MEMORY), passes, "apic", "audit=1")
    assert result.find(r"^apic: base 1000000900$")


@pytest.mark.parametrize("host, model", [("bochs", "ryzen"), ("qemu-tcg", "max")])
def test_one_pat_for_both(passes, host, model):
    """Entry 0 stays write-back, and one line says that it does."""
    machine = boots.machine(host, model, MEMORY)
    result = run_guest(machine, passes, "msrs")
    assert len(re.findall(r"^notrap: the guest writes \w+ to its PAT: entry 0 stays write-back, .*",
                          result.text, re.M)) == 1
    assert "its PAT" not in run_guest(machine, passes, "msrs", "mmu=npt").text


# QEMU's keys are right, as Bochs' are not: so this is where a guest's are compared with the manual.
@pytest.mark.parametrize("options", ["", "sync=never trap=structural", "sync=always",
                                     "bypass_guest_pf=0", "audit=16 mmu=npt"])
def test_keys(passes, options):
    machine = boots.machine("qemu-tcg", "max", MEMORY)
    result = run_guest(machine, passes, "access", options, "pk=1 stride=601")
    assert result.number(r"^access: (\d+) checks, 0 failures") > 20000


# LA57: of all machines here QEMU's `max` alone has it.
FIVE, FOUR = "max", "max,-la57"


LEVELS = [(FIVE, "1 2 3 4 5", options) for options in
          ("", "trap=structural sync=always", "sync=never", "bypass_guest_pf=0")]
LEVELS += [(FOUR, "1 2 3 4", options) for options in ("", "trap=structural sync=always")]


@pytest.mark.parametrize("model, levels, options", LEVELS)
def test_levels(passes, model, levels, options):
    machine = boots.machine("qemu-tcg", model, MEMORY)
    result = run_guest(machine, passes, "paging64", f"audit=256 {options}".rstrip())
    proved = rf"^notrap: self-test: .* address {levels} \(PAE 1 2\), structural {levels[2:]} \("
    assert result.find(proved)
    done = re.findall(r"^paging64: done with (\d) levels$", result.text, re.M)
    assert done == levels.split()[3:]


def test_levels_bare(passes):
    machine = boots.machine("qemu-tcg", FIVE, MEMORY)
    result = passes(machine.run(Boot(guests.elf("paging64")), boots.bare_expect(), LIMIT))
    assert result.find("^paging64: done with 5 levels$")


# Linux tells how many levels it has made of what CPUID shows; no5lvl is its switch.
@pytest.mark.parametrize("model, cmdline, levels", [(FIVE, "", 5), (FIVE, "no5lvl", 4),
                                                    (FOUR, "", 4)])
def test_linux_levels(passes, model, cmdline, levels):
    machine = boots.machine("qemu-tcg", model, MEMORY)
    boot = boots.notrap("audit=4096", boots.linux_modules(f"quiet {cmdline}".rstrip()))
    result = passes(machine.run(boot, boots.linux_expect(), boots.LINUX_LIMIT))
    assert result.number(r"^linux: paging levels = (.*)$") == levels


# QEMU's NMIs are late: this guest does not pass there on the bare machine either.
@pytest.mark.parametrize("model", BOCHS)
@pytest.mark.parametrize("bypass", [0, 1])
def test_events(passes, model, bypass):
    run_guest(boots.machine("bochs", model, MEMORY), passes, "events",
              f"bypass_guest_pf={bypass}")


@pytest.mark.parametrize("host, model, name, modes", [
    ("bochs", "ryzen", "differ", ["64"]), ("bochs", "ryzen", "differ32", ["32", "pae"]),
    ("bochs", "phenom_8650_toliman", "differ", ["64"]),
    ("bochs", "phenom_8650_toliman", "differ32", ["32", "pae"]),
    ("qemu-tcg", FIVE, "differ", ["64", "57"]), ("qemu-tcg", FIVE, "differ32", ["32"]),
    ("qemu-tcg", "EPYC", "differ", ["64"]), ("qemu-tcg", "EPYC", "differ32", ["32"]),
    ("qemu-tcg", "Opteron_G5", "differ", ["64"]),
    ("qemu-tcg", "Opteron_G5", "differ32", ["32"]),
    ("qemu-tcg", "qemu64,+svm", "differ32", ["32"])])
def test_differential(passes, host, model, name, modes):
    machine = boots.machine(host, model, MEMORY)
    cmdline = f"seeds={SEEDS if host == 'qemu-tcg' else 1}"
    if len(modes) == 1:
        cmdline += f" mode={modes[0]}"
    bare = passes(machine.run(Boot(guests.elf(name), cmdline), boots.bare_expect(), LIMIT))
    outcomes = r"^differ: mode=(\S+) seed=(\d+) .* hash=(.*)$"
    expected = re.findall(outcomes, bare.text, re.M)
    assert {mode for mode, _, _ in expected} == set(modes)
    under = run_guest(machine, passes, name, cmdline=cmdline)
    assert re.findall(outcomes, under.text, re.M) == expected


# What fails the guest's own checks on the bare machine passes them under notrap: QEMU sets A in the
# PDPTEs of PAE, and qemu64 takes 64-bit tables with reserved bits set for good.
@pytest.mark.parametrize("model, name, mode", [
    (FIVE, "differ32", "pae"), ("EPYC", "differ32", "pae"), ("Opteron_G5", "differ32", "pae"),
    ("qemu64,+svm", "differ32", "pae"), ("qemu64,+svm", "differ", "64")])
def test_differential_beyond_the_emulator(passes, model, name, mode):
    machine = boots.machine("qemu-tcg", model, MEMORY)
    result = run_guest(machine, passes, name, cmdline=f"seeds={SEEDS} mode={mode}")
    assert result.number(r"^differ: (\d+) checks, 0 failures$") > 2500 * SEEDS


# One of Bochs', which takes two or three times as long for it: the one without next-RIP.
@pytest.mark.parametrize("svm", MACHINES if SOAK else MACHINES[:5], indirect=True, ids="-".join)
def test_linux(svm, passes):
    result = passes(linux.run_notrap(svm, "audit=4096"))
    assert result.powered_off
    assert result.find(r"^notrap: bypass off: this CPU cannot filter page faults")
    assert linux.workloads(result)
    counters = result.counters
    assert counters["pf_guest_fast"] > 0.5 * counters["pf_guest_notpresent"]


def test_fast_path(passes):
    """Every not-present fault exits; the guest's own are told by the error code alone.

    The same on other machines: test_compare.py.
    """
    results = bench.run_all(boots.machine("bochs", BOCHS[0], MEMORY))
    native, off, on = (passes(results[name]) for name in bench.RUNS)
    phases = [run.phases["skip_fault"] for run in (native, off, on)]
    assert [phase["faults"] for phase in phases] == [2048] * 3
    assert phases[1]["exits"] >= 2048 and phases[2]["exits"] >= 2048
    assert off.counters["pf_guest_fast"] == 0
    assert on.counters["pf_guest_fast"] >= 2 * 2048
    for counters in (off.counters, on.counters):
        assert counters["pf_guest"] == counters["pf_guest_counted"]
    assert per_op(phases[2], "ticks") <= 310
