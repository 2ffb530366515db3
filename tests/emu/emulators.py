# SPDX-License-Identifier: MIT
"""Which emulator is started: the system's, or one of a later Debian's from `make emulators`.

EMULATORS=trixie|forky in the environment makes that release's the ones that all tests start, where
it has them.
"""
import os
import shutil

HOME = os.path.normpath(os.path.join(os.path.dirname(__file__), "../../build/emulators"))
# What each release brings, and the short name for HOST=.
PROGRAMS = {"trixie": ("qemu-system-x86_64",), "forky": ("bochs", "qemu-system-x86_64")}
NAMES = {"bochs3": "forky", "qemu10": "trixie", "qemu11": "forky"}
DEFAULT = os.environ.get("EMULATORS", "")


class HostError(Exception):
    """The emulator cannot be started here; the message says why and what to do."""


def choose(name, release):
    """The release that an emulator is taken from; "" for the system's own."""
    if release is None:
        release = DEFAULT if name in PROGRAMS.get(DEFAULT, ()) else ""
    return release


def program(name, release):
    """The path of an emulator, or an error that says what brings it."""
    path = f"{HOME}/{release}/{name}" if release else name
    if not shutil.which(path):
        raise HostError(f"{path} is not installed: make " + ("emulators" if release else "deps"))
    return path


def share(release):
    """Where the firmware of a release's emulators lies."""
    return f"{HOME}/{release}/root/usr/share" if release else "/usr/share"


def split(host):
    """(what runs, release) of a HOST=: bochs3 is forky's Bochs."""
    release = NAMES.get(host)
    if not release:
        return host, None
    return ("bochs" if host.startswith("bochs") else "qemu-tcg"), release
