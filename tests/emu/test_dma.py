# SPDX-License-Identifier: MIT
"""Devices reach no memory of the hypervisor's, and all of the guest's."""
import os
from dataclasses import dataclass

import pytest

from tests.emu import boot as boot_module
from tests.emu import boots, dma
from tests.emu.boot import Boot, Module
from tests.emu.dma import AMD, INTEL
from tests.emu.guests import elf
from tests.emu.matrix import SOAK
from tests.emu.result import Expect

GUEST = elf("dma")
DEVICES = ["-device", "edu,dma_mask=0xffffffffffffffff", "-netdev", "user,id=net,restrict=on",
           "-device", "e1000,netdev=net", "-device", f"virtio-rng-pci,{dma.PLATFORM}"]
FOUND = 5  # edu twice, and the board's AHCI
LIMIT = 120
BOTH = pytest.mark.parametrize("iommu", [INTEL, AMD])
ON = {INTEL: r"^notrap: iommu: 1 of 1 VT-d units on, ",
      AMD: r"^notrap: iommu: 1 of 1 AMD-Vi units on, "}


def words(iommu):
    return f"devices={FOUND} registers={dma.REGISTERS[iommu]}"


def check_blocked(result, iommu, trace):
    assert result.find(ON[iommu])
    assert result.number(r"^dma: (\d+) checks, 0 failures$") > 50
    if iommu == AMD:
        # Each word of a transfer is one.
        assert dma.faults(trace) > 1000
        return
    # QEMU keeps one record, of a device's first: one for each device in each stretch of exits.
    assert result.counters["dma_blocked"] >= 8
    # edu, e1000, virtio, AHCI.
    for device in ("02.0", "03.0", "04.0", "1f.2"):
        line = (rf"^notrap: iommu: device 0000:00:{device}: (read|write) of [0-9a-f]+ blocked "
                r"\(reason [56]: .*\); the next of it are only counted$")
        assert result.find(line), device
    assert result.text.count("blocked (reason") == 4


@BOTH
@pytest.mark.parametrize("options", ["iommu=require audit=64", "mmu=npt"])
def test_blocked(passes, tmp_path, iommu, options):
    trace = tmp_path / "trace"
    result = passes(dma.machine(iommu, DEVICES, trace if iommu == AMD else None).run(
        boots.notrap(options, [Module(GUEST, words(iommu))]), boots.guest_expect(),
        boots.limit(LIMIT, options)))
    check_blocked(result, iommu, trace)


@pytest.mark.parametrize("iommu", [None, INTEL, AMD])
def test_reached_without(passes, iommu):
    """That is, the attempts are sound. The hypervisor's text alone is read."""
    result = passes(dma.machine(iommu, DEVICES).run(
        boots.notrap("iommu=off", [Module(GUEST, "read=1 devices=1")]),
        Expect(r"^notrap: (powering off|halted)$",
               (r"^failed: edu reads the hypervisor's memory at .*: REACHED$", r"^guest: fail.*",
                r"^notrap: iommu=off: devices can reach all memory, the hypervisor's too$")),
        LIMIT))
    assert result.counters["dma_blocked"] == 0


@pytest.mark.parametrize("mode", ["gib=3 at=503", "gib=0 at=127", "mode=1"])
def test_table_written_by_a_device(passes, mode):
    """Its own RAM is open to a guest's devices, its page tables too."""
    edu = dma.machine(f"{INTEL},aw-bits=48", ["-device", "edu"])
    passes(edu.run(boots.notrap("iommu=require", [Module(elf("dma_table"), mode)]),
                   boots.guest_expect(), LIMIT))


def test_none_is_said(passes):
    result = passes(dma.machine(None).run(boots.notrap(), boots.guest_expect(), LIMIT))
    assert result.find(
        r"^notrap: iommu: the firmware lists no IOMMU: devices can reach all memory$")


@pytest.mark.parametrize("chipset", ["pc", "q35"])
def test_required_and_none(passes, chipset):
    result = passes(boots.machine("qemu-tcg", "max", 256, chipset=chipset).run(
        boots.notrap("iommu=require"),
        boots.error_expect(r"^notrap: error: iommu=require: the firmware lists no IOMMU; .*")))
    assert result.text.count("notrap: error:") == 1


# Firmware's own protection: translation is on, and what is mapped is nothing at all.
PAGE = 0x50000  # of conventional memory: zeros
LEFT_ON = {
    INTEL: [(0xfed90020, PAGE), (0xfed90024, 0), (0xfed90018, 1 << 30), (0xfed90028, 0),
            (0xfed9002c, 0xa0000000), (0xfed90018, 1 << 31)],
    AMD: [(0xfed80000, PAGE), (0xfed80004, 0), (0xfed80018, 1)],
}


@dataclass
class LeftOn(Boot):
    """A boot before which GRUB switches the IOMMU on, as firmware may."""

    iommu: str = INTEL

    def grub_lines(self, name):
        return super().grub_lines(name) + [f"write_dword {at:#x} {value:#x}"
                                           for at, value in LEFT_ON[self.iommu]]


@BOTH
def test_taken_over_from_firmware(passes, tmp_path, monkeypatch, iommu):
    monkeypatch.setattr(boot_module, "GRUB_MODULES", f"{boot_module.GRUB_MODULES} memrw")
    trace = tmp_path / "trace"
    boot = LeftOn(boots.NOTRAP, "iommu=require", modules=[Module(GUEST, words(iommu))],
                  iommu=iommu)
    result = passes(dma.machine(iommu, DEVICES, trace if iommu == AMD else None).run(
        boot, boots.guest_expect(), LIMIT))
    check_blocked(result, iommu, trace)


# A short stretch on each; SOAK=1: ten minutes of these, and the others as well.
RUNS = [(INTEL, "ahci-e1000"), (AMD, "nvme-virtio")]
ALL = [(iommu, name) for iommu in (INTEL, AMD) for name in dma.TRAFFIC]
ROUNDS, SECONDS = 3, 600


@pytest.mark.parametrize("iommu, name", ALL if SOAK else RUNS)
def test_linux_traffic(passes, tmp_path, iommu, name):
    trace = tmp_path / "trace"
    seconds = SECONDS if SOAK and (iommu, name) in RUNS else 0
    result = passes(dma.traffic(tmp_path, name, iommu, "iommu=require", ROUNDS,
                                300 + 2 * seconds, seconds, trace=trace if iommu == AMD else None))
    assert result.find(ON[iommu])
    assert not result.find(r"DMAR|AMD-Vi: |blocked \(reason")
    assert result.counters["dma_blocked"] == 0
    assert iommu != AMD or dma.faults(trace) == 0


def cost(passes, directory, iommu, name, options):
    """What one run transfers, and what it takes: ((disk, network), exits, CPU time in ns)."""
    os.mkdir(directory)
    result = passes(dma.traffic(directory, name, iommu, options, 4, 900, icount=True))
    disk, net, busy = dma.transfers(result)
    return (disk, net), result.counters["exits"], busy


@pytest.mark.parametrize("iommu, name", RUNS if SOAK else RUNS[:1])
def test_linux_traffic_costs_the_same(passes, tmp_path, iommu, name):
    """In exits, and by QEMU's instructions in what the process runs in its quickest round.

    Its time varies by a sixth with when a device happens to be done, with the IOMMU and without:
    that the IOMMU costs something has to last over five runs each, of which every one with it is
    slower than all without.
    """
    slowest, quickest = 0, float("inf")
    for attempt in range(5):
        done, exits, busy = zip(*(
            cost(passes, tmp_path / f"{options}-{attempt}", iommu, name, options)
            for options in ("iommu=off", "iommu=auto")))
        assert done[0] == done[1]
        assert abs(exits[1] - exits[0]) <= 0.05 * exits[0]
        slowest, quickest = max(slowest, busy[0]), min(quickest, busy[1])
        if quickest <= 1.05 * slowest:
            return
    assert False, (quickest, slowest)
