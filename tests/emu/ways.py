# SPDX-License-Identifier: MIT
"""The built-in guest in several ways, on one machine or on several: one table of exits, ticks."""
from . import bench, boots
from .bench import NATIVE
from .qemu import Qemu

# Each is {heading: notrap's options}, as in bench.WAYS.
SYNC = {policy: f"sync={policy}" for policy in ("hybrid", "always", "never")}
SHADOW = ("bypass_guest_pf=0", "bypass_guest_pf=1")
NESTED = "nested paging"
KEYS = ("exits", "ticks")
VENDORS = {"ept": "Intel", "npt": "AMD"}


def paging(machine):
    """Bare, shadow paging without and with the bypass, and the nested paging that the CPU has."""
    return {NATIVE: None, **{bypass: f"mmu=shadow {bypass}" for bypass in SHADOW},
            NESTED: f"mmu={machine.nested}"}


def gp_exits(machine, phase):
    """Exits of a whole phase on nested page tables: where user mode ends with a #GP, as cow_user's
    does, SVM has that exit."""
    return int(phase == "cow_user" and machine.nested == "npt")


def machines(chosen=None, memory=256, cpus=1):
    """The machines to compare paging on, all of whose ticks are instructions: both vendors', and a
    second emulator, whose CPU is another's work; or the chosen one alone."""
    if chosen:
        if isinstance(chosen, Qemu) and chosen.accel == "tcg":
            chosen.icount = True
        return [chosen]
    return [boots.machine("bochs", "broadwell_ult", memory, cpus=cpus),
            boots.machine("bochs", "ryzen", memory, cpus=cpus),
            boots.machine("qemu-tcg", "max", memory, cpus=cpus, icount=True)]


def run_paging(on, options=""):
    """Boot each machine in each way: {machine: {heading: Result}}."""
    ways = {machine: paging(machine) for machine in on}
    done = bench.each([(machine, name) for machine in on for name in ways[machine]],
                      lambda key: bench.run(key[0], ways[key[0]][key[1]], options),
                      min(machine.at_once for machine in on))
    return {machine: {name: done[machine, name] for name in ways[machine]} for machine in on}


def table(results):
    """A block of rows for each machine. results: as of run_paging()"""
    titles, row = bench.headings(next(iter(results.values())), KEYS)
    rows = [row]
    for machine, ways in results.items():
        if NESTED in ways:
            rows += [[""], [f"{VENDORS[machine.nested]}: {machine}, mmu={machine.nested}"]]
        rows += bench.phase_rows(ways, KEYS)
    return bench.aligned(rows, titles)


def compare_sync(machine, options=""):
    """What `make compare-sync` does; its exit code."""
    print(f"the built-in guest on {machine}: " + ", ".join(SYNC.values()), flush=True)
    results = bench.run_all(machine, options, SYNC)
    return bench.conclude({"": results}, lambda: [table({machine: results})])


def compare_paging(on, options=""):
    """What `make compare` does, on a list of machines; its exit code."""
    print("the built-in guest bare, on shadow tables, and on nested paging", flush=True)
    results = run_paging(on, options)
    return bench.conclude({str(machine): ways for machine, ways in results.items()},
                          lambda: [table(results)])
