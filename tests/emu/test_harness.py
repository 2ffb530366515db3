# SPDX-License-Identifier: MIT
"""The harness itself: each of its verdicts comes from text, and none from an exit code."""
import re
import subprocess
import sys
import time

import pytest

from tests.emu import boots, emulators, machine
from tests.emu.boot import Boot
from tests.emu.result import FAIL, PASS, TIMEOUT, Result
from tests.emu.qemu import Qemu


@pytest.fixture(params=["bochs", "qemu-tcg"])
def any_machine(request):
    return boots.machine(request.param)


def test_bare_guest_passes_and_powers_off(any_machine, passes):
    result = passes(any_machine.run(Boot(boots.BENCH, "phases=demand n=512"), boots.bare_expect()))
    assert result.powered_off
    assert list(result.phases) == ["demand"]


def test_a_missing_line_fails(any_machine):
    result = any_machine.run(Boot(boots.BENCH, "phases=demand"),
                             boots.bare_expect(need=[r"^no guest says this$"]))
    assert result.verdict == FAIL
    assert "no guest says this" in result.reason


def test_a_guest_that_fails(any_machine):
    result = any_machine.run(Boot(boots.BENCH, "phases=nosuch"), boots.bare_expect())
    assert result.verdict == FAIL
    assert result.reason.startswith("said: guest: fail")


def test_time_out(any_machine, tmp_path):
    from tests.emu.images import elf32
    kernel = elf32(tmp_path / "halt.elf", 0x100000, 4096)
    result = any_machine.run(Boot(kernel, protocol="multiboot"), boots.bare_expect(), limit=2)
    assert result.verdict == TIMEOUT


@pytest.mark.parametrize("code, why", [
    ("faf4ebfd", r"^asleep: silent for 20 s, without work$"),  # CLI, HLT
    ("ebfe", r"^silent for 3 s of CPU time$"),                 # a loop
])
def test_a_silent_machine_hangs(tmp_path, monkeypatch, code, why):
    """Long before its limit, by the clock that fits it."""
    from tests.emu.images import elf32
    monkeypatch.setattr("tests.emu.machine.SILENCE", 3)
    kernel = elf32(tmp_path / "hang.elf", 0x100000, 4096, bytes.fromhex(code))
    result = Qemu("tcg").run(Boot(kernel, protocol="multiboot"), boots.bare_expect(), limit=6)
    assert result.verdict == TIMEOUT
    assert re.match(why, result.reason), result.reason


@pytest.mark.parametrize("ran, waited, hangs", [
    (machine.SILENCE_MAX + 1, 0, True), (machine.SILENCE_MAX - 1, 10_000, False),
    (1, 10_000, False)])
def test_silence_is_time_that_the_emulator_had(monkeypatch, ran, waited, hangs):
    """What it waits for a CPU, on a busy machine, is not its own; however long its limit is."""
    monkeypatch.setattr(machine, "cpu_seconds", lambda pid: {"one": (0, 0)})
    silence = machine.Silence(0, 10_000)
    monkeypatch.setattr(machine, "cpu_seconds", lambda pid: {"one": (ran, waited)})
    assert bool(silence.reason()) == hangs


# It has work all the time.
WORKER = """
import threading, time
def work(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end: pass
thread = threading.Thread(target=work, args=(4,))
thread.start()
print("started", flush=True)
thread.join()
print("ended", flush=True)
work(60)
"""


def test_a_thread_that_ends_takes_no_work_back(monkeypatch):
    """QEMU's that read a disk end when there is nothing to read."""
    monkeypatch.setattr(machine, "ASLEEP", 1)
    with subprocess.Popen([sys.executable, "-c", WORKER], stdout=subprocess.PIPE) as worker:
        assert worker.stdout.readline() == b"started\n"
        time.sleep(3)
        silence = machine.Silence(worker.pid, 10_000)
        assert worker.stdout.readline() == b"ended\n"
        time.sleep(2)
        reason = silence.reason()
        worker.kill()
    assert reason is None


def test_a_dead_emulator_is_named():
    """What it said last is in the reason."""
    result = Qemu("tcg", "max,nosuch=1").run(Boot(boots.BENCH), boots.bare_expect())
    assert result.verdict == FAIL
    assert re.search(r"; the emulator's last line: .*nosuch", result.reason), result.reason


def test_triple_fault_is_no_pass(any_machine, tmp_path):
    """QEMU exits with 0 then: what a pass by exit code would be. Bochs 3.1 just stops."""
    from tests.emu.images import elf32
    # LIDT of an empty table, INT3.
    code = bytes.fromhex("0f011d 20001000 cc".replace(" ", "")).ljust(0x14, b"\0") + bytes(8)
    kernel = elf32(tmp_path / "triple.elf", 0x100000, 4096, code)
    result = any_machine.run(Boot(kernel, protocol="multiboot"), boots.bare_expect(), limit=20)
    stops = any_machine.name == "bochs" and \
        emulators.version(any_machine.program, any_machine.release) >= (3, 1)
    assert result.verdict == (TIMEOUT if stops else FAIL)
    assert not result.powered_off
    assert result.host_notes


def test_grub_errors_fail(any_machine, tmp_path):
    from tests.emu.images import noise
    result = any_machine.run(Boot(noise(tmp_path / "noise", 5000)), boots.bare_expect(), limit=20)
    assert result.verdict == FAIL
    assert result.reason.startswith("said: error:")


def test_linux_runs_bare_on_qemu(passes):
    result = passes(Qemu("tcg").run(boots.linux_bare("quiet"), boots.linux_bare_expect(),
                                    boots.LINUX_LIMIT))
    assert result.powered_off


def test_counters_are_parsed_from_the_last_whole_report():
    text = ("notrap: counters begin\nnotrap: exits = 1\nnotrap: counters end\n"
            "notrap: counters begin\nnotrap: exits = 2\nnotrap: pf_guest = 0\n"
            "notrap: counters end\nnotrap: counters begin\nnotrap: exits = 3\n")
    assert Result(PASS, "", text, 0).counters == {"exits": 2, "pf_guest": 0}


def test_an_exit_that_is_too_long_fails(any_machine):
    report = "notrap: counters begin\nnotrap: exit_longest = {}\nnotrap: counters end\n"
    for ticks, verdict in ((machine.EXIT_MAX, PASS), (machine.EXIT_MAX + 1, FAIL)):
        result, before = Result(PASS, "", report.format(ticks), 0), machine.longest_exit
        machine.judge_longest_exit(any_machine, Boot(boots.BENCH), result)
        machine.longest_exit = before
        assert result.verdict == verdict
