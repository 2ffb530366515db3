# SPDX-License-Identifier: MIT
"""Linux and its self-check three times: bare, bypass_guest_pf=0, =1; one table."""
import dataclasses
import re

from . import boots
from .bench import NATIVE, RUNS, aligned, conclude, each, number
from .bochs import IPS, IPS_TIMED, Bochs

# Where GRUB starts the kernel: bzImage's preferred address, which is free on these machines.
KERNEL_ENTRY = 0x1000000
# The self-check's line.
NOT_SEEN = r"^linux: pgfault that notrap has not seen = (\d+)$"


def boot_ticks(result):
    """Ticks from the kernel's first instruction to /init's; None when the run does not tell.

    notrap, or the VMM, prints the TSC at the guest's first instruction. On the bare machine Bochs
    notes the tick at which the kernel's first instruction is executed; its TSC counts the same
    ticks, from reset.
    """
    init = result.find(r"^linux: init tsc = (\d+)$")
    entry = result.find(r"^(?:notrap|kvm): guest entry tsc = (\d+)$")
    entry = int(entry.group(1)) if entry else result.marks.get("entry")
    return int(init.group(1)) - entry if init and entry else None


def boot_exits(result):
    """VM exits up to /init; 0 for a bare run."""
    found = result.find(r"^linux: init exits = (\d+)$")
    return int(found.group(1)) if found else 0


def workloads(result):
    """{name: ticks per operation}"""
    found = re.findall(r"^linux: (\S+) ok ops=\d+ ticks_per_op=(\d+)$", result.text, re.M)
    return {name: int(ticks) for name, ticks in found}


def exits(result):
    """{name: VM exits per operation}; empty for a bare run."""
    found = re.findall(r"^linux: (\S+) exits_per_op=(\S+)$", result.text, re.M)
    return {name: float(number_) for name, number_ in found}


def timed(machine, marks=None):
    """The same machine, with a clock as quick as Linux expects: what its ticks are compared on."""
    if type(machine) is not Bochs:  # pylint: disable=unidiomatic-typecheck
        return machine
    return Bochs(machine.model, machine.memory, machine.cpus, marks,
                 IPS_TIMED if machine.cpus == 1 else IPS, machine.release)


def patient(expect, kernel, limit):
    """The longest workload of `make bench` says nothing for thousands of millions of ticks."""
    return dataclasses.replace(expect, silence=limit) if kernel.bench else expect


def run_bare(machine, kernel=boots.Kernel(), limit=boots.LINUX_LIMIT):
    machine = timed(machine, {"entry": KERNEL_ENTRY})
    return machine.run(kernel.bare(), patient(boots.linux_bare_expect(), kernel, limit), limit)


def run_notrap(machine, options, kernel=boots.Kernel(), limit=boots.LINUX_LIMIT):
    boot = boots.notrap(options, kernel.modules())
    limit = boots.limit(limit, options)
    return timed(machine).run(boot, patient(boots.linux_expect(), kernel, limit), limit)


def run_all(machine, options="", arch="amd64"):
    """Boot all three, two at a time: {name: Result}."""
    kernel = boots.Kernel(arch=arch, measured=True)

    def go(name):
        if name == NATIVE:
            return run_bare(machine, kernel)
        return run_notrap(machine, f"{options} {name}".strip(), kernel)

    return each(RUNS, go, machine.at_once)


def table(results):
    rows = [["", *RUNS]]
    ticks = [boot_ticks(result) for result in results.values()]
    rows.append(["kernel entry to /init, ticks"] + [f"{t:,}" if t else "-" for t in ticks])
    if ticks[0]:
        rows.append(["the same, times native"] + [f"{t / ticks[0]:.3f}" if t else "-"
                                                  for t in ticks])
    each = [workloads(result) for result in results.values()]
    exited = [exits(result) for result in results.values()]
    for name in each[0]:
        rows.append([f"{name}, ticks per operation"] + [number(one.get(name, 0)) for one in each])
        rows.append(["    exits"] + [number(one.get(name, 0)) for one in exited])
    rows.append(["Linux's own pgfault"] + [
        f"{result.number(r'^linux: pgfault = (.*)$'):,}" for result in results.values()])
    counters = [result.counters for result in results.values()]
    for name in counters[1]:
        if any(one.get(name) for one in counters):
            rows.append([name, "", *(f"{one.get(name, 0):,}" for one in counters[1:])])
    return rows


def compare(machine, options="", arch="amd64"):
    """What `make compare-linux` does; its exit code."""
    print(f"Debian's kernel and the self-check on {machine}", flush=True)
    results = run_all(machine, options, arch)
    return conclude({"": results}, lambda: [aligned(table(results))])
