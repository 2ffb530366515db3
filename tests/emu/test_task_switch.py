# SPDX-License-Identifier: MIT
"""A guest that switches tasks in hardware: one clear line, on every kind of CPU."""
import struct

import pytest

from tests.emu import boots, matrix
from tests.emu.boot import Module
from tests.emu.images import elf32
from tests.emu.test_errors import ends_with

BASE = 0x200000
CODE = BASE + 12  # behind elf32()'s header
TABLES = CODE + 64
TSS_SEL = 8
FAR_JUMP = b"\xea" + struct.pack("<IH", 0, TSS_SEL)
UD2 = b"\x0f\x0b"


def kernel(path, last, cr3=0):
    """Load a GDT with an available TSS and an IDT with a task gate for #UD; then run `last`.

    The new task has page tables at cr3, and no more than that.
    """
    gdt, idt = TABLES + 16, TABLES + 32
    tss = idt + 64
    code = b"\x0f\x01\x15" + struct.pack("<I", TABLES)       # lgdt
    code += b"\x0f\x01\x1d" + struct.pack("<I", TABLES + 8)  # lidt
    code = (code + last).ljust(TABLES - CODE, b"\xf4")
    code += struct.pack("<HIxxHIxx", 15, gdt, 55, idt)
    code += bytes(8) + struct.pack("<HHBBBB", 0x67, tss & 0xffff, tss >> 16 & 0xff, 0x89, 0,
                                   tss >> 24)
    code += bytes(48) + struct.pack("<HHHH", 0, TSS_SEL, 0x8500, 0)
    code = code.ljust(tss - CODE, b"\0") + bytes(0x1c) + struct.pack("<I", cr3)
    return elf32(path, BASE, 4096, code.ljust(tss - CODE + 0x68, b"\0"))


@pytest.mark.parametrize("options", matrix.also(""))
@pytest.mark.parametrize("model", ["core2_penryn_t9600", "corei7_skylake_x"])
@pytest.mark.parametrize("last, pattern", [
    (FAR_JUMP, r"switches to the task of selector 8, by JMP at rip 20001a: "),
    (UD2, r"handler of vector 6 is a task, selector 8, at rip 20001a: "),
], ids=["jmp", "gate"])
def test_is_refused(machine, tmp_path, model, options, last, pattern):
    image = kernel(tmp_path / "task.elf", last)
    result = machine(model).run(boots.notrap(options, [Module(image)]),
                                boots.error_expect(r"^notrap: counters end$"))
    ends_with(result, pattern)


# QEMU does not exit for a task switch, and loads CR3. Tables in RAM that is empty: nothing can run.
@pytest.mark.parametrize("cr3", [0, 0x300000])
@pytest.mark.parametrize("last", [FAR_JUMP, UD2], ids=["jmp", "gate"])
@pytest.mark.parametrize("options", matrix.also("bypass_guest_pf=0", "bypass_guest_pf=1"))
def test_is_seen_without_an_exit(tmp_path, last, cr3, options):
    image = kernel(tmp_path / "task.elf", last, cr3)
    result = boots.machine("qemu-tcg", "max").run(
        boots.notrap(options, [Module(image)]),
        boots.error_expect(r"^notrap: counters end$"))
    ends_with(result, r"has switched to the task of selector 8, and this CPU did not stop it: ")
