# SPDX-License-Identifier: MIT
"""The hybrid policy against the two pure ones, phase by phase, with the bypass on and off."""
import pytest

from tests.emu import bench, ways
from tests.emu.bench import per_op

# What it takes to notice a flood, for each table and flood.
NOTICE = 4
# Tables that one phase floods: its 2048 entries are in four.
TABLES = 4
# Phases that flood a table anew in each operation.
FLOODS_EACH = ("space", "fork", "mixed")


# With the tests that run the same: bench.run().
pytestmark = pytest.mark.xdist_group("bochs:corei7_skylake_x")


@pytest.fixture(scope="module", params=[0, 1], ids=["bypass0", "bypass1"])
def policies(request, machine):
    results = bench.run_all(machine("corei7_skylake_x"), f"bypass_guest_pf={request.param}",
                            ways.SYNC)
    for name, result in results.items():
        assert result.passed, f"{name}: {result.explain()}"
    phases = {name: result.phases for name, result in results.items()}
    return {**phases, "bypass": request.param}


def test_hybrid_is_as_good_as_the_better_one(policies):
    for name, phase in policies["hybrid"].items():
        best = min(policies[pure][name]["exits"] for pure in ("always", "never"))
        floods = phase["ops"] if name in FLOODS_EACH else TABLES
        assert phase["exits"] <= 1.02 * best + NOTICE * floods, name


def test_hybrid_beats_both_on_a_mix(policies):
    if not policies["bypass"]:
        # What a synced table saves is the exit of a fault, which only the bypass can save: beside
        # the floods that are noticed, hybrid is what `never` is.
        mixed = {name: policies[name]["mixed"] for name in ways.SYNC}
        assert mixed["hybrid"]["exits"] <= 0.75 * mixed["always"]["exits"]
        floods = TABLES * mixed["hybrid"]["ops"]
        assert mixed["hybrid"]["exits"] <= 1.02 * mixed["never"]["exits"] + floods
        return
    hybrid = per_op(policies["hybrid"]["mixed"], "exits")
    for pure in ("always", "never"):
        assert hybrid <= 0.75 * per_op(policies[pure]["mixed"], "exits"), pure


def test_the_pure_policies_are_what_they_say(policies):
    assert per_op(policies["always"]["bulk_clear"], "exits") >= 1
    assert per_op(policies["never"]["bulk_clear"], "exits") < 0.01
