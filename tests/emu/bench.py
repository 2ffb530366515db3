# SPDX-License-Identifier: MIT
"""The built-in guest three times: bare, bypass_guest_pf=0, =1; one table, and the counters."""
import concurrent.futures

from . import boots
from .boot import Boot

LIMIT = 60
RUNS = ("native", "bypass_guest_pf=0", "bypass_guest_pf=1")


def run_all(machine, options="", guest_options=""):
    """Boot all three, two at a time: {name: Result}."""
    def go(name):
        if name == "native":
            return machine.run(Boot(boots.BENCH, guest_options), boots.bare_expect(), LIMIT)
        boot = boots.notrap(f"{options} {name}".strip())
        return machine.run(boot, boots.guest_expect(), boots.limit(LIMIT, options))

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return dict(zip(RUNS, pool.map(go, RUNS)))


def per_op(phase, key):
    """A phase's total of something, for each operation."""
    return phase[key] / phase["ops"]


def number(value):
    """Three digits that mean something; 0 only for exactly none."""
    if value == 0:
        return "0"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 1 else f"{value:.2f}".rstrip("0").rstrip(".")


def phase_table(results):
    """The side-by-side table, as rows of strings, headings first."""
    native, off, on = (results[name].phases for name in RUNS)
    rows = [["phase (per operation)", "native ticks", "faults", "exits", "ticks",
             "faults", "exits", "ticks"]]
    for name, bare in native.items():
        row = [name, number(per_op(bare, "ticks"))]
        for phases, result in ((off, results[RUNS[1]]), (on, results[RUNS[2]])):
            if name not in phases:
                raise LookupError(f"phase {name} is missing; {result.reason}")
            row += [number(per_op(phases[name], key)) for key in ("faults", "exits", "ticks")]
        rows.append(row)
    return rows


def counter_table(results):
    off, on = (results[name].counters for name in RUNS[1:])
    return [["counter", RUNS[1], RUNS[2]]] + [
        [name, f"{off.get(name, 0):,}", f"{on.get(name, 0):,}"]
        for name in list(off) + [name for name in on if name not in off]]


def aligned(rows, heads=()):
    """Rows as text: the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    if heads:
        line, at = "", 0
        for title, columns in heads:
            width = sum(widths[at:at + columns]) + 2 * (columns - 1)
            line += ("  " if at else "") + title.center(width)
            at += columns
        lines.append(line.rstrip())
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  ".join(cells))
    return "\n".join(lines)


def compare(machine, options=""):
    """What `make run` does; its exit code."""
    print(f"the built-in guest on {machine}: bare, bypass_guest_pf=0, bypass_guest_pf=1",
          flush=True)
    results = run_all(machine, options)
    failed = {name: result for name, result in results.items() if not result.passed}
    for name, result in failed.items():
        print(f"\n{name}: {result.explain()}")
    if not failed:
        print()
        print(aligned(phase_table(results),
                      (("", 1), ("", 1), (f"- {RUNS[1]} -", 3), (f"- {RUNS[2]} -", 3))))
        print()
        print(aligned(counter_table(results)))
        print()
    print("; ".join(f"{name}: {result.verdict}" for name, result in results.items()))
    return 1 if failed else 0
