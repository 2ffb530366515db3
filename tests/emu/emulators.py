# SPDX-License-Identifier: MIT
"""Which emulator is started: the system's, or one of a later Debian's from `make emulators`.

EMULATORS= in the environment has names of these: all tests start them in place of the system's.
"""
import os
import re
import shutil

HOME = os.path.normpath(os.path.join(os.path.dirname(__file__), "../../build/emulators"))
# The short names, for HOST= and EMULATORS=: (program, the release that it is of).
NAMES = {"bochs30": ("bochs", "trixie"), "bochs3": ("bochs", "forky"),
         "qemu10": ("qemu-system-x86_64", "trixie"), "qemu11": ("qemu-system-x86_64", "forky")}
# What an emulator's own fault forbids, on its bare machine too: {(program, release): (pattern,
# why)}. docs/testing.md has the evidence. Of files, which it cannot boot:
BUGS = {("bochs", "forky"): (
    r"/(vmlinuz-amd64|xen)", "no 64-bit Linux on Bochs 3.1: its IDIV of 64 bits is wrong")}
# Of its own last words, which no guest is to blame for:
PANICS = {("bochs", "trixie"): (
    r"asked to set dirty on paging leaf entry with R/W bit clear",
    "Bochs 3.0 panics at a write to a read-only page with CR0.WP=0 on CPUs with CET")}
INSTEAD = os.environ.get("EMULATORS", "").split()


class HostError(Exception):
    """The emulator cannot be started here; the message says why and what to do."""


def instead(name, words):
    """The release whose program the words of EMULATORS= put in the place of the system's, or ""."""
    for word in words:
        if word not in NAMES:
            raise HostError(f'EMULATORS="{word}" is none of: {" ".join(NAMES)}')
    return dict(NAMES[word] for word in words).get(name, "")


def choose(name, release):
    """The release that an emulator is taken from; "" for the system's own."""
    return instead(name, INSTEAD) if release is None else release


def program(name, release):
    """The path of an emulator, or an error that says what brings it."""
    path = f"{HOME}/{release}/{name}" if release else name
    if not shutil.which(path):
        raise HostError(f"{path} is not installed: make " + ("emulators" if release else "deps"))
    return path


def bug(known, name, release, lines):
    """Why this emulator cannot run what one of these lines tells of, or None.

    known: BUGS, for the names of files; PANICS, for its last words.
    """
    pattern, why = known.get((name, release), (None, None))
    return why if pattern and any(re.search(pattern, line) for line in lines) else None


def share(release):
    """Where the firmware of a release's emulators lies."""
    return f"{HOME}/{release}/root/usr/share" if release else "/usr/share"


def split(host):
    """(what runs, release) of a HOST=: bochs3 is forky's Bochs."""
    if host not in NAMES:
        return host, None
    name, release = NAMES[host]
    return ("bochs" if name == "bochs" else "qemu-tcg"), release
