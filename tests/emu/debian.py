# SPDX-License-Identifier: MIT
"""A Debian on a disk, as tools/debian-image makes it: boots by its own GRUB, checks itself, ends.

The disk is copied for each run, and gets notrap, tests/debian/check and what that has to know.
"""
import contextlib
import functools
import hashlib
import http.server
import os
import random
import subprocess
import threading

from . import boots
from .efi import QemuEfi
from .qemu import Qemu
from .result import Expect

CHECK = os.path.join(os.path.dirname(__file__), "../debian/check")
ROOT_AT = 36 << 20
FETCHED = 4 << 20
# Whose line does not say the name of the file that it is about.
DEBUGFS_BANNER = "debugfs "


def image(release="bookworm"):
    return f"{boots.BUILD}/debian/{release}.img"


def debugfs(disk, commands):
    """Commands of debugfs on the disk's root; it reports errors by text alone."""
    done = subprocess.run(["/sbin/debugfs", "-w", "-f", "-", f"{disk}?offset={ROOT_AT}"],
                          input="\n".join(commands) + "\n", capture_output=True, text=True,
                          check=True)
    errors = [line for line in done.stderr.splitlines() if not line.startswith(DEBUGFS_BANNER)]
    if errors:
        raise RuntimeError(f"{disk}: debugfs: " + "; ".join(errors))
    return done.stdout


def put(disk, source, path, replace=False):
    folder, name = os.path.split(path)
    debugfs(disk, [f"cd {folder}"] + ([f"rm {name}"] if replace else []) +
            [f"write {source} {name}"])


def change_menu(disk, directory, old, new):
    """Change a text in the disk's grub.cfg."""
    copy = os.path.join(directory, "grub.cfg")
    debugfs(disk, [f"dump /boot/grub/grub.cfg {copy}"])
    with open(copy, encoding="utf-8") as file:
        menu = file.read()
    if old not in menu:
        raise RuntimeError(f"{disk}: grub.cfg lacks: {old}")
    with open(copy, "w", encoding="utf-8") as file:
        file.write(menu.replace(old, new))
    put(disk, copy, "/boot/grub/grub.cfg", replace=True)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


@contextlib.contextmanager
def served(directory):
    """A file that the guest fetches by HTTP: (its address as the guest sees it, its SHA-256)."""
    data = random.Random(1).randbytes(FETCHED)
    os.makedirs(directory)
    with open(os.path.join(directory, "file"), "wb") as file:
        file.write(data)
    handler = functools.partial(Quiet, directory=directory)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield (f"http://10.0.2.2:{server.server_address[1]}/file",
                   hashlib.sha256(data).hexdigest())
        finally:
            server.shutdown()


def expect(count):
    """So many boots of which each passes, and a power-off."""
    need = [rf"^debian: boot {n}: pass$" for n in range(1, count + 1)]
    need += [r"^notrap: counters end$"] + [r"^notrap: resetting$"] * (count > 1)
    return Expect(r"^notrap: (powering off|halted)$", tuple(need),
                  boots.NEVER + (boots.PANIC, r"^debian: boot \d+: (wrong|fail).*"))


# {name: (QEMU's words for a disk and a network card)}
DEVICES = {
    "virtio": ["-device", "virtio-blk-pci,drive=disk,bootindex=1", "-device",
               "virtio-net-pci,netdev=net,romfile="],
    "ide": ["-device", "ide-hd,drive=disk,bootindex=1", "-device",
            "virtio-net-pci,netdev=net,romfile="],
    "nvme": ["-device", "nvme,drive=disk,serial=1,bootindex=1", "-device",
             "virtio-net-pci,netdev=net,romfile="],
}


def prepare(directory, source, count, options="", **told):
    """A copy of the disk, with the files of this run; its path. told: for tests/debian/check."""
    disk = os.path.join(directory, "disk")
    subprocess.run(["cp", "--sparse=always", source, disk], check=True)
    conf = os.path.join(directory, "check.conf")
    with open(conf, "w", encoding="ascii") as file:
        for name, value in {"boots": count, "efi": False, "upgrade": False,
                            "vendor": "", "url": "", "sum": "", **told}.items():
            file.write(f"{name}={int(value) if isinstance(value, bool) else value}\n")
    put(disk, boots.NOTRAP, "/boot/notrap.elf")
    put(disk, CHECK, "/root/check")
    put(disk, conf, "/root/check.conf")
    if options:
        change_menu(disk, directory, "/boot/notrap.elf", f"/boot/notrap.elf {options}")
    return disk


def run_qemu(directory, source, limit, count=1, devices="virtio", efi=False, chipset="pc",
             cpus=1, memory=1024, **more):
    """Boot it so many times; directory: an empty one, for the disk and what the network serves."""
    with served(os.path.join(directory, "served")) as (url, checksum):
        disk = prepare(directory, source, count, efi=efi, vendor="QEMU", url=url,
                       sum=checksum, **more)
        words = ["-drive", f"file={disk},if=none,id=disk,format=raw,cache=unsafe",
                 "-netdev", "user,id=net", *DEVICES[devices]]
        kind = QemuEfi if efi else Qemu
        return kind("tcg", "max", memory, cpus, chipset=chipset, more=words, reboot=True).run(
            None, expect(count), limit)
