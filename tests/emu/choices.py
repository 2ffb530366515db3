# SPDX-License-Identifier: MIT
"""The user's choice of a machine, checked before anything is started: one line names what is wrong."""
import re
import subprocess

from . import boots
from .machine import HostError
from .qemu import nested_kvm

HOSTS = ["auto", "bochs", "qemu-kvm", "qemu-tcg"]
# MiB. With less not even the boot loader gets to its own message.
MEMORY = 8, 32768
# Bochs counts its CPUs' timers, of which it has 64; QEMU's limit is its default machine's.
CPUS = {"bochs": (1, 8), "qemu-kvm": (1, 255), "qemu-tcg": (1, 255)}
LISTS = {"bochs": (["bochs", "--help", "cpu"], r"^(\w+)$"),
         "qemu": (["qemu-system-x86_64", "-cpu", "help"], r"^x86 (\S+)")}


def one_of(name, value, known):
    if value not in known:
        raise HostError(f'{name}="{value}" is none of: {" ".join(known)}')
    return value


def number(name, value, low, high):
    if not re.fullmatch(r"[0-9]{1,9}", value) or not low <= int(value) <= high:
        raise HostError(f'{name}="{value}" is no number from {low} to {high}')
    return int(value)


def models(host):
    """The CPU models that an emulator knows."""
    command, line = LISTS[host.split("-")[0]]
    try:
        said = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, encoding="utf-8", timeout=30, check=False)
    except FileNotFoundError:
        raise HostError(f"{command[0]} is not installed: make deps") from None
    return re.findall(line, said.stdout, re.M)


def machine(host, model, memory, cpus):
    """The machine that HOST, MODEL, MEMORY and CPUS (all text; MODEL may be empty) ask for."""
    one_of("HOST", host, HOSTS)
    if host == "auto":
        host = "qemu-kvm" if nested_kvm() else "bochs"
    if model:
        # QEMU: features may follow the name.
        name = model.split(",")[0] if host != "bochs" else model
        one_of("MODEL", name, models(host))
    return boots.machine(host, model or None, number("MEMORY", memory, *MEMORY),
                         cpus=number("CPUS", cpus, *CPUS[host]))
