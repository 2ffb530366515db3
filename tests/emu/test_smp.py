# SPDX-License-Identifier: MIT
"""Machines with several CPUs: the guest has one, and can reach no other."""
import itertools
import re
from dataclasses import dataclass

import pytest

from tests.emu import boot as boot_module
from tests.emu import boots, linux, matrix
from tests.emu.boot import Boot, Module
from tests.emu.efi import QemuEfi
from tests.emu.guests import elf
from tests.emu.matrix import SOAK
from tests.emu.qemu import Qemu
from tests.emu.result import Expect

SMP = elf("smp")
MODELS = ["core2_penryn_t9600", "corei7_skylake_x"]
MANY = list(itertools.product(MODELS, (2, 4))) if SOAK else [(MODELS[0], 4), (MODELS[1], 2)]


def parked(cpus):
    number = f"{cpus - 1} CPU" + ("s" if cpus > 2 else "")
    return rf"^notrap: {number} parked; the guest has one, and finds no other in the ACPI tables$"


@pytest.mark.parametrize("model, cpus", MANY)
def test_other_cpus_can_be_started_on_the_bare_machine(machine, passes, model, cpus):
    """That is, the guest's attempts are sound."""
    passes(machine(model, cpus=cpus).run(
        Boot(SMP, f"cpus={cpus}"),
        boots.bare_expect([rf"^smp: xAPIC: other CPUs have run guest code {2 * cpus - 2} times$"])))


@pytest.mark.parametrize("model, cpus", MANY)
@pytest.mark.parametrize("options", matrix.also(""))
def test_other_cpus_cannot_be_started_under_notrap(machine, passes, options, model, cpus):
    result = passes(machine(model, cpus=cpus).run(
        boots.notrap(options, [Module(SMP, f"cpus={cpus}")]), boots.guest_expect([parked(cpus)])))
    # One NMI to each, one to all, three times over in each mode of the APIC.
    modes = len(re.findall(r"^smp: x2?APIC: .* 0 times$", result.text, re.M))
    assert modes == (1 if "penryn" in model else 2)
    nmis = result.number(r"^notrap: parked CPUs: (\d+) NMIs, 0 machine checks ignored$")
    assert nmis == 6 * modes * (cpus - 1)


SVM = [("bochs", "ryzen", 2), ("qemu-tcg", "max", 2), ("qemu-tcg", "max", 4)]
DROPPED = r"^notrap: the guest asks for INIT, SMI or a start-up IPI \([0-9a-f]+\): dropped$"
RESETS = r"^notrap: INIT resets a CPU here that is parked or runs a guest: .*"


@pytest.mark.parametrize("host, model, cpus", SVM)
@pytest.mark.parametrize("options", matrix.also("", "mmu=npt"))
def test_other_cpus_cannot_be_started_under_svm(passes, host, model, cpus, options):
    """QEMU's INIT resets whatever it meets, so that the guest's is dropped there, with a line."""
    words = 4 if host == "qemu-tcg" else 1
    result = passes(boots.machine(host, model, cpus=cpus).run(
        boots.notrap(options, [Module(SMP, f"cpus={cpus} words={words}")]),
        boots.guest_expect([parked(cpus)])))
    assert result.find(r"^smp: xAPIC: other CPUs have run guest code 0 times$")
    lines = [len(re.findall(line, result.text, re.M)) for line in (RESETS, DROPPED)]
    assert lines == ([1, 1] if host == "qemu-tcg" else [0, 0])


@pytest.mark.parametrize("options", matrix.also("", "mmu=npt"))
@pytest.mark.parametrize("own", [1, 2, 3])
def test_qemu_does_not_reset_the_only_cpu(passes, own, options):
    """By an IPI, by the I/O APIC; nor has it SMIs, by the local timer."""
    result = passes(boots.machine("qemu-tcg", "max").run(
        boots.notrap(options, [Module(SMP, f"own={own}")]), boots.guest_expect()))
    assert result.find(RESETS) and result.find(DROPPED)


SMBASE = f"{boots.BUILD}/tests/guests/smbase.elf"


@pytest.mark.parametrize("model, cpus", [("broadwell_ult", 2), ("broadwell_ult", 4), ("ryzen", 2)])
def test_smis_run_code_in_ram_on_the_bare_machine(machine, passes, model, cpus):
    """That is, the guest's attempts are sound."""
    passes(machine(model, cpus=cpus).run(Boot(SMBASE, f"cpus={cpus}"), boots.bare_expect(
        [rf"^smbase: xAPIC: code in RAM has run in SMM {2 if cpus == 2 else cpus - 1} times$"])))


@pytest.mark.parametrize("host, model, cpus", [
    ("bochs", "broadwell_ult", 2), ("bochs", "broadwell_ult", 4),
    ("bochs", "core2_penryn_t9600", 2), *SVM])
@pytest.mark.parametrize("options", matrix.also(""))
def test_smis_run_no_code_of_the_guests(passes, options, host, model, cpus):
    """The firmware of these machines moves the boot CPU's SMM base alone."""
    result = passes(boots.machine(host, model, cpus=cpus).run(
        boots.notrap(options, [Module(SMBASE, f"cpus={cpus}")]),
        boots.guest_expect([parked(cpus)])))
    number = f"{cpus - 1} CPU" + ("s" if cpus > 2 else "")
    assert len(re.findall(rf"^notrap: the firmware left the SMM base of {number} at 30000h, in the "
                          r"guest's RAM: moved, .*", result.text, re.M)) == 1
    # While GIF is clear NMIs wait.
    if host == "bochs" and model != "ryzen":
        modes = len(re.findall(r"^smbase: x2?APIC: .* 0 times$", result.text, re.M))
        assert result.number(r"^notrap: parked CPUs: (\d+) NMIs, 0 ") == modes * (cpus - 1)


def test_a_moved_smm_base_is_left_alone(machine, passes):
    result = passes(machine(MODELS[1]).run(boots.notrap(modules=[Module(SMBASE)]),
                                           boots.guest_expect()))
    assert "SMM base" not in result.text


# Where the BIOS of Bochs puts the MADT on a machine with two CPUs and 256 MiB, and what is in it.
MADT = 0xfff0f80
SUM_AT, SUM = MADT + 9, 0xba
SECOND = MADT + 44 + 8  # the entry for the second CPU


@dataclass
class Patched(Boot):
    """A boot before which GRUB changes a byte of the MADT, checksum mended."""

    at: int = 0
    old: int = 0
    new: int = 0

    def grub_lines(self, name):
        total = (SUM + self.old - self.new) & 0xff
        return [f"read_dword {MADT:#x}", f"write_byte {self.at:#x} {self.new:#x}",
                f"write_byte {SUM_AT:#x} {total:#x}"] + super().grub_lines(name)


@pytest.fixture
def patched(machine, monkeypatch):
    def run(at, old, new, expect):
        monkeypatch.setattr(boot_module, "GRUB_MODULES", f"{boot_module.GRUB_MODULES} memrw")
        result = machine(MODELS[1], cpus=2).run(
            Patched(boots.NOTRAP, modules=[Module(SMP, "cpus=2")], at=at, old=old, new=new), expect)
        assert result.find(r"^0x43495041$"), "the MADT is somewhere else: " + result.text
        return result
    return run


def test_a_cpu_that_is_not_listed_is_parked_too(passes, patched):
    passes(patched(SECOND + 4, 1, 0, boots.guest_expect([parked(2)])))


def test_a_cpu_that_does_not_start_ends_it(passes, patched):
    """The second CPU's local APIC ID becomes 7, which is nobody's."""
    result = passes(patched(SECOND + 3, 1, 7, boots.error_expect(
        r"^notrap: error: 1 of the CPUs that the firmware lists, one with local APIC ID 7, did not "
        r"start: .*")))
    assert result.text.count("notrap: error:") == 1
    assert "smp:" not in result.text


def test_one_cpu_has_nothing_to_park(machine, passes):
    result = passes(machine(MODELS[1]).run(boots.notrap(modules=[Module(SMP)]),
                                           boots.guest_expect()))
    assert "parked" not in result.text


@pytest.mark.parametrize("options", matrix.also(""))
def test_linux_finds_one_cpu(machine, passes, options):
    """And loses no time over the other: it says nothing of it."""
    result = passes(linux.run_notrap(machine("broadwell_ult", cpus=2), options))
    assert result.find(parked(2))
    assert result.number(r"^linux: cpus = (\d+)$") == 1
    assert result.find(r"^linux: cpus possible = 0$")
    assert not result.find(r"smpboot|do_boot_cpu|CPU1")
    assert result.powered_off


def smp_linux(firmware, chipset, options, arch):
    """Linux on two CPUs of QEMU's, under notrap; and bare."""
    # The BIOS's MP table has a package's first CPU alone.
    on = firmware("tcg", cpus="2,sockets=2", chipset=chipset)
    # Without ACPI there is no switching off.
    end = Expect(r"^notrap: (powering off|halted)$|reboot: (System halted|Power down)",
                 (r"^linux: self-check pass$",), boots.NEVER[1:] + (boots.PANIC,))
    for boot in (boots.notrap("", boots.linux_modules(options, arch)),
                 boots.linux_bare(options, arch)):
        yield on.run(boot, end, boots.LINUX_LIMIT)


# By UEFI's tables and by the MP table; SOAK=1: by the BIOS's ACPI as well.
PLUGS = [(QemuEfi, "q35", "", "amd64"), (Qemu, "pc", "acpi=off", "i686-pae")]
if matrix.SOAK:
    PLUGS += [(Qemu, "pc", "", "amd64"), (Qemu, "q35", "", "amd64")]


@pytest.mark.parametrize("firmware, chipset, options, arch", PLUGS)
def test_no_cpu_can_be_plugged_in(passes, firmware, chipset, options, arch):
    """Whatever the firmware's DSDT says; and by the MP table, where a kernel reads that."""
    under, bare = map(passes, smp_linux(firmware, chipset, options, arch))
    assert under.find(parked(2))
    assert not under.find(r"^notrap: its MP table is read-only")
    assert under.find(r"^linux: cpus possible = 0$")
    assert bare.find(r"^linux: cpus possible = 0-1$")


def test_linux_finds_two_cpus_on_the_bare_machine(machine, passes):
    result = passes(machine("broadwell_ult", cpus=2).run(
        boots.linux_bare("quiet"), boots.linux_bare_expect(), boots.LINUX_LIMIT))
    assert result.number(r"^linux: cpus = (\d+)$") == 2
