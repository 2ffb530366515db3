# SPDX-License-Identifier: MIT
"""The built-in guest under notrap in several ways: exits for each operation, side by side."""
import concurrent.futures

from . import boots
from .bench import LIMIT, aligned, number, per_op

# Each is {heading: notrap's options}.
SYNC = {policy: f"sync={policy}" for policy in ("hybrid", "always", "never")}


def mmu(machine):
    """Shadow paging without and with the bypass, and the nested paging that the CPU has."""
    return {"shadow": "mmu=shadow bypass_guest_pf=0", "bypass": "mmu=shadow bypass_guest_pf=1",
            machine.nested: f"mmu={machine.nested}"}


def run_all(machine, ways, options=""):
    """Boot all, two at a time: {heading: Result}."""
    def go(way):
        boot = boots.notrap(f"{options} {way}".strip())
        return machine.run(boot, boots.guest_expect(), boots.limit(LIMIT, options))

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return dict(zip(ways, pool.map(go, ways.values())))


def table(results):
    rows = [["phase (per operation)"] + ["exits", "ticks"] * len(results)]
    for name in next(iter(results.values())).phases:
        row = [name]
        for result in results.values():
            phase = result.phases[name]
            row += [number(per_op(phase, key)) for key in ("exits", "ticks")]
        rows.append(row)
    return rows


def compare(machine, ways, options=""):
    """What `make compare-sync` and `make compare-mmu` do; the exit code."""
    print(f"the built-in guest on {machine}: " + ", ".join(ways.values()), flush=True)
    results = run_all(machine, ways, options)
    failed = {name: result for name, result in results.items() if not result.passed}
    for name, result in failed.items():
        print(f"\n{name}: {result.explain()}")
    if not failed:
        print()
        print(aligned(table(results), [("", 1)] + [(f"- {name} -", 2) for name in results]))
        print()
    print("; ".join(f"{name}: {result.verdict}" for name, result in results.items()))
    return 1 if failed else 0
