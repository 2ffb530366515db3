# SPDX-License-Identifier: MIT
"""The ways to run: every combination of sync=, trap= and bypass_guest_pf=, shared out to models.

SOAK=1 in the environment (make soak) asks for all of them on every model.
"""
import itertools
import os

MODELS = ["core2_penryn_t9600", "corei7_skylake_x", "tigerlake"]
SOAK = os.environ.get("SOAK") == "1"

SYNC, TRAP, BYPASS = ["hybrid", "always", "never"], ["auto", "address", "structural"], [1, 0]
# (sync, trap, bypass_guest_pf)
WAYS = list(itertools.product(SYNC, TRAP, BYPASS))
DEFAULT = WAYS[0]


# What is farthest from the defaults, for each model another.
FAR = dict(zip(MODELS, [("always", "structural", 1), ("never", "address", 0),
                        ("never", "structural", 1)]))


def options(way, audit=0):
    sync, trap, bypass = way
    return f"sync={sync} trap={trap} bypass_guest_pf={bypass} audit={audit}"


def name(*parts):
    """A test's id: a way in it is spelled out."""
    flat = itertools.chain.from_iterable(p if isinstance(p, tuple) else (p,) for p in parts)
    return "-".join(map(str, flat))


def share(model):
    """The defaults, and a third of all ways: what a model runs where not every one is asked of it.

    Each way is some model's; each model has every sync= and every trap=, with and without bypass.
    """
    third = MODELS.index(model)
    return [way for way in WAYS if way[:2] == ("hybrid", "auto") or
            (SYNC.index(way[0]) + TRAP.index(way[1]) + way[2]) % len(MODELS) == third]


def sixth(turn):
    """Of all ways what one of six machines runs: each way is one machine's, each has all sync=."""
    return [way for at, way in enumerate(WAYS) if (at + SYNC.index(way[0])) % 6 == turn]


def half(ways, turn):
    """Of two ways that differ in bypass_guest_pf= alone one is in each half.

    What runs one half on one machine, or as one guest, runs the other half on another.
    """
    return [way for way in ways if (SYNC.index(way[0]) + way[2] + turn) % 2]


# Each two of sync=, trap= and bypass_guest_pf= meet, beside the defaults: what SOAK=1 adds where a
# test is of the machine, not of the tables.
PAIRS = [("always", "address", 1), ("never", "structural", 1), ("always", "structural", 0),
         ("never", "address", 0), ("hybrid", "structural", 1), ("hybrid", "address", 0)]


def also(*words, audit=0):
    """What a test of the machine is run with: these words, and with SOAK=1 PAIRS as well."""
    return [*words, *(options(way, audit) for way in PAIRS if SOAK)]


def of_model(model, turn=0):
    """Each way on each model with SOAK=1, else the defaults and a half of its share."""
    return WAYS if SOAK else [way for way in share(model)
                              if way in (DEFAULT, *half(share(model), turn))]
