# SPDX-License-Identifier: MIT
"""The guests that change large pages one by one: bare, and under each policy."""
from . import bench, boots
from .bench import NATIVE
from .boot import Boot, Module
from .guests import elf
from .ways import KEYS, SYNC

GUESTS = ("large", "large32")
LIMIT = 120
# MiB, at least: the guests' pages are there.
MEMORY = 1024


def run(machine, guest, options):
    """Boot one of them; options: notrap's, or None on the bare machine."""
    if options is None:
        return machine.run(Boot(elf(guest)), boots.bare_expect(), LIMIT)
    return machine.run(boots.notrap(options, [Module(elf(guest))]), boots.guest_expect(),
                       boots.limit(LIMIT, options))


def compare(machine, options=""):
    """What `make compare-large` does; its exit code."""
    machine.memory = max(machine.memory, MEMORY)
    print(f"large pages changed one by one on {machine}", flush=True)
    ways = {NATIVE: None, **{way: f"{options} {way}".strip() for way in SYNC.values()}}
    keys = [(guest, name) for guest in GUESTS for name in ways]
    done = bench.each(keys, lambda key: run(machine, key[0], ways[key[1]]), machine.at_once)
    results = {guest: {name: done[guest, name] for name in ways} for guest in GUESTS}

    def table():
        titles, row = bench.headings(ways, KEYS)
        rows = [row]
        for guest in GUESTS:
            rows += [[""], [guest]] + bench.phase_rows(results[guest], KEYS)
        return bench.aligned(rows, titles)

    return bench.conclude(results, lambda: [table()])
