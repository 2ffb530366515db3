# SPDX-License-Identifier: MIT
"""The peer: Linux' own KVM in the same Bochs, under a small VMM of the project's (tests/kvm).

Each run is a machine of its own, with nothing typed to it, so that its ticks repeat.
"""
import os
import tempfile

from . import boots
from .bochs import AMD, IPS_TIMED, Bochs
from .boot import Boot, Module
from .emulators import HostError
from .nested_kvm import host_words, pack
from .result import Expect

ROOT = f"{boots.BUILD}/kvm/root.cpio"
# MiB, beside its guest's memory. With less than 512 in all Linux has no huge pages for the guest.
OWN_MEMORY = 512
ERROR = r"^kvm: error: .*"
# {heading: kvm_intel's ept=}
WAYS = {"KVM ept=0": "0", "KVM ept=1": "1"}


def check(machine):
    """HostError, one line, for a machine that the peer cannot be measured on."""
    if type(machine) is not Bochs or machine.model in AMD:  # pylint: disable=unidiomatic-typecheck
        raise HostError(f"KVM is measured on Bochs' VMX, not on {machine}: HOST=bochs, "
                        "MODEL=broadwell_ult")


def expect(alone):
    """How a guest is judged; alone: how it is on the bare machine."""
    need = (r"^kvm: counters end$", r"^kvm: powered off$")
    return Expect(r"^kvm: end$", alone.need + need, alone.never + (ERROR,), alone.silence)


def run(machine, ept, guest, alone, limit):
    """Boot a guest (a kernel, its words, at most one module) under KVM.

    alone: how it is judged on the bare machine.
    """
    files = {guest.kernel: "/boot/kernel", **{m.path: "/boot/initrd" for m in guest.modules}}
    words = f"{host_words(IPS_TIMED)} kvm_ept={ept} kvm_memory={machine.memory}"
    with tempfile.TemporaryDirectory(prefix="notrap-") as directory:
        line = os.path.join(directory, "words")
        with open(line, "w", encoding="utf-8") as out:
            out.write(guest.cmdline)
        archive = os.path.join(directory, "guest.cpio")
        pack(archive, {**files, line: "/boot/words"})
        boot = Boot(boots.VMLINUZ, words, "linux", [Module(ROOT), Module(archive)])
        host = Bochs(machine.model, machine.memory + OWN_MEMORY, ips=IPS_TIMED,
                     release=machine.release)
        return host.run(boot, expect(alone), limit)
