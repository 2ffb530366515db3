# SPDX-License-Identifier: MIT
"""Ways into notrap, CPUs that it cannot use, and crashes of its own: with a clear record each."""
import re
import subprocess

import pytest

from tests.emu import boot as boot_module
from tests.emu import boots
from tests.emu.boot import Boot, Module
from tests.emu.efi import QemuEfi
from tests.emu.qemu import Qemu
from tests.emu.result import Expect

DEBUG_ELF = f"{boots.BUILD}/notrap.debug.elf"

BANNER = r"^notrap: notrap \S+, image ([0-9a-f]+)-([0-9a-f]+), RAM \d+ MB, CPU \S.*$"
HALTED = r"^notrap: halted$"
RET = bytes.fromhex("c3")


def address_of(symbol):
    symbols = subprocess.run(["nm", DEBUG_ELF], check=True, capture_output=True, text=True).stdout
    return int(re.search(rf"^([0-9a-f]+) \w {symbol}$", symbols, re.M).group(1), 16)


def place_of(symbol):
    """A symbol's offset in the file."""
    headers = subprocess.run(["readelf", "-lW", DEBUG_ELF], check=True, capture_output=True,
                             text=True).stdout
    for offset, start, _, size in re.findall(r"LOAD +0x(\w+) 0x(\w+) 0x(\w+) 0x(\w+)", headers):
        inside = address_of(symbol) - int(start, 16)
        if 0 <= inside < int(size, 16):
            return int(offset, 16) + inside
    raise LookupError(symbol)


@pytest.fixture
def with_code(tmp_path):
    """with_code(code): notrap with machine_start() replaced, so that it ends there."""
    def patch(code):
        with open(DEBUG_ELF, "rb") as elf:
            image = bytearray(elf.read())
        at = place_of("machine_start")
        image[at:at + len(code)] = code
        path = str(tmp_path / "notrap.elf")
        with open(path, "wb") as out:
            out.write(image)
        return path
    return patch


@pytest.fixture
def returning(with_code):
    """notrap that starts, prints its banner, and halts."""
    return with_code(RET)


def image_start(result):
    return int(re.search(BANNER, result.text, re.M).group(1), 16)


LOADED = Expect(HALTED, (BANNER,), boots.NEVER)


@pytest.mark.parametrize("model", ["core2_penryn_t9600", "tigerlake", "ryzen"])
@pytest.mark.parametrize("protocol", ["multiboot2", "multiboot"])
def test_grub(machine, passes, returning, model, protocol):
    """Whichever protocol GRUB uses, the image ends up in the last megabytes of RAM."""
    result = passes(machine(model, memory=128).run(Boot(returning, "stats=0", protocol), LOADED))
    assert image_start(result) >= 120 << 20


class QemuKernel(Qemu):
    """qemu -kernel: multiboot1, the image's address fields, names in the command lines."""

    def __init__(self, kernel, cmdline, memory=256):
        super().__init__("tcg", memory=memory)
        self.kernel, self.cmdline = kernel, cmdline

    def command(self, directory, iso, port):
        argv = super().command(directory, iso, port)
        at = argv.index("-cdrom")
        argv[at:at + 2] = ["-kernel", self.kernel, "-append", self.cmdline, "-initrd",
                           self.kernel + " as a module"]
        return argv


@pytest.mark.parametrize("memory, lowest", [(64, 56 << 20), (4096, 0xb0000000)])
def test_qemu_kernel(passes, returning, memory, lowest):
    result = passes(QemuKernel(returning, "stats=0", memory).run(Boot(returning), LOADED))
    assert image_start(result) >= lowest


def test_qemu_kernel_unknown_option(returning):
    """The kernel's name, which QEMU puts first, is not taken for an option; the option is read."""
    result = QemuKernel(returning, "no=such").run(
        Boot(returning), Expect(HALTED, (r'^notrap: error: unknown option "no=such".*',)))
    assert result.passed, result.explain()


def test_ram_up_to_the_last_page_frame(passes):
    """The topmost page frame that the CPU can name is RAM: traps have its address, so it is hidden.

    The MMU asserts that it is; a guest that is given it makes leaves that pass for traps.
    """
    machine = Qemu("tcg", "max,-la57,phys-bits=33", memory=7168,
                   more=["-global", "i440FX-pcihost.pci-hole64-size=0"])
    boot = boots.notrap("stats=0", [Module(boots.BENCH, "n=512")])
    result = passes(machine.run(boot, boots.guest_expect()))
    assert result.find(r"^notrap: .*RAM 716\d MB")


# GRUB looks for a text mode, which an EFI machine has not, and says so with an "error:".
UEFI_LOADED = Expect(HALTED, (BANNER,), (r"^notrap: (error|fatal): .*",))


def test_uefi(passes, returning):
    boot = Boot(returning, modules=[Module(returning, "x")])
    result = passes(QemuEfi("tcg").run(boot, UEFI_LOADED))
    assert image_start(result) >= 200 << 20


@pytest.mark.parametrize("firmware, expect", [(Qemu, LOADED), (QemuEfi, UEFI_LOADED)])
def test_menu(passes, returning, tmp_path, firmware, expect):
    """The ISO with a menu for people starts by BIOS and by UEFI."""
    menu, boot = str(tmp_path / "menu.iso"), Boot(returning, "stats=0")
    boot_module.write_iso(menu, [("notrap", boot)], timeout=1)

    class Menu(firmware):
        def command(self, directory, iso, port):
            return super().command(directory, menu, port)

    passes(Menu("tcg").run(boot, expect))


# mov ecx, 0x1a0; rdmsr; test eax, 1 << 22; jnz bad; test edx, 1 << 2; jz good; bad: ud2; good: ret
SWITCHED_ON = bytes.fromhex("b9a00100000f32 a900004000 7508 f7c204000000 7402 0f0b c3")


def test_switches_of_the_firmware(passes, with_code, monkeypatch):
    """A CPU that wakes up without NX and CPUID's later leaves is switched on (no AMD CPU's MSR)."""
    monkeypatch.setattr(boot_module, "GRUB_MODULES", f"{boot_module.GRUB_MODULES} rdmsr wrmsr")
    boot = Boot(with_code(SWITCHED_ON), before=["wrmsr 0x1a0 0x400400001", "rdmsr 0x1a0"])
    result = passes(Qemu("tcg", "Nehalem").run(boot, LOADED))
    assert result.find(r"^0x400400001$")


@pytest.mark.parametrize("cpu, line", [
    ("qemu32", r"^notrap: fatal: this CPU has no long mode .*"),
    ("max,-lm", r"^notrap: fatal: this CPU has no long mode .*"),
    ("max,-nx", r"^notrap: fatal: this CPU has no NX pages .*"),
])
def test_cpu_without(cpu, line):
    result = Qemu("tcg", cpu).run(boots.notrap(), boots.error_expect(line))
    assert result.passed, result.explain()


NO_RIP = r"^notrap: RIP [0-9a-f]{16}$"
IN_START = r"^notrap: RIP ffffffff[0-9a-f]{8} machine_start\+0x[0-9a-f]+$"
FROM_MAIN = r"^notrap:   from ffffffff[0-9a-f]{8} boot_main\+0x[0-9a-f]+$"

CRASHES = {
    # mov byte [0x10], 0
    "null pointer": ("c6042510000000 00", [r"14 \(#PF.*error code 2$", IN_START, FROM_MAIN,
                                           r"^notrap: CR0 .* CR2 0{14}10 "]),
    # lea rax, [rip]; mov byte [rax], 0
    "writing code": ("488d0500000000 c60000", [r"14 \(#PF.*error code 3$", IN_START, FROM_MAIN]),
    # mov rax, gs:[0]; jmp rax: this CPU's struct
    "executing data": ("65488b042500000000 ffe0", [r"14 \(#PF.*error code 11$", NO_RIP,
                                                   FROM_MAIN]),
    # mov rax, 0xffff800000100000; jmp rax: the direct map
    "executing RAM": ("48b80000100000 80ffff ffe0", [r"14 \(#PF.*error code 11$", FROM_MAIN]),
    "invalid opcode": ("0f0b", [r"6 \(#UD", IN_START, FROM_MAIN]),
    # mov rax, 1 << 63; mov rax, [rax]
    "non-canonical address": ("48b80000000000000080 488b00", [r"13 \(#GP", IN_START, FROM_MAIN]),
    # call itself
    "stack overflow": ("e8fbffffff", [r"8 \(#DF", IN_START,
                                      r"^notrap: the stack has overflowed$"]),
    # mov rsp, 0x1000; ud2
    "stack pointer lost": ("48c7c400100000 0f0b", [r"8 \(#DF", IN_START,
                                                   r"^notrap: RSP is on no stack of this CPU$"]),
}


@pytest.mark.parametrize("crash, host", [(crash, "qemu-tcg") for crash in CRASHES] + [
    ("stack overflow", "bochs"), ("executing data", "bochs")])
def test_crash_record(with_code, passes, crash, host):
    code, lines = CRASHES[crash]
    need = (BANNER, r"^notrap: fatal: exception " + lines[0], *lines[1:],
            r"^notrap: RAX [0-9a-f]{16} RCX ", r"^notrap: R13 ")
    result = passes(boots.machine(host).run(Boot(with_code(bytes.fromhex(code))),
                                            Expect(HALTED, need)))
    assert result.text.count("notrap: fatal:") == 1


def test_code_is_read_only_in_the_direct_map(machine, with_code, passes):
    variable = address_of("map_image_hpa").to_bytes(8, "little")[:4]
    # mov rax, [map_image_hpa]; mov rdx, 0xffff800000000000; mov byte [rax + rdx + 0x1000], 0
    code = bytes.fromhex("488b0425") + variable + bytes.fromhex("48ba000000000080ffff"
                                                                "c684100010000000")
    passes(machine("tigerlake").run(Boot(with_code(code)), Expect(HALTED, (
        r"^notrap: fatal: exception 14 \(#PF.*error code 3$", IN_START, r" CR2 ffff8000"))))


def test_nmi_is_no_crash(machine, with_code, passes):
    """INT 2; RET: the NMI's handler notes it and returns."""
    passes(machine("tigerlake").run(Boot(with_code(bytes.fromhex("cd02c3"))), LOADED))
