# SPDX-License-Identifier: MIT
"""The chipset's ways past the CPU: suspend, warm starts, SMRAM, the A20 gate, PCI's registers.

Each guest tries them; on the bare machine what it tries works, where that can be shown.
"""
import re

import pytest

from tests.emu import boots, dma, matrix
from tests.emu.boot import Boot, Module
from tests.emu.guests import elf
from tests.emu.result import Expect

PC, Q35, BOCHS, RYZEN = "pc", "q35", "broadwell_ult", "ryzen"
LIMIT = 30
# Of a guest that has no options of its own.
WAYS = matrix.also("audit=64", audit=64)
NOBODY = r"^(sleep: awake|warm: started).*"


def host(name, **more):
    if name in (PC, Q35):
        return boots.machine("qemu-tcg", "max", chipset=name, **more)
    return boots.machine("bochs", name)


def run(machine, passes, name, cmdline="", options=WAYS[0], need=()):
    result = machine.run(boots.notrap(options, [Module(elf(name), cmdline)]),
                         boots.guest_expect(need), boots.limit(LIMIT, options))
    assert not result.find(NOBODY), result.explain()
    return passes(result)


def refused(result):
    """The PCI registers that were refused: one line each."""
    line = r"^notrap: the guest's write to register (\w+) of PCI (\S+) is refused"
    lines = re.findall(line, result.text, re.M)
    assert len(lines) == len(set(lines)), result.explain()
    return lines


@pytest.mark.parametrize("name", [PC, Q35])
@pytest.mark.parametrize("cmdline", ["", "moved=1"])
def test_sleep_is_sound(name, cmdline):
    """Without a hypervisor the guest sleeps, and wakes up in its own code."""
    result = host(name).run(Boot(elf("sleep"), cmdline), Expect(NOBODY), LIMIT)
    assert result.passed, result.explain()


@pytest.mark.parametrize("name", [PC, Q35, BOCHS] + [RYZEN] * matrix.SOAK)
@pytest.mark.parametrize("cmdline", ["", "moved=1"])
@pytest.mark.parametrize("options", WAYS)
def test_sleep(passes, options, name, cmdline):
    result = run(host(name), passes, "sleep", cmdline, options)
    assert len(re.findall("asks for sleep type 1", result.text)) == 1
    assert bool(cmdline) == bool(refused(result))


RESETS = {"keyboard": 1, "full": 2, "port92": 3, "soft": 4, "triple": 5, "output": 6, "wide": 7}


def restarts(machine, way):
    """The machine resets and comes up again through its firmware; -no-reboot is not asked for."""
    boot = boots.notrap("", [Module(elf("warm"), f"by={RESETS[way]}")])
    again = r"(?s)^warm: reset by way.*^notrap: resetting.*^notrap: notrap \d"
    fault = r"^notrap: (error|fatal): (?!the guest ended in a triple fault).*"
    result = machine.run(boot, Expect(again, (), (NOBODY, r"^guest: fail.*", fault)), LIMIT)
    assert result.passed, result.explain()


@pytest.mark.parametrize("way", RESETS)
def test_warm_start(way):
    restarts(host(BOCHS), way)


@pytest.mark.parametrize("name", [PC, Q35])
@pytest.mark.parametrize("way", ["keyboard", "full", "triple", "output"])
def test_restart(name, way):
    """Firmware that finds SMRAM locked, and comes up all the same."""
    restarts(host(name, reboot=True), way)


@pytest.mark.parametrize("name", [PC, BOCHS, RYZEN])
def test_letters_of_the_shutdown_port(name, passes):
    """A part of the word brings about nothing; the word ends Bochs alone."""
    cmdline = "end=1" if name == PC else "timed=1"
    result = run(host(name), passes, "shutdown", cmdline, options="")
    assert result.text.count("powering off") == 1
    assert not result.find("the guest switches the machine off")


@pytest.mark.parametrize("name", [BOCHS, RYZEN])
def test_shutdown_port(name):
    boot = boots.notrap("", [Module(elf("shutdown"), "end=1")])
    result = host(name).run(boot, Expect(
        r"^notrap: powering off$", (r"^shutdown: still here$", r"^notrap: counters end$",
                                    r"^notrap: the guest switches the machine off$"),
        boots.NEVER + (r"^guest: .*",)), LIMIT)
    assert result.passed, result.explain()
    assert any("Shutdown port" in note for note in result.host_notes)


# QEMU has a guest's intercepts reach into SMM, so that no SMI may come there: only Bochs has smi=1.
@pytest.mark.parametrize("name, options", [
    *((name, way) for name in (PC, Q35, BOCHS) for way in matrix.also("")), (BOCHS, "smi=1")])
def test_smram(passes, name, options):
    """With smi=1 the firmware's own handler runs, as it is locked in."""
    result = run(host(name), passes, "smram", options=options)
    assert result.find(r"^notrap: SMRAM was not locked: closed and locked now$")
    said = result.find(r"^notrap: the guest asks for SMI 42 by port b2: refused")
    assert bool(said) != ("smi=1" in options)


def test_smi_sources_is_sound():
    result = host(Q35).run(Boot(elf("tco"), "bare=1"), boots.bare_expect(), LIMIT)
    assert result.passed, result.explain()


@pytest.mark.parametrize("options", WAYS)
def test_smi_sources(passes, options):
    """What the firmware has left off stays off."""
    result = run(host(Q35), passes, "tco", options=options)
    assert result.find(r"^notrap: the guest enables SMIs .* \(20 at port 631\): refused")


def test_a20_is_sound():
    result = host(PC).run(Boot(elf("a20"), "bare=1"), boots.bare_expect(), LIMIT)
    assert result.passed, result.explain()


@pytest.mark.parametrize("name", [PC, Q35, BOCHS, RYZEN])
@pytest.mark.parametrize("options", WAYS)
def test_a20(passes, options, name):
    run(host(name), passes, "a20", options=options)


def has_nvdimm(name):
    return boots.machine("qemu-tcg", "max", chipset=f"{name},nvdimm=on")


# Devices of QEMU's that no IOMMU sees, and that would write to any memory: what refuses that.
ANY_MEMORY = {"fw_cfg": (host, "the guest asks fw_cfg for DMA: refused"),
              "nvdimm": (has_nvdimm, "the guest asks an NVDIMM for an answer in memory: refused")}


@pytest.mark.parametrize("part", ANY_MEMORY)
def test_any_memory_is_sound(part):
    machine, _ = ANY_MEMORY[part]
    result = machine(PC).run(Boot(elf(part), "bare=1"), boots.bare_expect(), LIMIT)
    assert result.passed, result.explain()


@pytest.mark.parametrize("part", ANY_MEMORY)
@pytest.mark.parametrize("name", [PC, Q35])
@pytest.mark.parametrize("options", WAYS)
def test_any_memory(passes, options, name, part):
    machine, said = ANY_MEMORY[part]
    result = run(machine(name), passes, part, options=options)
    assert result.find(f"^notrap: {said}")


# QEMU's devices that write to memory past every IOMMU.
@pytest.mark.parametrize("name", ["hpet", "vapic"])
def test_past_the_iommu_is_sound(name):
    result = host(PC).run(Boot(elf(name), "bare=1"), boots.bare_expect(), LIMIT)
    assert result.passed, result.explain()


@pytest.mark.parametrize("part", ["hpet", "vapic"])
@pytest.mark.parametrize("name, options", [*((name, way) for name in (PC, Q35) for way in WAYS),
                                           (Q35, "mmu=npt")])
def test_past_the_iommu(passes, part, name, options):
    result = run(host(name), passes, part, options=options)
    said = result.find(r"^notrap: the guest writes \w+ to register 114 of the HPET, .* refused")
    assert bool(said) == (part == "hpet")


# How a balloon may be there, and how its guest tells it pages. The last is the one whose queue goes
# by the IOMMU; what it takes never does.
BALLOONS = [(PC, "", "legacy=1"), (Q35, "", "legacy=1"), (Q35, "", ""),
            (Q35, f",{dma.PLATFORM}", "")]


def has_balloon(name, words):
    iommu = ["-device", dma.INTEL] if words else []
    return host(name, more=[*iommu, "-device", f"virtio-balloon-pci{words}"])


@pytest.mark.parametrize("name, words, cmdline", BALLOONS)
def test_balloon_is_sound(name, words, cmdline):
    boot = Boot(elf("balloon"), f"bare=1 {cmdline}")
    result = has_balloon(name, words).run(boot, boots.bare_expect(), LIMIT)
    assert result.passed, result.explain()


@pytest.mark.parametrize("name, words, cmdline", BALLOONS)
@pytest.mark.parametrize("options", WAYS)
def test_balloon(passes, options, name, words, cmdline):
    """It would take any memory away."""
    result = run(has_balloon(name, words), passes, "balloon", cmdline, options)
    assert result.find(r"^notrap: PCI \S+ is a memory balloon")


@pytest.mark.parametrize("name", [PC, Q35])
def test_linux_with_a_balloon(passes, name):
    """It goes on without."""
    boot = boots.notrap("", boots.linux_modules())
    passes(has_balloon(name, "").run(boot, boots.linux_expect(), boots.LINUX_LIMIT))


REGISTERS = {PC: "9 registers, .* ports, a BAR", Q35: "10 registers, .* ports and memory, a BAR",
             BOCHS: "9 registers, .* ports, "}


@pytest.mark.parametrize("name, options, said", [
    *((name, way, said) for name, said in REGISTERS.items() for way in WAYS),
    (Q35, "audit=64 sync=never bypass_guest_pf=0", REGISTERS[Q35]),
    (Q35, "audit=64 mmu=npt", REGISTERS[Q35])])
def test_pci(passes, name, options, said):
    result = run(host(name), passes, "pci", options=options, need=[f"^pci: {said}"])
    assert refused(result)


@pytest.mark.parametrize("name", [PC, Q35, BOCHS])
@pytest.mark.parametrize("options", matrix.also(""))
def test_linux_is_refused_nothing(passes, options, name):
    boot = boots.notrap(options, boots.linux_modules())
    result = passes(host(name).run(boot, boots.linux_expect(), boots.LINUX_LIMIT))
    assert result.powered_off
    assert not re.search(r"^notrap: .*refused", result.text, re.M), result.explain()
    assert "ACPI: PM: (supports S0 S5)" in result.text


# In Bochs a Linux does not come up again on the bare machine either: it ends in a triple fault.
@pytest.mark.parametrize("name", [PC, Q35])
def test_linux_restarts(name):
    """A kernel without a root panics, and restarts the machine by what it finds best."""
    boot = boots.notrap("", boots.linux_modules("rdinit=/none quiet"))
    again = r"(?s)^notrap: resetting$.*^notrap: notrap \d"
    result = host(name, reboot=True).run(boot, Expect(again, (boots.PANIC,), boots.NEVER),
                                    boots.LINUX_LIMIT)
    assert result.passed, result.explain()
