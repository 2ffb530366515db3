# SPDX-License-Identifier: MIT
"""The built-in guest's promises: what a fault costs, and what the counters say about it."""
import pytest

from tests.emu import bench
from tests.emu.bench import per_op

MODELS = ["core2_penryn_t9600", "corei7_skylake_x", "tigerlake"]
PAGES = 2048


# One model's tests stay in one process, or each process would boot all three runs again.
GROUPED = [pytest.param(model, marks=pytest.mark.xdist_group(f"bochs:{model}")) for model in MODELS]


@pytest.fixture(scope="module", params=GROUPED)
def runs(request, machine):
    results = bench.run_all(machine(request.param))
    for name, result in results.items():
        assert result.passed, f"{name}: {result.explain()}"
    native, off, on = (results[name] for name in bench.RUNS)
    return {"native": native, "off": off, "on": on}


def test_every_phase_is_in_every_run(runs):
    names = list(runs["native"].phases)
    assert len(names) >= 16
    assert list(runs["off"].phases) == names
    assert list(runs["on"].phases) == names


def test_operations_and_faults_are_the_same_everywhere(runs):
    for name, phase in runs["native"].phases.items():
        for way in ("off", "on"):
            other = runs[way].phases[name]
            assert (other["ops"], other["faults"]) == (phase["ops"], phase["faults"]), name


def test_skipped_faults_are_free_with_the_bypass(runs):
    on, native = runs["on"].phases["skip_fault"], runs["native"].phases["skip_fault"]
    assert on["faults"] == PAGES
    assert on["exits"] == 0
    assert per_op(on, "ticks") <= per_op(native, "ticks") + 1


def test_skipped_faults_exit_without_the_bypass(runs):
    assert runs["off"].phases["skip_fault"]["exits"] >= PAGES


def test_demand_paging_exits_once_with_the_bypass(runs):
    on, off = runs["on"].phases["demand"], runs["off"].phases["demand"]
    assert per_op(on, "exits") <= 1.01
    assert per_op(off, "exits") >= per_op(on, "exits") + 0.99


def test_a_users_copy_on_write_exits_once(runs):
    """For the write to the table: the fault itself stays in the guest.

    A table that was shut for want of time is brought back once; four faults may choose the filter.
    """
    on, off = runs["on"].phases["cow_user"], runs["off"].phases["cow_user"]
    assert PAGES <= on["exits"] <= PAGES + 5
    assert 2 * PAGES <= off["exits"] <= 2 * PAGES + 1
    counters = runs["on"].counters
    assert counters["filter_user_exits"] >= on["exits"]
    assert runs["off"].counters["filter_all_exits"] == runs["off"].counters["exits"]


def test_bypassed_faults_are_counted_right(runs):
    for way in ("on", "off"):
        counters = runs[way].counters
        # The guest's own count; what it printed are the second passes of two.
        printed = sum(phase["faults"] for phase in runs[way].phases.values())
        assert counters["pf_guest_counted"] == 2 * printed
        assert counters["pf_bypassed"] == counters["pf_guest_counted"] - counters["pf_guest"]
    assert runs["off"].counters["pf_bypassed"] == 0
    # Not none: a table that is being flooded holds no notrap entries.
    assert (runs["on"].counters["pf_guest_notpresent"] <=
            0.05 * runs["off"].counters["pf_guest_notpresent"])
    assert runs["on"].counters["pf_bypassed"] >= 2 * PAGES


def test_counters_add_up(runs):
    for way in ("on", "off"):
        c = runs[way].counters
        assert c["exits"] == sum(n for name, n in c.items() if name.startswith("exits_"))
        assert c["exits"] == sum(n for name, n in c.items()
                                 if name.startswith("filter_") and name.endswith("_exits"))
        assert c["exits_pf"] == c["pf_taken"]
        assert c["pf_taken"] == (c["pf_guest"] + c["pf_fixed"] + c["pf_emulate"] +
                                 c["pf_spurious"])
        assert c["pf_guest"] == c["pf_guest_notpresent"] + c["pf_guest_protection"]


def test_machine_ends_cleanly(runs):
    assert runs["off"].powered_off and runs["on"].powered_off
