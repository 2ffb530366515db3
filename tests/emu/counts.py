# SPDX-License-Identifier: MIT
"""What `make test` expects, figure by figure: the exits of each phase of the built-in guest in each
way, and the ticks of each lane. They stand in counts.txt and nowhere else; `make counts` prints it
anew.
"""
import os
import re

from . import bench, boots, emulators
from .bench import per_op
from .boot import Module
from .guests import elf

FILE = os.path.join(os.path.dirname(__file__), "counts.txt")
ON = "bypass on"
NONE = "-"

# {vendor: {column: notrap's options}}
WAYS = {
    "Intel": {"bypass off": "bypass_guest_pf=0", ON: "", "filter=present": "filter=present",
              "filter=user": "filter=user", "trap=structural": "trap=structural",
              "sync=always": "sync=always", "sync=never": "sync=never",
              "off, always": "bypass_guest_pf=0 sync=always",
              "off, never": "bypass_guest_pf=0 sync=never", "nested": "mmu=ept"},
    "AMD": {"bypass off": "bypass_guest_pf=0", ON: "", "sync=always": "sync=always",
            "sync=never": "sync=never", "nested": "mmu=npt"},
}
# What an exit of each kind takes: {model: a column}.
LANES = ("broadwell_ult", "ryzen")
# Phases of the built-in guest that are one lane, or two of them.
FAULTS = ("skip_fault", "demand", "cow", "first_read", "first_write")
LIMIT = 120


def vendor_of(machine):
    return {"ept": "Intel", "npt": "AMD"}[machine.nested]


def own_exits(machine, options, name, phase):
    """A phase's exits, but for those that QEMU adds from 9.2 on.

    One for the read of CR2 in each fault's handler, of which skip_fault's has none. svm/quirks.c
    says why; nested paging needs nothing of it.
    """
    adds = machine.name == "qemu-tcg" and emulators.newer(machine) and \
        "mmu=" not in options and name != "skip_fault"
    return phase["exits"] - (phase["faults"] if adds else 0)


def exits(machine, way):
    """The run of a way, perhaps one that was made before: {phase: exits of all its operations}."""
    options = WAYS[vendor_of(machine)][way]
    result = bench.run(machine, options)
    return result, {name: own_exits(machine, options, name, phase)
                    for name, phase in result.phases.items()}


def run_lanes(machine, options=""):
    return machine.run(boots.notrap(options, [Module(elf("lanes"))]), boots.guest_expect(),
                       boots.limit(LIMIT, options))


def run_faults(machine):
    guest = Module(boots.BENCH, f"n=512 phases={','.join(FAULTS)}")
    return machine.run(boots.notrap("", [guest]), boots.guest_expect(), LIMIT)


TICKS = {"ticks of a lane": run_lanes, "ticks of a fault": run_faults}


def ticks(result):
    """{phase: ticks of one operation}"""
    return {name: round(per_op(phase, "ticks"), 1) for name, phase in result.phases.items()}


def compiler():
    """What built the hypervisor, as its debugging information has it."""
    with open(f"{boots.BUILD}/notrap.debug.elf", "rb") as file:
        return re.search(rb"GNU C\d+ [\d.]+|clang version [\d.]+", file.read())[0].decode()


def read():
    """(the compiler, {block: {column: {row: number}}})"""
    with open(FILE, encoding="utf-8") as file:
        text = file.read()
    found = {}
    for block in text.split("\n\n")[1:]:
        head, *rows = (re.split(r"\s{2,}", line.strip()) for line in block.splitlines())
        found[head[0]] = {column: {row[0]: float(row[i]) for row in rows if row[i] != NONE}
                          for i, column in enumerate(head[1:], 1)}
    return re.search(r"^# Ticks: built by (.*)$", text, re.M)[1], found


def block(title, columns):
    """columns: {heading: {row: number}}; the first has every row."""
    rows = [[title, *columns]]
    for name in next(iter(columns.values())):
        rows.append([name] + [f"{column[name]:g}" if name in column else NONE
                              for column in columns.values()])
    return bench.aligned(rows)


def show():
    """What `make counts` does: each run that there is, and all of counts.txt; its exit code."""
    runs = {}
    for vendor, model in zip(WAYS, LANES):
        machine = boots.machine("bochs", model)
        for way in WAYS[vendor]:
            runs[f"exits: {vendor}", way] = exits(machine, way)
        for title, run in TICKS.items():
            result = run(machine)
            runs[title, model] = result, ticks(result)
    failed = [(*key, result.explain()) for key, (result, _) in runs.items() if not result.passed]
    for line in failed:
        print(": ".join(line))
    if failed:
        return 1
    print("# What `make test` expects: exits of a phase of the built-in guest, all operations\n"
          "# together; Bochs' ticks of an exit by a lane. `make counts` prints it: "
          f"docs/testing.md.\n# Ticks: built by {compiler()}")
    for title in sorted({title for title, _ in runs}):
        print("\n" + block(title, {column: numbers for (of, column), (_, numbers) in runs.items()
                                   if of == title}))
    return 0
