# SPDX-License-Identifier: MIT
"""Nested KVM without VMX or SVM in hardware: Bochs runs Debian's kernel, whose KVM runs QEMU.

The machine that QEMU makes is the one under test: notrap is KVM's guest there, and its own guest
one level below. Bochs' start takes longer than most runs, so that one Bochs serves all runs that
follow each other with the same CPU model; tests/nested/init is what it runs.
"""
import atexit
import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from .bochs import AMD, Bochs, last_words
from .boot import Boot, Module, write_iso
from .emulators import HostError
from .machine import START_ATTEMPTS, Session
from .qemu import TABLES

BUILD = os.path.normpath(os.path.join(os.path.dirname(__file__), "../../build"))
KERNEL, ROOT = f"{BUILD}/linux/vmlinuz-amd64", f"{BUILD}/linux/nested.cpio"
# Ends each record that the machine says: tests/nested/init.
END = b"\x1e"
# Less than a second's instructions of a CPU of today: the firmware waits in such seconds.
IPS = 100_000_000
# MiB, beside the memory of QEMU's machine: the root is all in memory.
OWN_MEMORY = 640
# CPU seconds until the machine is up; and what a run's limit on Bochs alone is multiplied by.
START_LIMIT, SLOWER = 400, 10
# Bochs' ryzen sleeps in MWAITX for good. Nested KVM has run there without XSAVE alone.
CMDLINE_AMD = "clearcpuid=mwaitx noxsave"


def host_words(ips):
    """The command line of a Linux that KVM runs on, where a second has so many instructions."""
    return ("console=ttyS0,115200 nokaslr mitigations=off no_timer_check tsc=reliable "
            f"tsc_early_khz={ips // 1000} lpj={ips // 250} cryptomgr.notests=1 quiet "
            "initcall_blacklist=load_system_certificate_list,trace_eval_init,cubictcp_register,"
            "init_kprobe_trace")


def note(text):
    """A line beside what a run prints, which is silent for minutes."""
    print(f"nested KVM: {text}", file=sys.stderr, flush=True)


def pack(archive, there):
    """A cpio of {path here: name there}, in /boot."""
    with tempfile.TemporaryDirectory() as tree:
        for here, name in there.items():
            shutil.copyfile(here, os.path.join(tree, os.path.basename(name)))
        names = "".join(f"{name[1:]}\n" for name in there.values())
        os.symlink(".", os.path.join(tree, "boot"))
        with open(archive, "wb") as out:
            subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=tree, check=True,
                           input=names.encode(), stdout=out)


class Host:
    """A running Bochs with Debian's kernel and KVM, stopped between two runs."""

    running = None
    lock = threading.Lock()

    def __init__(self, model, memory, files):
        self.model, self.memory = model, memory
        self.there = {path: f"/boot/{number}-{os.path.basename(path)}"
                      for number, path in enumerate(sorted(files))}
        self.files = {path: os.stat(path).st_mtime_ns for path in files}
        if not os.path.exists(ROOT):
            raise HostError(f"{ROOT} is not built: make test-nested")
        words = f"{host_words(IPS)} {CMDLINE_AMD if model in AMD else ''}"
        bochs = Bochs(model, memory + OWN_MEMORY, ips=IPS)
        bochs.check(Boot(KERNEL, words, "linux"))
        note("Debian's kernel starts on Bochs, which takes a minute or more")
        self.directory = tempfile.TemporaryDirectory(prefix="notrap-")
        archive = os.path.join(self.directory.name, "files.cpio")
        pack(archive, self.there)
        boot = Boot(KERNEL, words, "linux", [Module(ROOT), Module(archive)])
        iso = os.path.join(self.directory.name, "boot.iso")
        write_iso(iso, [("nested KVM", boot)])
        self.rest = b""
        for _ in range(START_ATTEMPTS):
            self.session = Session(bochs, self.directory.name, iso)
            said = self.record(START_LIMIT)
            if said or not bochs.never_started(self.directory.name):
                break
            self.session.close()
            time.sleep(1)
        if not said.endswith(END):
            self.close()
            last = said.decode("utf-8", "replace").strip().splitlines()[-1:]
            raise HostError("the machine for nested KVM did not start; its last line: " +
                            "".join(last))
        self.pause()

    @classmethod
    def of(cls, model, memory, files, more):
        """The one that runs, if it is such a one and has these files as they are now; or one that
        is started, with those of `more` that there are as well."""
        host = cls.running
        if host and (host.model != model or host.memory < memory or host.session.ended() or
                     not all(host.files.get(path) == os.stat(path).st_mtime_ns
                             for path in files)):
            host.close()
        if not cls.running:
            there = {path for path in more if os.path.exists(path)}
            cls.running = cls(model, memory, files | there)
        return cls.running

    def close(self):
        self.session.close()
        self.directory.cleanup()
        if Host.running is self:
            Host.running = None

    def pause(self):
        """An idle machine of Bochs' takes as much CPU time as a busy one."""
        os.killpg(self.session.process.pid, signal.SIGSTOP)

    def resume(self):
        os.killpg(self.session.process.pid, signal.SIGCONT)

    def tell(self, *words):
        """Type a line of shell. That the machine has ended is told by what comes back."""
        with contextlib.suppress(OSError):
            self.session.line.sendall(shlex.join(words).encode() + b"\n")

    def receive(self):
        """Some bytes, at most to the end of a record; None when the machine has ended."""
        if not self.rest:
            data, _ = self.session.receive(0.1)
            if not data:
                return None if data is None or self.session.ended() else b""
            self.rest = data
        data, end, self.rest = self.rest.partition(END)
        return data + end

    def record(self, limit):
        """The next record, or what came of it in so many CPU seconds."""
        said, start = b"", self.session.cpu_seconds()
        while not said.endswith(END):
            data = self.receive()
            if data is None or self.session.cpu_seconds() - start > limit:
                break
            said += data
        return said


atexit.register(lambda: Host.running and Host.running.close())


class Run(Session):
    """One run of QEMU in the host."""

    def __init__(self, machine, host, boot):  # pylint: disable=super-init-not-called
        self.machine, self.host, self.over = machine, host, False
        self.process, self.line, self.report = host.session.process, host.session.line, ""
        self.started = time.monotonic()
        host.resume()
        self.start_cpu = host.session.cpu_seconds()
        host.tell("module", *machine.module.split())
        host.tell("count")
        host.tell("start", *machine.qemu_words(boot, host.there))

    def cpu_seconds(self):
        return self.host.session.cpu_seconds() - self.start_cpu

    def receive(self, seconds, extra=()):
        if self.over:
            return None, ()
        data = self.host.receive()
        self.over = data is None or data.endswith(END)
        return data and data.rstrip(END), ()

    def ended(self):
        return self.over

    def stop(self):
        self.host.tell("finish")
        said = b"" if self.over else self.host.record(START_LIMIT)
        if self.over or said.endswith(END):
            said = self.host.record(START_LIMIT)
        self.report = said.rstrip(END).decode("utf-8", "replace").replace("\r", "")
        if not said.endswith(END):
            self.report += "\nthe machine below KVM has ended: "
            self.report += last_words(self.host.directory.name)
            self.host.close()
        else:
            self.host.pause()

    def finish(self, res, by_itself):
        counts = {"kvm_exit": res.host_exits, "kvm_nested_vmexit": res.nested_exits}
        for line in filter(None, self.report.splitlines()):
            count = re.fullmatch(r"(kvm_\w+) (\d+) (\d+)", line)
            if count:
                counts[count[1]][int(count[2])] = int(count[3])
            elif line == "ended guest-shutdown":
                res.powered_off = by_itself
            else:
                res.host_notes.append(line)


class NestedKvm(Bochs):
    """model: Bochs' CPU, and further words of QEMU's -cpu host after a comma. kvm: words for the
    module: ept=0. files: what the host is started with beside a run's own; a run that boots others
    starts another.
    """

    name = "nested-kvm"
    ticks_are_instructions = False
    at_once = 1
    grace = 60

    def __init__(self, model=None, memory=256, cpus=1, kvm="", files=(), release=None):
        super().__init__(model or self.default_model, memory, cpus, release=release)
        self.files = set(files)
        self.tables_from = (memory << 20) - TABLES
        self.bochs, _, self.flags = self.model.partition(",")
        amd = self.bochs in AMD
        self.nested = "npt" if amd else "ept"
        self.module = f"kvm-{'amd' if amd else 'intel'} {kvm}".strip()
        self.cpu = ",".join(filter(None, ["host", "+svm" if amd else "+vmx", self.flags]))

    def __str__(self):
        return f"{self.name}:{self.model}" + self.module.removeprefix("kvm-intel").removeprefix(
            "kvm-amd")

    def qemu_words(self, boot, there):
        """QEMU's own loader: no GRUB, no BIOS' disk."""
        def module(one):
            # A comma parts modules, two are one.
            return f"{there[one.path]} {one.cmdline}".replace(",", ",,").rstrip()
        linux = boot.protocol == "linux"
        modules = ([there[one.path] for one in boot.modules] if linux
                   else [module(one) for one in boot.modules])
        return ["-cpu", self.cpu, "-m", f"{self.memory}M", "-smp", str(self.cpus),
                "-kernel", there[boot.kernel], "-append", boot.cmdline,
                *(["-initrd", ",".join(modules)] if modules else [])]

    def run(self, boot, expect, limit=60, show=None, interactive=False):
        if interactive:
            raise HostError(f"HOST={self.name} has no line to type on: HOST=bochs")
        with Host.lock:
            host = Host.of(self.bochs, self.memory, set(boot.files()), self.files)
            note(f"QEMU starts {boot.what()}")
            result = Run(self, host, boot).watch(expect, limit * SLOWER, show)
            note(f"{result.verdict} in {result.seconds:.0f} s")
            return result
