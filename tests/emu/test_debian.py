# SPDX-License-Identifier: MIT
"""A Debian on a disk, under notrap by the menu entry of README.md: it boots until systemctl says
"running", its disk, network and compiler work, it reboots and powers off."""
import re

import pytest

from tests.emu import boots, debian
from tests.emu.matrix import SOAK

# Seconds of QEMU's CPU time for each boot; and to make an initrd.
LIMIT, UPGRADE = 300, 900
README, HARDWARE = (f"{boots.BUILD}/../{name}" for name in ("README.md", "docs/hardware.md"))


def entry(path):
    with open(path, encoding="utf-8") as file:
        return re.search(r'^menuentry "Linux under notrap" \{\n.*?^\}$', file.read(),
                         re.M | re.S).group(0)


def test_the_entry_is_one():
    """The image has README's; the other document says the same."""
    assert entry(README) == entry(HARDWARE)


# {name: (boots, what debian.run_qemu() is told)}
WAYS = {"bios": (1, {})}
if SOAK:
    WAYS |= {
        "bios-ide": (2, {"devices": "ide", "options": "bypass_guest_pf=0", "cpus": 2}),
        "bios-npt": (2, {"options": "mmu=npt", "upgrade": True}),
        "uefi": (2, {"efi": True}),
        "uefi-q35-nvme": (2, {"efi": True, "devices": "nvme", "chipset": "q35"}),
    }


@pytest.mark.parametrize("way", WAYS)
def test_debian(passes, tmp_path, way):
    count, words = WAYS[way]
    limit = count * LIMIT + (UPGRADE if words.get("upgrade") else 0)
    result = passes(debian.run_qemu(tmp_path, debian.image(), limit, count=count, **words))
    assert result.powered_off
