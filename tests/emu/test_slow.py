# SPDX-License-Identifier: MIT
"""Page tables that would make one exit long: each stays under its bound, and nothing is lost."""
import pytest

from tests.emu import boots
from tests.emu.boot import Boot, Module
from tests.emu.guests import elf
from tests.emu.machine import EXIT_MAX
from tests.emu.matrix import SOAK

GUEST = elf("slow")
LIMIT = 300
MODELS = ["broadwell_ult", "ryzen"]
OPTIONS = ["", "sync=always", "sync=never", "trap=structural", "trap=structural sync=never"]
# make soak runs all of these on both; and 2048 and 8000 tables.
RUNS = [(m, o) for m in MODELS for o in OPTIONS] if SOAK else [
    ("broadwell_ult", ""), ("broadwell_ult", "trap=structural sync=never"), ("ryzen", "sync=never")]
TABLES = [2048, 8000] if SOAK else [256]
# Of these many tables; with more of them no exit is longer.
NR = 256 if SOAK else 96

# The same in 32-bit code, with either kind of tables.
GUEST32 = elf("slow32")
RUNS32 = [(m, o, f"{k}n={n}") for m in MODELS for o in OPTIONS
          for k, n in (("", 256), ("pae=1 ", 512))] if SOAK else [
    ("broadwell_ult", "", "n=64"), ("ryzen", "trap=structural sync=never", "n=64"),
    ("broadwell_ult", "trap=structural sync=never", "pae=1 n=64"), ("ryzen", "", "pae=1 n=64")]


def longest(result):
    assert result.counters["mmu_shadow_new"] > 0
    return result.counters["exit_longest"]


def test_bare(machine, passes):
    passes(machine("broadwell_ult").run(Boot(GUEST, "n=64"), boots.bare_expect(), LIMIT))


@pytest.mark.parametrize("model, options", RUNS)
def test_every_exit_is_bounded(machine, passes, model, options):
    """The harness fails a run with a longer exit by itself."""
    result = passes(machine(model).run(
        boots.notrap(options, [Module(GUEST, f"n={NR}")]), boots.guest_expect(), LIMIT))
    assert 0 < longest(result) <= EXIT_MAX


@pytest.mark.parametrize("cmdline", ["n=16", "pae=1 n=16"])
def test_bare_32(machine, passes, cmdline):
    passes(machine("broadwell_ult").run(Boot(GUEST32, cmdline), boots.bare_expect(), LIMIT))


@pytest.mark.parametrize("model, options, cmdline", RUNS32)
def test_every_exit_is_bounded_32(machine, passes, model, options, cmdline):
    result = passes(machine(model).run(
        boots.notrap(options, [Module(GUEST32, cmdline)]), boots.guest_expect(), LIMIT * 2))
    assert 0 < longest(result) <= EXIT_MAX


@pytest.mark.parametrize("n", TABLES)
def test_with_much_memory(machine, passes, n):
    """More tables: there is room for them, and it is not what the time of an exit depends on."""
    result = passes(machine("broadwell_ult", memory=2048).run(
        boots.notrap("", [Module(GUEST, f"n={n}")]), boots.guest_expect(), LIMIT * 4))
    assert 0 < longest(result) <= EXIT_MAX


def test_audited(machine, passes):
    """The invariants hold in the middle of it."""
    options = "audit=512"
    result = passes(machine("broadwell_ult").run(
        boots.notrap(options, [Module(GUEST, "n=24")]), boots.guest_expect(),
        boots.limit(LIMIT, options)))
    assert boots.audited(result, options)
