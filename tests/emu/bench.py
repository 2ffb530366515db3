# SPDX-License-Identifier: MIT
"""The built-in guest in several ways, side by side; above all bare, bypass_guest_pf=0, =1."""
import concurrent.futures

from . import boots
from .boot import Boot

LIMIT = 60
NATIVE = "native"
RUNS = (NATIVE, "bypass_guest_pf=0", "bypass_guest_pf=1")
# {heading: notrap's options}; None is the bare machine.
WAYS = {name: None if name == NATIVE else name for name in RUNS}


def each(keys, go, at_once=2):
    """go(key) of each, so many emulators at a time: {key: Result}."""
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        return dict(zip(keys, pool.map(go, keys)))


# Words that change nothing.
DEFAULTS = {"mmu=shadow", "bypass_guest_pf=1", "filter=auto", "sync=hybrid", "trap=auto"}
# Of machines that repeat: {what decides a run: its Result}.
DONE = {}


def boot(machine, way, options):
    if way is None:
        return machine.run(Boot(boots.BENCH), boots.bare_expect(), LIMIT)
    return machine.run(boots.notrap(f"{options} {way}".strip()), boots.guest_expect(),
                       boots.limit(LIMIT, options))


def run(machine, way, options=""):
    """Boot the built-in guest in one way; or what such a run has said already."""
    if not machine.repeats:
        return boot(machine, way, options)
    words = None if way is None else frozenset(f"{options} {way}".split()) - DEFAULTS
    key = str(machine), machine.memory, machine.cpus, words
    if key not in DONE:
        DONE[key] = boot(machine, way, options)
    return DONE[key]


def run_all(machine, options="", ways=None):
    """Boot each way: {heading: Result}."""
    ways = ways or WAYS
    return each(list(ways), lambda name: run(machine, ways[name], options), machine.at_once)


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


def columns(name, keys):
    """What a phase's row says of one way: on the bare machine nothing exits."""
    return ("ticks",) if name == NATIVE else keys


def headings(names, keys):
    """A phase table's two lines of headings: (title, columns) for aligned(), and a row."""
    titles, row = [("", 1)], ["phase (per operation)"]
    for name in names:
        bare = name == NATIVE
        titles.append(("" if bare else f"- {name} -", len(columns(name, keys))))
        row += ["native ticks"] if bare else keys
    return titles, row


def phase_rows(results, keys):
    """A row for each phase, the ways side by side."""
    rows = []
    for phase in next(iter(results.values())).phases:
        row = [phase]
        for name, result in results.items():
            if phase not in result.phases:
                raise LookupError(f"{name}: phase {phase} is missing; {result.reason}")
            row += [number(per_op(result.phases[phase], key)) for key in columns(name, keys)]
        rows.append(row)
    return rows


def phase_table(results):
    """What `make run` says of the phases."""
    keys = ("faults", "exits", "ticks")
    titles, row = headings(results, keys)
    return aligned([row] + phase_rows(results, keys), titles)


def counter_table(results):
    off, on = (results[name].counters for name in RUNS[1:])
    return aligned([["counter", RUNS[1], RUNS[2]]] + [
        [name, f"{off.get(name, 0):,}", f"{on.get(name, 0):,}"]
        for name in list(off) + [name for name in on if name not in off]])


def aligned(rows, heads=()):
    """Rows as text: the first column to the left, the others to the right.

    heads: (title, the number of columns below it), for a line above. A row of a single cell is a
    line of its own and asks for no width.
    """
    whole = [row for row in rows if len(row) > 1]
    widths = [max(len(row[i]) for row in whole) for i in range(len(whole[0]))]
    lines = []
    if heads:
        line, at = "", 0
        for title, columns_ in heads:
            width = sum(widths[at:at + columns_]) + 2 * (columns_ - 1)
            line += ("  " if at else "") + title.center(width)
            at += columns_
        lines.append(line.rstrip())
    for row in rows:
        cells = [row[0].ljust(widths[0] if len(row) > 1 else 0)]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  ".join(cells))
    return "\n".join(lines)


def conclude(groups, tables):
    """Print what failed, or else each of tables(), and the verdicts; an exit code: 0, all passed.

    groups: {title, or nothing: {heading: Result}}
    """
    failed = False
    for title, results in groups.items():
        for name, result in results.items():
            if not result.passed:
                print("\n" + f"{title} {name}: ".lstrip() + result.explain())
                failed = True
    print()
    for text in [] if failed else tables():
        print(text + "\n")
    for title, results in groups.items():
        print((f"{title}: " if title else "") +
              "; ".join(f"{name}: {result.verdict}" for name, result in results.items()))
    return 1 if failed else 0


def compare(machine, options=""):
    """What `make run` does; its exit code."""
    print(f"the built-in guest on {machine}: bare, bypass_guest_pf=0, bypass_guest_pf=1",
          flush=True)
    results = run_all(machine, options)
    return conclude({"": results}, lambda: (phase_table(results), counter_table(results)))
