# SPDX-License-Identifier: MIT
"""Which emulator is started: the system's, or one of a later Debian's from `make emulators`.

EMULATORS= in the environment has names of these: all tests start them in place of the system's.
"""
import functools
import os
import re
import shutil
import subprocess

HOME = os.path.normpath(os.path.join(os.path.dirname(__file__), "../../build/emulators"))
# The short names, for HOST= and EMULATORS=: (program, the release that it is of).
NAMES = {"bochs30": ("bochs", "trixie"), "bochs3": ("bochs", "forky"),
         "qemu10": ("qemu-system-x86_64", "trixie"), "qemu11": ("qemu-system-x86_64", "forky")}
# What an emulator's own fault forbids, on its bare machine too, wherever that version comes from:
# {(program, version): (pattern, why)}. docs/testing.md has the evidence. Of files, which it cannot
# boot:
BUGS = {("bochs", (3, 1)): (
    r"/(vmlinuz-amd64|xen)", "no 64-bit Linux on Bochs 3.1: its IDIV of 64 bits is wrong")}
# Of its own last words, which no guest is to blame for:
PANICS = {("bochs", (3, 0)): (
    r"asked to set dirty on paging leaf entry with R/W bit clear",
    "Bochs 3.0 panics at a write to a read-only page with CR0.WP=0 on CPUs with CET")}
# From these on the emulators differ from those of Debian 12 in what the tests look at.
NEWER = {"bochs": (3, 0), "qemu-system-x86_64": (9, 2)}
# How each says its version: (the word that asks for it, what stands before it).
SAYS_VERSION = {"bochs": ("--help", "Bochs x86 Emulator"),
                "qemu-system-x86_64": ("--version", "QEMU emulator version")}
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


@functools.cache
def version(name, release):
    """(major, minor) of an emulator, as it says itself."""
    word, before = SAYS_VERSION[name]
    said = subprocess.run([program(name, release), word], capture_output=True, text=True,
                          check=False)
    found = re.search(before + r" (\d+)\.(\d+)", said.stdout + said.stderr)
    if not found:
        raise HostError(f"{name} {word} does not tell a version that can be read")
    return int(found[1]), int(found[2])


def newer(machine):
    """Is it one of those that NEWER tells of."""
    return version(machine.program, machine.release) >= NEWER[machine.program]


def bug(known, name, release, lines):
    """Why this emulator cannot run what one of these lines tells of, or None.

    known: BUGS, for the names of files; PANICS, for its last words.
    """
    if not lines or not any(name == program_of for program_of, _ in known):
        return None
    pattern, why = known.get((name, version(name, release)), (None, None))
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
