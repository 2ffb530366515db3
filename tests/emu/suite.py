# SPDX-License-Identifier: MIT
"""`make bench`: the built-in guest and Linux' workloads in each way, on one machine; `make
bench-kvm`: under KVM as well.

Printed as tables; written to build/bench/ as one CSV file and a chart. The
built-in guest's figures are deterministic on Bochs; Linux' repeat within 0.3 %.
"""
import csv
import os
import pathlib
import subprocess
import sys

from . import bench, boots, kvm, linux
from .bench import NATIVE, aligned, number
from .boot import Boot
from .emulators import HostError

DIRECTORY = f"{boots.BUILD}/bench"
CHART = os.path.join(os.path.dirname(__file__), "chart.gp")
LIMIT = 1500
BUILT_IN, LINUX, DEFAULT = "built-in", "linux", "linux, default mitigations"
NESTED, BOOT = "nested paging", "boot to /init"
COLUMNS = ("guest", "workload", "way", "ticks", "exits", "faults")


def ways(machine, peer=False):
    """{heading: notrap's options}, as in bench.WAYS; peer: and KVM's words."""
    return {NATIVE: None, "bypass off": "bypass_guest_pf=0", "bypass on": "bypass_guest_pf=1",
            "sync=always": "sync=always", "sync=never": "sync=never",
            NESTED: f"mmu={machine.nested}", **(kvm.WAYS if peer else {})}


# {a guest: its kernel}; the built-in one has none.
GUESTS = {BUILT_IN: None, LINUX: boots.Kernel(bench=True, measured=True),
          DEFAULT: boots.Kernel(mitigated=True, bench=True, measured=True)}


def chosen_of(what, there, names, always=()):
    """Of {name: anything} those in names, a list with semicolons, and those in always; all where
    the list is empty. what: whose they are, for an error."""
    wanted = [name.strip() for name in names.split(";")] if names else list(there)
    for name in wanted:
        if name not in there:
            raise HostError(f'{what}: "{name}" is none of: {"; ".join(there)}')
    return {name: one for name, one in there.items() if name in wanted or name in always}


def boots_of(guests, chosen):
    """Each run there is: {(guest, heading): (way; kernel, or None)}."""
    return {(guest, name): (way, kernel) for guest, kernel in guests.items()
            for name, way in chosen.items()
            if guest != DEFAULT or not name.startswith("sync")}


def run(machine, name, way, kernel, options):
    """One run; name: the way's heading."""
    if name in kvm.WAYS:
        guest = kernel.bare() if kernel else Boot(boots.BENCH)
        alone = linux.patient(boots.linux_bare_expect(), kernel, LIMIT) if kernel \
            else boots.bare_expect()
        return kvm.run(machine, way, guest, alone, LIMIT)
    if kernel is None:
        return bench.run(machine, way, options)
    if way is None:
        return linux.run_bare(machine, kernel, LIMIT)
    return linux.run_notrap(machine, f"{options} {way}".strip(), kernel, LIMIT)


def figures_of(result, is_linux):
    """What one run measured: {workload: (ticks, exits, faults)}, each for one operation."""
    if not is_linux:
        return {name: tuple(bench.per_op(phase, key) for key in ("ticks", "exits", "faults"))
                for name, phase in result.phases.items()}
    exits = linux.exits(result)
    found = {BOOT: (linux.boot_ticks(result), linux.boot_exits(result), "")}
    for name, ticks in linux.workloads(result).items():
        found[name] = ticks, exits.get(name, 0), ""
    return found


def write_csv(path, figures):
    with open(path, "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(COLUMNS)
        for (guest, way), found in figures.items():
            out.writerows([guest, name, way, *values] for name, values in found.items())


def table(guest, figures):
    """Exits of each workload, and ticks (Linux': as times native), the ways side by side."""
    mine = {way: found for (of, way), found in figures.items() if of == guest}
    titles = [("", 1)] + [("" if way == NATIVE else f"- {way} -", 1 if way == NATIVE else 2)
                          for way in mine]
    rows = [["per operation"]]
    for way in mine:
        rows[0] += ["native ticks"] if way == NATIVE else \
            ["exits", "ticks" if guest == BUILT_IN else "x"]
    for name, (native, _, _) in mine[NATIVE].items():
        row = [name]
        for way, found in mine.items():
            ticks, exits, _ = found[name]
            row += [number(ticks)] if way == NATIVE else \
                [number(exits), number(ticks) if guest == BUILT_IN else f"{ticks / native:.2f}"]
        rows.append(row)
    return f"{guest}\n" + aligned(rows, titles)


def draw(figures):
    """The chart: Linux' workloads, times native, in the ways that a user chooses from. False when
    there is nothing to draw."""
    shown = [name for name in ("bypass off", "bypass on", NESTED, *kvm.WAYS)
             if (LINUX, name) in figures]
    if not shown:
        pathlib.Path(DIRECTORY, "bench.svg").unlink(missing_ok=True)
        return False
    data = f"{DIRECTORY}/chart.dat"
    native = figures[LINUX, NATIVE]
    with open(data, "w", encoding="utf-8") as file:
        file.write("\t".join(("workload", *shown)) + "\n")
        for name in native:
            times = [figures[LINUX, way][name][0] / native[name][0] for way in shown]
            file.write("\t".join([name] + [f"{value:.4f}" for value in times]) + "\n")
    subprocess.run(["gnuplot", "-e", f"data='{data}'; chart='{DIRECTORY}/bench.svg'", CHART],
                   check=True)
    return True


def told(key, result):
    """A run that has ended, for those who wait: not in what is printed."""
    print(f"{': '.join(key)}: {result.verdict}, {result.seconds:.0f} s", file=sys.stderr,
          flush=True)
    return result


def measure(machine, options="", peer=False, way_names="", guest_names=""):
    """What `make bench` does, or (peer) `make bench-kvm`; its exit code. names: see chosen_of()."""
    if peer:
        kvm.check(machine)
    chosen = chosen_of("WAYS", ways(machine, peer), way_names, (NATIVE,))
    guests = chosen_of("BENCH_GUESTS", GUESTS, guest_names)
    print(f"{'; '.join(guests)} on {machine}: {'; '.join(chosen)}", flush=True)
    runs = boots_of(guests, chosen)
    results = bench.each(list(runs), lambda key: told(
        key, run(machine, key[1], *runs[key], options)))
    groups = {guest: {way: result for (of, way), result in results.items() if of == guest}
              for guest in guests}

    def tables():
        figures = {key: figures_of(result, key[0] != BUILT_IN) for key, result in results.items()}
        os.makedirs(DIRECTORY, exist_ok=True)
        write_csv(f"{DIRECTORY}/bench.csv", figures)
        drawn = draw(figures)
        yield from (table(guest, figures) for guest in groups)
        written = os.path.relpath(DIRECTORY, os.path.dirname(boots.BUILD))
        yield f"also written: {written}/bench.csv" + (" and bench.svg" if drawn else "")

    return bench.conclude(groups, tables)
