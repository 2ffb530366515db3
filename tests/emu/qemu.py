# SPDX-License-Identifier: MIT
"""QEMU: by nested KVM where this machine has it, or TCG, which emulates SVM but not VMX."""
import os

from . import emulators
from .bochs import read
from .machine import Machine


class Qemu(Machine):
    """icount: TCG's TSC counts instructions then, not time: runs repeat, ten times as slow.
    chipset: QEMU's name of the board, pc (i440FX) or q35, with its further properties. more:
    further words of QEMU's command line: devices. reboot: a reset starts the machine again, else
    it ends it.
    release: see emulators.choose().
    """

    def __init__(self, accel, model=None, memory=256, cpus=1, icount=False, chipset="pc",
                 more=(), reboot=False, release=None):
        super().__init__(model or {"kvm": "host", "tcg": "max"}[accel], memory, cpus)
        self.release = emulators.choose("qemu-system-x86_64", release)
        self.accel, self.name, self.icount = accel, f"qemu-{accel}", icount
        self.chipset, self.more, self.reboot = chipset, list(more), reboot
        self.nested = {"kvm": "ept", "tcg": "npt"}[accel]

    def __str__(self):
        board = f" {self.chipset}" if self.chipset != "pc" else ""
        return super().__str__() + board + (" -icount" if self.icount else "")

    def command(self, directory, iso, port):
        cpu = self.model + (",+vmx" if self.accel == "kvm" and self.model == "host"
                            and "vmx" in cpu_flags() else "")
        # More memory than the host has is only taken as far as it is touched.
        ram = f"memory-backend-ram,id=ram,size={self.memory}M,reserve=off"
        return [emulators.program("qemu-system-x86_64", self.release),
                *[word for name in ("qemu", "seabios") if self.release
                  for word in ("-L", f"{emulators.share(self.release)}/{name}")],
                "-accel", self.accel, "-cpu", cpu, "-m", f"{self.memory}M",
                "-object", ram, "-machine", f"{self.chipset},memory-backend=ram",
                "-smp", str(self.cpus), *(["-cdrom", iso] if iso else []), "-display", "none",
                *([] if self.reboot else ["-no-reboot"]), "-monitor", "none", "-nic", "none",
                "-d", "cpu_reset,guest_errors", "-D", "qemu.log", "-chardev",
                f"socket,id=com1,host=127.0.0.1,port={port}", "-serial", "chardev:com1",
                *(["-icount", "shift=0,sleep=off"] if self.icount else []),
                *self.more]

    def finish(self, directory, res, by_itself):
        # A triple fault and a power-off both end QEMU with exit code 0: only its log differs.
        tripled = "Triple fault" in read(directory, "qemu.log")
        if tripled:
            res.host_notes.append("triple fault")
        res.host_notes += read(directory, "output").strip().splitlines()[-3:]
        res.powered_off = by_itself and not tripled


def cpu_flags():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
        for line in info:
            if line.startswith("flags"):
                return line.split()
    return []


def nested_kvm():
    """True when KVM here can give its guest VMX."""
    if "vmx" not in cpu_flags() or not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    try:
        with open("/sys/module/kvm_intel/parameters/nested", encoding="ascii") as nested:
            return nested.read().strip() in ("Y", "1")
    except FileNotFoundError:
        return False
