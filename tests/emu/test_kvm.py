# SPDX-License-Identifier: MIT
"""The peer of `make bench-kvm`: KVM in Bochs, and the VMM that runs a guest on it."""
import subprocess

import pytest

from tests.emu import bench, boots, kvm, machine, suite
from tests.emu.bochs import Bochs
from tests.emu.boot import Boot
from tests.emu.emulators import HostError
from tests.emu.images import cut, elf32, noise
from tests.emu.result import FAIL, PASS, Result

VMM = f"{boots.BUILD}/kvm/vmm"
PHASES = "phases=null_exit,skip_fault,demand,clear_invlpg,cow n=512"


def built_in(model, ept):
    return kvm.run(Bochs(model), ept, Boot(boots.BENCH, PHASES), boots.bare_expect(), suite.LIMIT)


# A CPUID exits everywhere. On shadow tables KVM injects a fault (one exit); what the handler wrote
# to the guest's table is found at the next access (another one). EPT leaves all to the CPU.
@pytest.mark.parametrize("ept, exits", [
    ("0", {"null_exit": 1, "skip_fault": 1, "demand": 2, "clear_invlpg": 1, "cow": 2}),
    ("1", {"null_exit": 1, "skip_fault": 0, "demand": 0, "clear_invlpg": 0, "cow": 0})])
def test_the_built_in_guest(passes, ept, exits):
    result = passes(built_in("broadwell_ult", ept))
    found = {name: bench.per_op(phase, "exits") for name, phase in result.phases.items()}
    assert found == {name: pytest.approx(value, abs=0.01) for name, value in exits.items()}
    # The port tells what KVM's own statistics say.
    counters = result.counters
    assert counters["exits"] > counters["io_exits"] > 0
    assert counters["exits"] - counters["io_exits"] >= 512 * sum(exits.values())
    null, skip = (bench.per_op(result.phases[name], "ticks")
                  for name in ("null_exit", "skip_fault"))
    assert null > 100
    assert (skip > null) == (ept == "0")


def test_linux_is_counted_too(passes):
    """Exits of user mode's, by the port; and the way to /init."""
    result = passes(suite.run(Bochs("broadwell_ult"), "KVM ept=0", "0", boots.Kernel(), ""))
    found = suite.figures_of(result, True)
    assert list(found)[0] == suite.BOOT
    ticks, exits, _ = found[suite.BOOT]
    assert ticks > 100_000_000 and exits > 1000
    ticks, exits, _ = found["segv"]
    assert ticks > 1000 and exits == pytest.approx(1, abs=0.1)


def test_a_cpu_without_ept_is_refused():
    """The module would do without, and the figures would be those of ept=0."""
    result = built_in("core2_penryn_t9600", "1")
    assert (result.verdict, result.reason) == (FAIL, "said: kvm: error: this CPU has no EPT")


def test_a_guest_that_dies_is_named(tmp_path):
    """LIDT of an empty table, INT3."""
    code = bytes.fromhex("0f011d20001000cc").ljust(0x14, b"\0") + bytes(8)
    kernel = elf32(tmp_path / "triple.elf", 0x100000, 4096, code)
    result = kvm.run(Bochs("broadwell_ult"), "0", Boot(kernel), boots.bare_expect(), suite.LIMIT)
    assert result.verdict == FAIL
    assert result.reason == "said: kvm: error: the guest has shut down: a triple fault"


def said(*argv):
    """What the VMM says where it is not started as it should be: one line."""
    run = subprocess.run([VMM, *argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20,
                         encoding="utf-8", check=False)
    assert run.returncode == 1
    assert run.stdout.count("\n") == 1
    return run.stdout.removeprefix("kvm: error: ").rstrip()


@pytest.mark.parametrize("memory", ["", "256M", "15", "3073", "-1"])
def test_a_wrong_size_of_memory(memory):
    assert said(memory, "", boots.BENCH) == f'memory of "{memory}" MiB is not from 16 to 3072'


def test_wrong_files(tmp_path):
    vmlinuz, initramfs = boots.linux_files()
    short = cut(vmlinuz, tmp_path / "short", 8192)
    other = noise(tmp_path / "noise", 5000)
    low = elf32(tmp_path / "low.elf", 0x8000, 4096)
    far = elf32(tmp_path / "far.elf", 0x10000000, 4096)
    neither = "is neither Linux' bzImage nor a multiboot ELF without modules"
    assert said() == said("64") == "usage: vmm MIB COMMAND-LINE KERNEL [INITRD]"
    assert said("64", "", "/none") == "/none: No such file or directory"
    assert said("64", "", other) == f"{other} {neither}"
    assert said("64", "", boots.BENCH, initramfs) == f"{boots.BENCH} {neither}"
    assert said("64", "", short) == f"{short}: a kernel older than Linux 2.6.31, or cut short"
    assert said("64", "", low) == f"{low}: a segment is out of bounds"
    assert said("64", "", far) == f"{far} does not fit into 64 MiB"
    assert said("16", "", vmlinuz) == f"{vmlinuz} does not fit into 16 MiB"
    assert said("256", "", vmlinuz, "/none") == "/none: No such file or directory"
    assert said("64", "x" * 2048, boots.BENCH) == "the command line is longer than 2047 characters"


def test_other_machines_are_refused():
    for other in (Bochs("ryzen"), boots.machine("qemu-tcg")):
        with pytest.raises(HostError, match=r"^KVM is measured on Bochs' VMX, not on .*: HOST="):
            suite.measure(other, peer=True)


def test_ways_and_guests_are_chosen():
    there = suite.ways(Bochs(), peer=True)
    assert list(suite.chosen_of("WAYS", there, "")) == list(there)
    assert list(suite.chosen_of("WAYS", there, "KVM ept=0; bypass on", ("native",))) == [
        "native", "bypass on", "KVM ept=0"]
    assert set(kvm.WAYS) & set(suite.ways(Bochs())) == set()
    for names in ("bypass", "bypass on,bypass off", "native;"):
        with pytest.raises(HostError, match=r'^WAYS: ".*" is none of: native; bypass off; '):
            suite.chosen_of("WAYS", there, names)
    linux = suite.chosen_of("BENCH_GUESTS", suite.GUESTS, "linux; linux, default mitigations")
    assert list(suite.boots_of(linux, dict.fromkeys(("native", "sync=never")))) == [
        ("linux", "native"), ("linux", "sync=never"), ("linux, default mitigations", "native")]


def test_a_long_workload_may_be_silent(monkeypatch):
    """alloc-1g says nothing for longer than other runs may; bare, under notrap and under KVM."""
    seen = []

    def run(_machine, _boot, expect, limit, *_):
        seen.append((expect.silence, limit))

    monkeypatch.setattr(Bochs, "run", run)
    for bench_too, silence in ((False, 0), (True, suite.LIMIT)):
        kernel = boots.Kernel(bench=bench_too)
        for name, way in (("native", None), ("bypass on", ""), ("KVM ept=0", "0")):
            suite.run(Bochs(), name, way, kernel, "")
            assert seen.pop() == (silence, suite.LIMIT)
    most = machine.SILENCE_MAX
    assert machine.Silence(0, suite.LIMIT).limit == most < suite.LIMIT / 2
    assert machine.Silence(0, suite.LIMIT, suite.LIMIT).limit == suite.LIMIT / 2


def test_the_peer_is_in_table_csv_and_chart(tmp_path, monkeypatch, capsys):
    """From what runs print to the three."""
    def run(_machine, name, way, kernel, _options):
        many = {"native": 10, "KVM ept=0": 35, "KVM ept=1": 11}[name]
        if kernel is None:
            text = f"bench: demand ops=1 ticks={many} exits=2 faults=4\n"
        else:
            text = (f"kvm: guest entry tsc = 100\nlinux: init tsc = {100 + many}\n"
                    "linux: init exits = 7\n"
                    f"linux: fork ok ops=1 ticks_per_op={many}\nlinux: fork exits_per_op=3.00\n")
        return Result(PASS, "", text, 0)

    monkeypatch.setattr(suite, "run", run)
    monkeypatch.setattr(suite, "DIRECTORY", str(tmp_path))
    assert suite.measure(Bochs(), peer=True, way_names="KVM ept=0; KVM ept=1") == 0
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["demand", "10", "2", "35", "2", "11"] in printed
    assert ["fork", "10", "3", "3.50", "3", "1.10"] in printed
    lines = (tmp_path / "bench.csv").read_text().splitlines()
    assert "built-in,demand,KVM ept=0,35.0,2.0,4.0" in lines
    assert "linux,boot to /init,KVM ept=1,11,7," in lines
    assert "linux,fork,KVM ept=0,35,3.0," in lines
    assert (tmp_path / "chart.dat").read_text().splitlines() == [
        "workload\tKVM ept=0\tKVM ept=1", "boot to /init\t3.5000\t1.1000", "fork\t3.5000\t1.1000"]
    assert "KVM ept=0" in (tmp_path / "bench.svg").read_text()
