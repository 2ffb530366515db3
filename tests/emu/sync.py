# SPDX-License-Identifier: MIT
"""The built-in guest under each sync= policy: exits for each operation, side by side."""
import concurrent.futures

from . import boots
from .bench import LIMIT, aligned, number, per_op

POLICIES = ("hybrid", "always", "never")


def run_all(machine, options=""):
    """Boot all three, two at a time: {policy: Result}."""
    def go(policy):
        boot = boots.notrap(f"{options} sync={policy}".strip())
        return machine.run(boot, boots.guest_expect(), boots.limit(LIMIT, options))

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return dict(zip(POLICIES, pool.map(go, POLICIES)))


def table(results):
    rows = [["phase (per operation)"] + ["exits", "ticks"] * len(POLICIES)]
    for name in results[POLICIES[0]].phases:
        row = [name]
        for policy in POLICIES:
            phase = results[policy].phases[name]
            row += [number(per_op(phase, key)) for key in ("exits", "ticks")]
        rows.append(row)
    return rows


def compare(machine, options=""):
    """What `make compare-sync` does; its exit code."""
    print(f"the built-in guest on {machine}: sync=" + ", sync=".join(POLICIES), flush=True)
    results = run_all(machine, options)
    failed = {name: result for name, result in results.items() if not result.passed}
    for name, result in failed.items():
        print(f"\n{name}: {result.explain()}")
    if not failed:
        print()
        print(aligned(table(results), [("", 1)] + [(f"- {p} -", 2) for p in POLICIES]))
        print()
    print("; ".join(f"{name}: {result.verdict}" for name, result in results.items()))
    return 1 if failed else 0
