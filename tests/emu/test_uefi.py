# SPDX-License-Identifier: MIT
"""UEFI guests have what the firmware gave: runtime services, tables, a framebuffer."""
import pytest

from tests.emu import boots, matrix
from tests.emu.boot import Boot, Module
from tests.emu.efi import QemuEfi
from tests.emu.qemu import Qemu
from tests.emu.result import Expect

INITRAMFS = f"{boots.BUILD}/linux/initramfs-efi.cpio"
# GRUB says "error: no suitable video mode" where it has no driver for the screen.
NEVER = boots.NEVER[1:] + (boots.PANIC, r"^linux: self-check fail$")

FIRMWARE = (r"\] efi: EFI v\d\.\d+ by ", r"\] efi: .*SMBIOS=0x", r"\] DMI: QEMU ")
SERVICES = (r"^linux: efi variables = [1-9]\d*$", r"^linux: efi variable written, read, removed$",
            r"^linux: pstore = efi")


def linux(words):
    return [Module(boots.VMLINUZ, f"{boots.LINUX_CMDLINE} {words}"), Module(INITRAMFS)]


@pytest.mark.parametrize("options", matrix.also("", "bypass_guest_pf=0 audit=1024", "mmu=npt",
                                                audit=1024))
def test_linux_has_the_firmware(passes, options):
    expect = Expect(r"^notrap: (powering off|halted)$",
                    (r"^linux: self-check pass$", r"^notrap: powering off$") + FIRMWARE + SERVICES,
                    NEVER)
    passes(QemuEfi("tcg", memory=512).run(
        boots.notrap(options, linux("efi_pstore.pstore_disable=0")), expect,
        boots.limit(boots.LINUX_LIMIT, options)))


def test_linux_has_the_firmware_on_the_bare_machine(passes):
    """That is, the checks are sound."""
    passes(QemuEfi("tcg", memory=512).run(
        Boot(boots.VMLINUZ, f"{boots.LINUX_CMDLINE} efi_pstore.pstore_disable=0", "linux",
             [Module(INITRAMFS)]),
        Expect("reboot: Power down", (r"^linux: self-check pass$",) + FIRMWARE + SERVICES, NEVER),
        boots.LINUX_LIMIT))


@pytest.mark.parametrize("options", matrix.also(""))
def test_reset_by_the_firmware_is_seen(passes, options):
    """EFI's ResetSystem() ends in a port that notrap watches: the counters are printed."""
    passes(QemuEfi("tcg").run(
        boots.notrap(options, linux("quiet reboot=efi selfcheck_restart=1")),
        Expect(r"^notrap: resetting$", (r"^linux: self-check pass$", r"^notrap: counters end$"),
               NEVER), boots.LINUX_LIMIT))


def screen(passes, firmware, before, need):
    boot = boots.notrap(modules=linux(""))
    boot.before = before
    expect = Expect(r"^notrap: (powering off|halted)$", need, NEVER)
    passes(firmware("tcg").run(boot, expect, boots.LINUX_LIMIT))


def test_framebuffer_by_uefi(passes):
    screen(passes, QemuEfi, ["insmod efi_gop"], (r"\] efifb: mode is \d+x\d+x32",
                                                 r"\] fb0: EFI VGA frame buffer device$"))


def test_smbios_by_bios(passes):
    screen(passes, Qemu, [], (r"\] DMI: QEMU ", r"\] Console: colour VGA\+ 80x25$"))
