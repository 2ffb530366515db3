# SPDX-License-Identifier: MIT
"""What to boot: GRUB, a kernel, its command line and modules, packed as an ISO image."""
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field

# A test's GRUB: one platform's, with what it needs and no more.
GRUB_DIR = "/usr/lib/grub"
GRUB_MODULES = "normal iso9660 serial terminal multiboot multiboot2 linux halt test"
# For the firmware. What grub-mkrescue's own start-up file for EFI asks for is among it.
GRUB_PLATFORMS = {
    "i386-pc": "biosdisk vbe",
    "x86_64-efi": "efi_gop part_acorn part_amiga part_apple part_bsd part_dfly part_dvh part_gpt "
                  "part_msdos part_plan part_sun part_sunpc"}


@dataclass
class Module:
    """A file that GRUB loads beside the kernel, with the words after its name."""

    path: str
    cmdline: str = ""


def quoted(words):
    """A command line as GRUB's script language must be given it, whatever is in it."""
    def quote(word):
        if re.fullmatch(r"[\w./:=,+-]*", word, re.ASCII):
            return word
        return "'" + word.replace("'", "'\\''") + "'"
    return " ".join(map(quote, words.split()))


@dataclass
class Boot:
    """One boot: `protocol` is GRUB's command for the kernel: multiboot2, multiboot or linux."""

    kernel: str
    cmdline: str = ""
    protocol: str = "multiboot2"
    modules: list = field(default_factory=list)
    before: list = field(default_factory=list)  # GRUB's commands before these

    def grub_lines(self, name):
        """GRUB's commands; name(path) is the file's name on the ISO."""
        kernel = f"{self.protocol} {name(self.kernel)} {quoted(self.cmdline)}".rstrip()
        if self.protocol == "linux":
            lines = [kernel] + [" ".join(["initrd", *(name(m.path) for m in self.modules)])]
        else:
            command = {"multiboot2": "module2", "multiboot": "module"}[self.protocol]
            lines = [kernel] + [
                f"{command} --nounzip {name(m.path)} {quoted(m.cmdline)}".rstrip()
                for m in self.modules]
        return self.before + lines

    def what(self):
        """One line that tells this boot from others."""
        words = [f"{os.path.basename(m.path)} {m.cmdline}".rstrip() for m in self.modules[:1]]
        return ", ".join(filter(None, [self.cmdline] + words)) or os.path.basename(self.kernel)

    def files(self):
        return [self.kernel] + [m.path for m in self.modules]


def write_iso(iso, entries, timeout=0, platform="i386-pc"):
    """Write an ISO whose GRUB menu holds entries: a list of (title, Boot). The first is booted.

    platform: GRUB's name of the firmware's kind. With a timeout it is a menu for people: on the
    screen as well, and for each kind of firmware that GRUB is installed for.
    """
    with tempfile.TemporaryDirectory() as tree:
        names = {}

        def name(path):
            """Hard-link or copy a file into the tree, once; equal base names get numbers."""
            path = os.path.abspath(path)
            if path not in names:
                base = os.path.basename(path)
                taken = set(names.values())
                if f"/{base}" in taken:
                    base = f"{len(names)}-{base}"
                shutil.copyfile(path, os.path.join(tree, base))
                names[path] = f"/{base}"
            return names[path]

        menu = ["serial --unit=0 --speed=115200"]
        # A menu for people goes to the screen as well; a test has GRUB's errors on the line only.
        menu += [f"terminal_{way} serial" + (" console" if timeout else "") for way in
                 ("input", "output")]
        menu += [f"set timeout={timeout}", "set default=0"]
        for title, boot in entries:
            menu.append(f'menuentry "{title}" {{')
            menu += ["\t" + line for line in boot.grub_lines(name)]
            menu += ["\tboot", "}"]
        os.makedirs(os.path.join(tree, "boot/grub"))
        with open(os.path.join(tree, "boot/grub/grub.cfg"), "w", encoding="utf-8") as cfg:
            cfg.write("\n".join(menu) + "\n")
        one = [] if timeout else [
            "-d", f"{GRUB_DIR}/{platform}",
            f"--install-modules={GRUB_MODULES} {GRUB_PLATFORMS[platform]}"]
        subprocess.run(
            ["grub-mkrescue", *one, "--locales=", "--fonts=", "--themes=", "-o", iso, tree],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
