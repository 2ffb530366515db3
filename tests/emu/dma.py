# SPDX-License-Identifier: MIT
"""Machines with an IOMMU, and a Linux that keeps a disk and a network card of theirs busy."""
import os
import re

from . import boots, emulators
from .boot import Boot, Module
from .result import Expect

INTEL, AMD = "intel-iommu", "amd-iommu"
# Pages of registers: where QEMU has them.
REGISTERS = {INTEL: 0xfed90, AMD: 0xfed80}
# From this version on QEMU's AMD IOMMU lets all devices pass, unless it is asked not to.
ASKED_SINCE = (10, 2)
# Without these words a virtio device's accesses do not go by the IOMMU.
PLATFORM = "iommu_platform=on,disable-legacy=on"
FILE_SIZE = 262144
# What tests/linux/traffic.c uses: {name: (kernel, devices)}.
TRAFFIC = {
    "nvme-virtio": ("amd64", ["-device", "nvme,drive=disk,serial=1", "-device",
                              f"virtio-net-pci,netdev=net,{PLATFORM}"]),
    "virtio-virtio": ("amd64", ["-device", f"virtio-blk-pci,drive=disk,{PLATFORM}", "-device",
                                f"virtio-net-pci,netdev=net,{PLATFORM}"]),
    "ahci-e1000": ("i686-pae", ["-device", "ide-hd,drive=disk,bus=ide.0", "-device",
                                "e1000,netdev=net"]),
}


def asked(iommu):
    """The device's words for the QEMU that is started."""
    program = "qemu-system-x86_64"
    if not iommu.startswith(AMD) or \
       emulators.version(program, emulators.choose(program, None)) < ASKED_SINCE:
        return iommu
    return f"{iommu},dma-remap=on"


def machine(iommu, more=(), trace=None, **kwargs):
    """QEMU's q35 with an IOMMU, or None; trace: a file for the faults that AMD's raises.

    This version of QEMU never puts an event into AMD's log, so that notrap cannot count them.
    """
    words = (["-device", asked(iommu)] if iommu else []) + list(more)
    if trace:
        words += ["-trace", "amdvi_page_fault", "-trace", f"file={trace}"]
    return boots.machine("qemu-tcg", "max", 256, chipset="q35", more=words, **kwargs)


def faults(trace):
    """How many accesses AMD's IOMMU has blocked, by QEMU's own account."""
    with open(trace, encoding="utf-8", errors="replace") as file:
        return len(re.findall(r"^amdvi_page_fault", file.read(), re.M))


def traffic(directory, name, iommu, options, rounds, limit=300, seconds=0, **kwargs):
    """Linux keeps a disk and a network card busy for so many rounds and seconds.

    directory: an empty one, for the disk and what the network serves.
    """
    arch, devices = TRAFFIC[name]
    disk, served = os.path.join(directory, "disk"), os.path.join(directory, "served")
    os.makedirs(served)
    with open(disk, "wb") as file:
        file.truncate(16 << 20)
    with open(os.path.join(served, "traffic"), "wb") as file:
        file.write(bytes((i * 7 + i // 256) & 255 for i in range(FILE_SIZE)))
    more = ["-drive", f"file={disk},if=none,id=disk,format=raw", "-netdev",
            f"user,id=net,restrict=on,tftp={served}"] + devices
    vmlinuz, initramfs = (f"{boots.BUILD}/linux/vmlinuz-{arch}",
                          f"{boots.BUILD}/linux/traffic-{arch}.cpio")
    # With iommu=off the IOMMU is there for Linux; here it is to be nobody's.
    words = (f"{boots.LINUX_CMDLINE} quiet intel_iommu=off amd_iommu=off traffic={rounds} "
             f"traffic_seconds={seconds}")
    boot = Boot(boots.NOTRAP, options, "multiboot2", [Module(vmlinuz, words), Module(initramfs)])
    expect = Expect(r"^notrap: (powering off|halted)$",
                    (r"^traffic: pass$", r"^notrap: counters end$"),
                    boots.NEVER + (boots.PANIC, r"^traffic: (wrong|fail).*"))
    return machine(iommu, more, **kwargs).run(boot, expect, limit)


def transfers(result):
    """What of a run there is to compare: (disk, network, the process's CPU time in ns)."""
    found = result.find(r"^traffic: rounds=\d+ disk=(\d+) net=(\d+) ticks=\d+ busy=(\d+)$")
    return tuple(int(n) for n in found.groups())
