# SPDX-License-Identifier: MIT
"""Broken kernels and initrds, made for the tests of the loaders' error lines."""
import struct

PT_LOAD = 1


def cut(source, path, size):
    """The first `size` bytes of a file."""
    with open(source, "rb") as whole, open(path, "wb") as part:
        part.write(whole.read(size))
    return str(path)


def patched(source, path, at, data):
    """A file with some bytes changed."""
    with open(source, "rb") as whole, open(path, "wb") as out:
        image = bytearray(whole.read())
        image[at:at + len(data)] = data
        out.write(image)
    return str(path)


def noise(path, size):
    """A file of `size` bytes that no loader knows."""
    with open(path, "wb") as out:
        out.write((b"not a kernel. " * (size // 14 + 1))[:size])
    return str(path)


def elf32(path, address, memsz, code=b"\xf4\xeb\xfd"):
    """A multiboot1 ELF32 kernel of one segment at a physical address: HLT in a loop.

    It has a section, of no kind: GRUB 2.12 takes no file without (no e_shoff).
    """
    header_at, magic, flags = 0x60, 0x1BADB002, 0
    multiboot = struct.pack("<III", magic, flags, -(magic + flags) & 0xFFFFFFFF)
    body = (multiboot + code).ljust(-(-len(multiboot + code) // 4) * 4, b"\0")
    elf = b"\x7fELF\x01\x01\x01" + bytes(9) + struct.pack(
        "<HHIIIIIHHHHHH", 2, 3, 1, address + len(multiboot), 52, header_at + len(body), 0, 52, 32,
        1, 40, 1, 0)
    segment = struct.pack("<IIIIIIII", PT_LOAD, header_at, address, address, len(body),
                          max(memsz, len(body)), 7, 16)
    with open(path, "wb") as out:
        out.write((elf + segment).ljust(header_at, b"\0") + body + bytes(40))
    return str(path)
