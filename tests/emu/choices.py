# SPDX-License-Identifier: MIT
"""The user's choice of a machine, checked before it is started: one line names what is wrong."""
import re
import subprocess

from . import boots, emulators
from .emulators import HostError
from .qemu import kvm_trouble, nested_kvm

HOSTS = ["auto", "bochs", "qemu-kvm", "qemu-tcg", "nested-kvm", *emulators.NAMES]
# MiB. With less not even the boot loader gets to its own message.
MEMORY = 8, 32768
# Bochs counts its CPUs' timers, of which it has 64; QEMU's limit is its default machine's.
CPUS = {"bochs": (1, 8), "qemu-kvm": (1, 255), "qemu-tcg": (1, 255), "nested-kvm": (1, 255)}
LISTS = {"bochs": ("bochs", ["--help", "cpu"], r"^(\w+)$"),
         "nested": ("bochs", ["--help", "cpu"], r"^(\w+)$"),
         "qemu": ("qemu-system-x86_64", ["-cpu", "help"], r"^(?:x86|  ?) ?(\S+)")}
# Of those models, what has long mode and VMX, or SVM. With KVM it is the CPU itself that has to.
ABLE = {"bochs": r"(?!bx_generic|i[34]86|athlon_xp|pentium|amd_k6|p[234]_|atom_|core_duo|athlon64)",
        "qemu-tcg": r"max$|EPYC|Opteron_G[1-9]|phenom|Dhyana", "qemu-kvm": r"host$|max$"}
ABLE["nested-kvm"] = ABLE["bochs"]


def one_of(name, value, known):
    if value not in known:
        raise HostError(f'{name}="{value}" is none of: {" ".join(known)}')
    return value


def memory_size(value):
    """MEMORY in MiB: 256, 256M or 2G."""
    unit = re.fullmatch(r"([0-9]{1,9})([MG]?)", value)
    mib = int(unit[1]) * (1024 if unit[2] == "G" else 1) if unit else 0
    if not MEMORY[0] <= mib <= MEMORY[1]:
        raise HostError(f'MEMORY="{value}" is not from {MEMORY[0]} to {MEMORY[1]} MiB; '
                        "say 512 or 2G")
    return mib


def number(name, value, low, high):
    if not re.fullmatch(r"[0-9]{1,9}", value) or not low <= int(value) <= high:
        raise HostError(f'{name}="{value}" is no number from {low} to {high}')
    return int(value)


def models(kind, release):
    """The CPU models that an emulator knows."""
    name, words, line = LISTS[kind.split("-")[0]]
    command = [emulators.program(name, emulators.choose(name, release)), *words]
    said = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, encoding="utf-8", timeout=30, check=False)
    return re.findall(line, said.stdout, re.M)


def machine(host, model, memory, cpus):
    """The machine that HOST, MODEL, MEMORY and CPUS (all text; MODEL may be empty) ask for."""
    one_of("HOST", host, HOSTS)
    if host == "auto":
        host = "qemu-kvm" if nested_kvm() else "bochs"
    kind, release = emulators.split(host)
    trouble = kvm_trouble() if kind == "qemu-kvm" else None
    if trouble:
        raise HostError(f"HOST=qemu-kvm: {trouble}")
    if model:
        # QEMU: features may follow the name.
        name = model.split(",")[0] if kind != "bochs" else model
        known = models(kind, release)
        if name not in known:
            able = [one for one in known if re.match(ABLE[kind], one)]
            raise HostError(f'MODEL="{name}" is none of: {" ".join(able)}')
    return boots.machine(kind, model or None, memory_size(memory), release=release,
                         cpus=number("CPUS", cpus, *CPUS[kind]))
