# SPDX-License-Identifier: MIT
"""QEMU: by nested KVM where this machine has it, or TCG, which emulates SVM but not VMX.

notrap needs the CPU's VMX or SVM inside of the machine: KVM's module has to have nested=1.
"""
import os
import re

from . import emulators
from .bochs import read
from .machine import Machine


# Its ACPI tables are at the end of its RAM, as far as that is below 3 GiB.
TABLES = 0x20000
# A newer QEMU looks for parts of itself among the system's too, and says that they do not fit.
FOREIGN = r"failed to initialize module: |^Only modules from the same build can be loaded"


class Qemu(Machine):
    """icount: TCG's TSC counts instructions then, not time: runs repeat, ten times as slow.
    chipset: QEMU's name of the board, pc (i440FX) or q35, with its further properties. more:
    further words of QEMU's command line: devices. reboot: a reset starts the machine again, else
    it ends it.
    release: see emulators.choose().
    """

    program = "qemu-system-x86_64"

    def __init__(self, accel, model=None, memory=256, cpus=1, icount=False, chipset="pc",
                 more=(), reboot=False, release=None):
        super().__init__(model or {"kvm": "host", "tcg": "max"}[accel], memory, cpus)
        self.release = emulators.choose(self.program, release)
        self.accel, self.name, self.icount = accel, f"qemu-{accel}", icount
        self.chipset, self.more, self.reboot = chipset, list(more), reboot
        self.virtualization = virtualization() if accel == "kvm" else None
        self.nested = "ept" if accel == "kvm" and self.virtualization != "svm" else "npt"
        self.tables_from = (memory << 20) - TABLES
        # Two that KVM runs at once would time each other.
        self.at_once = {"kvm": 1, "tcg": 2}[accel]

    def __str__(self):
        board = f" {self.chipset}" if self.chipset != "pc" else ""
        return super().__str__() + board + (" -icount" if self.icount else "")

    @property
    def repeats(self):
        return self.icount

    def command(self, directory, iso, port):
        cpu = self.model
        if self.virtualization and self.model == "host":
            cpu += f",+{self.virtualization}"
        # More memory than the host has is only taken as far as it is touched.
        ram = f"memory-backend-ram,id=ram,size={self.memory}M,reserve=off"
        return [emulators.program(self.program, self.release),
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
        # A triple fault and a power-off both end QEMU with exit code 0: only its log differs. Where
        # it may start again, the first one is a restart.
        tripled = not self.reboot and "Triple fault" in read(directory, "qemu.log")
        if tripled:
            res.host_notes.append("triple fault")
        said = read(directory, "output").strip().splitlines()
        res.host_notes += [line for line in said if not re.search(FOREIGN, line)][-3:]
        res.powered_off = by_itself and not tripled


# KVM's modules, by the CPU's flag.
MODULES = {"vmx": "kvm_intel", "svm": "kvm_amd"}


def virtualization(cpuinfo="/proc/cpuinfo"):
    """vmx or svm, whichever this machine's CPU has, or None."""
    with open(cpuinfo, encoding="ascii", errors="replace") as info:
        for line in info:
            if line.startswith("flags"):
                return next((flag for flag in MODULES if flag in line.split()), None)
    return None


def kvm_trouble(cpuinfo="/proc/cpuinfo", device="/dev/kvm", modules="/sys/module"):
    """Why KVM here cannot run notrap, and the command that mends it; None when it can."""
    flag = virtualization(cpuinfo)
    if not flag:
        return ("this machine's CPU has neither VMX nor SVM, or its firmware or hypervisor keeps "
                "them from it; without them: make run HOST=bochs")
    module = MODULES[flag]
    if not os.path.exists(device):
        return f"there is no {device}: sudo modprobe {module} nested=1"
    try:
        with open(f"{modules}/{module}/parameters/nested", encoding="ascii") as file:
            nested = file.read().strip()
    except FileNotFoundError:
        return f"{device} is not {module}'s: sudo modprobe {module} nested=1"
    if nested not in ("Y", "1"):
        return (f"{module} gives its guests no {flag.upper()} (nested={nested}): "
                f"sudo modprobe -r {module} && sudo modprobe {module} nested=1")
    if not os.access(device, os.R_OK | os.W_OK):
        return f"{device} may not be used by you: sudo chmod a+rw {device}"
    return None


def nested_kvm():
    """True when KVM here can give its guest VMX or SVM."""
    return kvm_trouble() is None
