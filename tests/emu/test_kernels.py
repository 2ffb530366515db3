# SPDX-License-Identifier: MIT
"""Other people's kernels as Debian packages them: with their own command lines, Xen, memtest86+."""
import pytest

from tests.emu import boots, matrix
from tests.emu.boot import Module
from tests.emu.matrix import SOAK
from tests.emu.result import Expect

LINUX = f"{boots.BUILD}/linux"
# What Debian's installer would leave there, where a serial line is the console; no panic may hang.
DEFAULT = "console=ttyS0,115200 panic=-1"
# QEMU's quick; Bochs takes a minute and more, since mitigations and KASLR are on.
LIMIT = 400

KERNELS = {"amd64": "amd64", "amd64-full": "amd64", "amd64-rt": "amd64", "i686-pae": "i386"}
HOSTS = [("qemu-tcg", "max")] + ([("bochs", "broadwell_ult")] if SOAK else [])
# SOAK=1: in what is farthest from the defaults, too.
WAYS = [""] + ([matrix.options(way) for way in (("always", "structural", 0),
                                                ("never", "address", 1))] if SOAK else [])


def initramfs(arch):
    return Module(f"{LINUX}/initramfs-{arch}.cpio")


@pytest.mark.parametrize("host, model", HOSTS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_default_command_line(passes, kernel, host, model):
    """KASLR and mitigations on."""
    modules = [Module(f"{LINUX}/vmlinuz-{kernel}", DEFAULT), initramfs(KERNELS[kernel])]
    result = passes(boots.machine(host, model, 512).run(
        boots.notrap(modules=modules), boots.linux_expect(), LIMIT))
    assert result.powered_off


@pytest.mark.parametrize("host, model", HOSTS)
def test_suspend(passes, host, model):
    """No sleep but what Linux can end by itself: the cloud's kernel has none at all."""
    words = f"{boots.LINUX_CMDLINE} selfcheck_suspend=1"
    modules = [Module(f"{LINUX}/vmlinuz-amd64-full", words), initramfs("amd64")]
    expect = boots.linux_expect()
    expect.need += (r"ACPI: PM: \(supports S0 S5\)$", r"^linux: sleep states = freeze mem disk$",
                    r"^linux: mem sleep = \[s2idle\]$", r"^linux: disk sleep = \[shutdown\] ",
                    r"PM: suspend entry \(s2idle\)$", r"^linux: awake again$")
    passes(boots.machine(host, model, 512).run(boots.notrap(modules=modules), expect, LIMIT))


# It draws a screen, on the serial line too; this much of it comes once the first test runs.
MEMTEST = Expect(r"^Using: .* Errors: 0 ", (r"^CPU: 1 Cores .* Status: Testing",), boots.NEVER)


# Each build on each emulator with SOAK=1, else on one.
MEMTEST_RUNS = [("ia32", "qemu-tcg", "max"), ("x64", "bochs", "corei7_skylake_x")]
if SOAK:
    MEMTEST_RUNS += [("x64", "qemu-tcg", "max"), ("ia32", "bochs", "corei7_skylake_x")]


@pytest.mark.parametrize("build, host, model", MEMTEST_RUNS)
@pytest.mark.parametrize("options", WAYS)
def test_memtest(passes, options, build, host, model):
    """Its bzImage's size is rounded up."""
    kernel = f"{LINUX}/memtest86+{build}.bin"
    passes(boots.machine(host, model).run(
        boots.notrap(options, [Module(kernel, "console=ttyS0,115200")]), MEMTEST, 120))


# Xen starts in real mode otherwise, to ask the BIOS for video modes and disks.
XEN = "com1=115200,8n1 console=com1 dom0_mem=256M noreboot no-real-mode edd=off"
DOM0 = "console=hvc0 nokaslr mitigations=off cryptomgr.notests=1"
XEN_END = (r"^\(XEN\) .*(Preparing system for ACPI S5|halting machine)|"
           r"^notrap: (powering off|halted)$")
XEN_NEED = (r"^\(XEN\) Dom0 has maximum 1 VCPUs$", r"^linux: self-check pass$")
XEN_NEVER = boots.NEVER + (boots.PANIC, r"^\(XEN\) .*([Pp]anic|crashed).*",
                           r"^linux: self-check fail$")
# With SMAP QEMU 7.2 gives Xen's guests page faults that are none, on the bare machine too.
XEN_HOSTS = [("qemu-tcg", "max,-smap")] + ([("bochs", "broadwell_ult")] if SOAK else [])


def xen(options):
    modules = [Module(f"{LINUX}/vmlinuz-amd64-full", DOM0), initramfs("amd64")]
    return boots.notrap(options, [Module(f"{LINUX}/xen", XEN)] + modules)


@pytest.mark.parametrize("host, model", XEN_HOSTS)
@pytest.mark.parametrize("options", WAYS)
def test_xen(passes, options, host, model):
    """Dom0 is paravirtualised: it runs in rings 1 to 3, on page tables that Xen checks."""
    result = passes(boots.machine(host, model, 512).run(
        xen(options), Expect(XEN_END, XEN_NEED, XEN_NEVER), 3600 if SOAK else 1200))
    # Both command lines are whole: Xen drops a first word unless the loader is GRUB.
    assert result.find(r"^\(XEN\) Command line: com1=")
    assert result.find(r"Command line: console=hvc0 ")
