# SPDX-License-Identifier: MIT
"""What a user can get wrong: one clear line each, and a clean end."""
import os
import re
import subprocess
import time

import pytest

from tests.emu import boots
from tests.emu.boot import Module, write_iso
from tests.emu.images import cut, elf32, noise, patched

MODEL = "corei7_skylake_x"


def ends_with(result, pattern):
    """The run ended with exactly one error line, and that line matches."""
    lines = [line for line in result.lines if re.match(r"notrap: (error|fatal): ", line)]
    assert len(lines) == 1, result.explain()
    assert re.search(pattern, lines[0], re.I), lines[0]
    assert result.passed, result.explain()


def boot(machine, pattern, options="", modules=(), model=MODEL, memory=256):
    expect = boots.error_expect(r"^notrap: halted$")
    result = machine(model, memory=memory).run(boots.notrap(options, modules), expect)
    ends_with(result, pattern)


@pytest.mark.parametrize("options, pattern", [
    ("frobnicate=1", r'unknown option "frobnicate=1", known: .*bypass_guest_pf='),
    ("bypass_guest_pf=2", r'bypass_guest_pf: bad value "2", known: 0\|1'),
    ("sync=maybe", r'sync: bad value "maybe", known: hybrid'),
    ("audit=often", r'audit: bad value "often"'),
    ("guest=nosuch", r'option guest: bad value "nosuch", known: bench$'),
    # As GRUB hands it on: quotes with a backslash each.
    ("'a;b\"$c{d}|\u00e9", r"""unknown option "\\'a;b\\"\$c{d}\|\u00e9", """),
])
def test_options(machine, options, pattern):
    boot(machine, pattern, options)


@pytest.mark.parametrize("model, pattern", [
    ("p4_prescott_celeron_336", r"this CPU has no VMX .*VT-x"),
    ("athlon64_clawhammer", r"this CPU has no SVM .*AMD-V"),
])
def test_cpu_without_virtualization(machine, model, pattern):
    boot(machine, pattern, model=model)


def test_too_little_memory(machine):
    boot(machine, r"too little|memory", memory=8)


def test_module_is_no_kernel(machine, tmp_path):
    boot(machine, r"module 1.* is no kernel that notrap knows", modules=[
        Module(noise(tmp_path / "noise", 20000))])


@pytest.mark.parametrize("size", [0x400, 0x1000, 2_000_000])
def test_truncated_bzimage(machine, tmp_path, size):
    boot(machine, r"module 1.* is a truncated bzImage", modules=[
        Module(cut(boots.VMLINUZ, tmp_path / "vmlinuz", size))])


def test_bzimage_with_wrong_setup_sects(machine, tmp_path):
    """0 means 4; the kernel has more."""
    boot(machine, r"module 1.* broken setup header: with 0 setup sectors .* no compressed kernel",
         modules=[Module(patched(boots.VMLINUZ, tmp_path / "vmlinuz", 0x1f1, b"\0"))])


# Cut in the first segment: without the multiboot header before that, it is no known kernel.
@pytest.mark.parametrize("size", [8192, 10000])
def test_truncated_elf(machine, tmp_path, size):
    boot(machine, r"module 1.* is a truncated ELF", modules=[
        Module(cut(boots.BENCH, tmp_path / "guest.elf", size))])


def test_segment_over_the_hypervisor(machine, tmp_path):
    # notrap is as high as it can be; the firmware's own tables lie above it.
    kernel = elf32(tmp_path / "huge.elf", 0x100000, 254 << 20)
    boot(machine, r"lies over notrap's own memory", modules=[Module(kernel)])


def test_initrd_too_large(machine, tmp_path):
    initrd = noise(tmp_path / "initrd", 30 << 20)
    boot(machine, r"the initrd, is too large", modules=[Module(boots.VMLINUZ), Module(initrd)],
         memory=96)


def test_the_files_are_there():
    """The tests above would pass for the wrong reason without them."""
    assert os.path.getsize(boots.VMLINUZ) > 2_000_000 and os.path.getsize(boots.BENCH) > 8192


def screen_of(iso, last, seconds=120):
    """The text on the screen of a machine without serial ports, once it has a line like `last`."""
    folder = os.path.dirname(iso)
    saved = os.path.join(folder, "screen")
    argv = ["qemu-system-x86_64", "-cpu", "max", "-cdrom", iso, "-display", "none", "-serial",
            "none", "-nic", "none", "-monitor", "stdio"]
    with subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *argv], cwd=folder, text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as qemu:
        lines, end = [], time.monotonic() + seconds
        while time.monotonic() < end and not any(re.search(last, line) for line in lines):
            qemu.stdin.write("pmemsave 0xb8000 4000 screen\n")
            qemu.stdin.flush()
            time.sleep(0.5)
            if os.path.exists(saved):
                with open(saved, "rb") as file:
                    text = file.read()[::2].decode("latin-1")
                lines = [text[at:at + 80].rstrip() for at in range(0, len(text), 80)]
        qemu.kill()
    return lines


@pytest.mark.parametrize("options", ["frobnicate=1", "frobnicate=1 console=none"])
def test_without_a_serial_port(tmp_path, options):
    """What is wrong is said on the screen."""
    iso = str(tmp_path / "boot.iso")
    write_iso(iso, [("notrap", boots.notrap(options))])
    lines = screen_of(iso, "^notrap: halted$")
    assert lines[-1] == "notrap: halted"
    assert any(line.startswith('notrap: error: unknown option "frobnicate=1"') for line in lines)
