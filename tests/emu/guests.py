# SPDX-License-Identifier: MIT
"""The test guests, and how they are run."""
from dataclasses import dataclass

from . import boots
from .boot import Module

MEMORY = 256


@dataclass
class Guest:
    """What passes on any machine and in every way.

    audit: exits between two audits; fewer for the guests that make few. svm: it tells something
    new on AMD's CPUs; nested: under nested paging.
    """

    audit: int = 1024
    svm: bool = False
    nested: bool = False


GUESTS = {
    "access": Guest(svm=True, nested=True),
    "access32": Guest(svm=True, nested=True),
    "apic": Guest(audit=4),
    "breakpoints": Guest(svm=True),
    "events": Guest(audit=8),
    "far": Guest(nested=True),
    "modes32": Guest(audit=64, svm=True, nested=True),
    "msrs": Guest(audit=32, svm=True),
    "paging64": Guest(svm=True, nested=True),
    "pcid": Guest(audit=64, nested=True),
    "pcid32": Guest(audit=8, nested=True),
    "privileged": Guest(audit=32, svm=True),
    "reach": Guest(svm=True, nested=True),
    "smp": Guest(audit=4),
    "start": Guest(audit=1, svm=True, nested=True),
}
# These have tests of their own, which know what else they need.
OTHERS = ("a20", "balloon", "bound", "crashme", "differ", "differ32", "divide", "dma", "dma_table",
          "ferr", "fw_cfg", "hpet", "lanes", "large", "large32", "nvdimm", "pci", "recycle",
          "shutdown", "sleep", "slow", "slow32", "smbase", "smram", "tco", "trace", "trace32",
          "uart", "vapic", "warm")


def audit_of(guest, model):
    """Guest.audit, but pcid's where it can only see that there are no PCIDs: some 20 exits."""
    return 8 if (guest, model) == ("pcid", "core2_penryn_t9600") else GUESTS[guest].audit


def elf(name):
    return f"{boots.BUILD}/tests/guests/{name}.elf"


def module(machine, name, cmdline=""):
    """A guest as notrap's module, told where the firmware's tables are if it cannot know."""
    where = machine.tables_from
    acpi = f"firmware={where}" if where else ""
    return Module(elf(name), f"{acpi} {cmdline}".strip())
