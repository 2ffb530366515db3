# SPDX-License-Identifier: MIT
"""What `make compare` says: shadow paging, the bypass and nested paging beside the bare machine."""
import pytest

from tests.emu import bench, boots, counts, ways
from tests.emu.bench import NATIVE, per_op
from tests.emu.result import FAIL, PASS, Result

OFF, ON = ways.SHADOW
PAGES = 2048
# What the CPU cannot do without an exit on any kind of page tables.
EXITS = {"null_exit": 1}
# 2 MiB each: the guest's memory, its image, its stack, and room for the last two to lie apart.
FILLS = PAGES // 512 + 8


# One machine's tests stay in one process, or each process would boot all of its runs again.
MACHINES = [pytest.param(machine, id=str(machine), marks=pytest.mark.xdist_group(str(machine)))
            for machine in ways.machines()]


@pytest.fixture(scope="module", params=MACHINES)
def paged(request):
    """(machine, {heading: Result})"""
    machine = request.param
    results = ways.run_paging([machine])[machine]
    for name, result in results.items():
        assert result.passed, f"{name}: {result.explain()}"
    return machine, results


def test_all_do_the_same_work(paged):
    native = paged[1][NATIVE].phases
    assert len(native) >= 16
    for name, result in paged[1].items():
        assert list(result.phases) == list(native), name
        for phase, bare in native.items():
            other = result.phases[phase]
            assert (other["ops"], other["faults"]) == (bare["ops"], bare["faults"]), (name, phase)


def test_nested_paging_takes_no_exits(paged):
    """Nor a tick more than the bare machine: an emulator charges nothing for the longer walks."""
    native, nested = (paged[1][name].phases for name in (NATIVE, ways.NESTED))
    for name, phase in nested.items():
        gps = ways.gp_exits(paged[0], name)
        assert phase["exits"] == EXITS.get(name, 0) * phase["ops"] + gps, name
        if name not in EXITS and not gps:
            assert phase["ticks"] == native[name]["ticks"], name


def test_nested_paging_sees_no_fault_of_the_guest(paged):
    counters = paged[1][ways.NESTED].counters
    for name in ("exits_pf", "exits_cr3_write", "exits_invlpg", "pf_taken", "pf_guest"):
        assert counters[name] == 0, name
    assert 0 < counters["exits_npf"] <= FILLS
    assert counters["pf_bypassed"] == counters["pf_guest_counted"] > 0


def test_the_bypass_is_intels(paged):
    machine, results = paged
    off, on = (results[name].phases for name in (OFF, ON))
    assert per_op(off["skip_fault"], "exits") == 1
    exits = counts.own_exits(machine, "", "demand", off["demand"]) / off["demand"]["ops"]
    assert 1.99 <= exits <= 2.01
    if machine.nested == "ept":
        assert on["skip_fault"]["exits"] == 0
        assert on["skip_fault"]["ticks"] == results[NATIVE].phases["skip_fault"]["ticks"]
        assert per_op(on["demand"], "exits") <= 1.01
    else:
        # It has no filter: the fault exits, and is told by the error code alone.
        assert on["skip_fault"]["exits"] == off["skip_fault"]["exits"]
        assert on["skip_fault"]["ticks"] < 0.8 * off["skip_fault"]["ticks"]
        assert on["demand"]["exits"] == off["demand"]["exits"]


def test_the_table_is_whole(paged):
    """All phases of each machine, and each number where its heading says."""
    machine, results = paged
    lines = ways.table({machine: results}).splitlines()
    assert f"{ways.VENDORS[machine.nested]}: {machine}, mmu={machine.nested}" in lines
    rows = {line.split()[0]: line.split()[1:] for line in lines[-len(results[NATIVE].phases):]}
    assert list(rows) == list(results[NATIVE].phases)
    for name, cells in rows.items():
        expected = [per_op(results[NATIVE].phases[name], "ticks")]
        for way in (OFF, ON, ways.NESTED):
            phase = results[way].phases[name]
            expected += [per_op(phase, "exits"), per_op(phase, "ticks")]
        assert cells == [bench.number(value) for value in expected], name


@pytest.mark.parametrize("bad", [None, NATIVE, OFF, ways.NESTED])
def test_one_failed_run_fails_all(monkeypatch, capsys, bad):
    machine = boots.machine("bochs")
    text = "bench: demand ops=1 ticks=2 exits=3 faults=4\n"

    def run(_machine, way, _options):
        name = next(name for name, one in ways.paging(machine).items() if one == way)
        return Result(FAIL if name == bad else PASS, "reason", text, 0)

    monkeypatch.setattr(bench, "run", run)
    assert ways.compare_paging([machine]) == (1 if bad else 0)
    said = capsys.readouterr().out
    assert ("phase (per operation)" in said) == (bad is None)
    assert (f"{machine} {bad}: fail: reason" in said) == (bad is not None)
