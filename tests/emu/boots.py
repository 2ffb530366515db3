# SPDX-License-Identifier: MIT
"""The boots that the Makefile and the tests share, each with how it is judged."""
import glob
import os
import re
from dataclasses import dataclass

from .boot import Boot, Module
from .bochs import Bochs
from .matrix import SOAK
from .nested_kvm import NestedKvm
from .qemu import Qemu, nested_kvm
from .result import Expect

BUILD = os.path.normpath(os.path.join(os.path.dirname(__file__), "../../build"))
NOTRAP = f"{BUILD}/notrap.elf"
BENCH = f"{BUILD}/guest/builtin/bench.elf"
# Debian's kernels: {name: the architecture of their programs}.
LINUX_ARCHES = {"amd64": "amd64", "i686-pae": "i386", "i686": "i386"}
VMLINUZ = f"{BUILD}/linux/vmlinuz-amd64"

# Everything that makes an emulated boot slow and has nothing to do with page tables is off.
# clearcpuid=fsrm: Bochs' tigerlake says fast short strings in CPUID and no fast strings in its MSR;
# Linux 6.1 believes both, and its memmove() then runs past its end, on the bare machine too.
# mwaitx: Bochs' ryzen sleeps in it for good. popcnt: its phenom has that in CPUID alone.
# lapic=notscdeadline: Linux uses that timer only where it sees a hypervisor, and then saves a wait
# of a tenth of a second at boot; so that bare and notrap do the same.
LINUX_CMDLINE = (
    "console=ttyS0,115200 nokaslr mitigations=off no_timer_check tsc=reliable lpj=1600000 "
    "cryptomgr.notests=1 noreplace-smp panic=-1 clearcpuid=fsrm,mwaitx,popcnt lapic=notscdeadline "
    "initcall_blacklist=load_system_certificate_list,trace_eval_init,cubictcp_register,"
    "init_kprobe_trace")

LINUX_LIMIT = 180
# What an audit at each exit multiplies the time of a run by; but no run that is awaited takes so
# long, and one that never ends should not either.
AUDIT_TIME, AUDITED_LIMIT = 100, 10_000 if SOAK else 300
# GRUB's own words, and the hypervisor's, that end any run.
NEVER = (r"^error: .*", r"^notrap: (error|fatal): .*")
PANIC = r"Kernel panic - not syncing.*"


def machine(host="auto", model=None, memory=256, **more):
    """The machine by its name on the command line."""
    if host == "auto":
        host = "qemu-kvm" if nested_kvm() else "bochs"
    if host == "bochs":
        return Bochs(model, memory, **more)
    if host == "nested-kvm":
        files = [NOTRAP, BENCH, *linux_files(), *glob.glob(f"{BUILD}/tests/guests/*.elf")]
        return NestedKvm(model, memory, files=files, **more)
    return Qemu(host.removeprefix("qemu-"), model, memory, **more)


def exits_per_audit(options):
    """What the last audit= among options says; 0 where there are no audits."""
    audit = re.search(r".*(?:^|\s)audit=(\d+)(?:\s|$)", options)
    return int(audit.group(1)) if audit else 0


def limit(seconds, options):
    """The limit of a run that takes so long without audits, with what its options ask of them."""
    every = exits_per_audit(options)
    longer = seconds * (1 + (AUDIT_TIME / every if every else 0))
    return max(seconds, min(longer, AUDITED_LIMIT))


def audited(result, options):
    """The audits that options ask for were made, and there were some."""
    every, counters = exits_per_audit(options), result.counters
    return not every or counters["mmu_audit"] >= max(counters["exits"] // every - 1, 1)


def notrap(options="", modules=()):
    return Boot(NOTRAP, options, "multiboot2", list(modules))


def guest_expect(need=()):
    """Under notrap a test guest says its verdict, then notrap ends the machine."""
    return Expect(r"^notrap: (powering off|halted)$",
                  (r"^guest: pass$", r"^notrap: counters end$", r"^notrap: powering off$") +
                  tuple(need),
                  NEVER + (r"^guest: fail.*",))


def bare_expect(need=()):
    return Expect(r"^guest: (pass|fail.*)$", (r"^guest: pass$",) + tuple(need),
                  NEVER + (r"^guest: fail.*",))


def error_expect(line):
    """A boot that must end with one clear error line, and in a clean end."""
    return Expect(r"^notrap: halted$", (line,))


def linux_files(arch="amd64"):
    """A kernel and the initramfs with the self-check for it."""
    return (f"{BUILD}/linux/vmlinuz-{arch}",
            f"{BUILD}/linux/initramfs-{LINUX_ARCHES[arch]}.cpio")


@dataclass(frozen=True)
class Kernel:
    """One of Debian's, with the self-check. more: further words on its command line"""

    more: str = "quiet"
    arch: str = "amd64"
    mitigated: bool = False  # as Linux chooses by default
    bench: bool = False      # the workloads of `make bench` as well
    # Its figures are to repeat: a program's pages lie the same in each run, for on that depends how
    # many tables it takes.
    measured: bool = False

    def words(self):
        words = LINUX_CMDLINE.replace("mitigations=off ", "") if self.mitigated else LINUX_CMDLINE
        return " ".join([words, self.more] + ["norandmaps"] * self.measured +
                        ["selfcheck_bench=1"] * self.bench).rstrip()

    def files(self):
        vmlinuz, initramfs = linux_files(self.arch)
        return vmlinuz, f"{BUILD}/linux/initramfs-bench.cpio" if self.bench else initramfs

    def modules(self):
        vmlinuz, initramfs = self.files()
        return [Module(vmlinuz, self.words()), Module(initramfs)]

    def bare(self):
        vmlinuz, initramfs = self.files()
        return Boot(vmlinuz, self.words(), "linux", [Module(initramfs)])


def linux_modules(more="", arch="amd64"):
    return Kernel(more, arch).modules()


def linux_bare(more="", arch="amd64"):
    return Kernel(more, arch).bare()


def linux_bare_expect():
    return Expect(r"reboot: Power down", (r"^linux: self-check pass$",),
                  NEVER + (PANIC, r"^linux: self-check fail$"))


def linux_expect():
    return Expect(r"^notrap: (powering off|halted)$",
                  (r"^linux: self-check pass$", r"^notrap: counters end$",
                   r"^notrap: powering off$"),
                  NEVER + (PANIC, r"^linux: self-check fail$"))
