# SPDX-License-Identifier: MIT
"""Bochs: emulates VMX and SVM on any machine; its ticks are instructions, so runs repeat."""
import os
import re

from . import emulators
from .machine import Machine

# What Bochs takes from its host at once, in MiB; it swaps the rest to a file.
HOST_MEMORY_MAX = 2048

# The debugger is compiled into Debian's package. Up to Bochs 2.7 its script starts the machine.
CONFIG = """\
config_interface: textconfig
display_library: rfb, options="timeout=0"
memory: guest={memory}, host={host_memory}
romimage: file={share}/bochs/BIOS-bochs-latest
vgaromimage: file={share}/bochs/VGABIOS-lgpl-latest
cpu: model={model}, count={cpus}, ips={ips}, reset_on_triple_fault=0
clock: sync=none, time0=1700000000
ata0: enabled=1
ata0-master: type=cdrom, path={iso}, status=inserted
boot: cdrom
com1: enabled=1, mode=socket-client, dev=127.0.0.1:{port}
sound: waveoutdrv=dummy
plugin_ctrl: speaker=0
log: bochs.log
panic: action=fatal
"""
# Instructions in a second of the emulated machine. Firmware, GRUB and the serial line wait in such
# seconds: with few of them a boot is 110 million instructions, not 1,400. What is timed against the
# machine's clock wants many.
IPS, IPS_TIMED = 20_000_000, 400_000_000


AMD = ("athlon64_clawhammer", "athlon64_venice", "turion64_tyler", "phenom_8650_toliman",
       "zambezi", "trinity_apu", "ryzen")


class Bochs(Machine):
    """marks: {name: physical address}: note the tick at which each is first executed, in order.
    ips: instructions in a second of the machine's clock.
    release: see emulators.choose().
    """

    name = program = "bochs"
    default_model = "broadwell_ult"
    ticks_are_instructions = True

    def __init__(self, model=None, memory=256, cpus=1, marks=None, ips=IPS,
                 release=None):
        super().__init__(model or self.default_model, memory, cpus)
        self.marks, self.ips = marks or {}, ips
        self.release = emulators.choose(self.program, release)
        if self.model in AMD:
            self.nested = "npt"

    def command(self, directory, iso, port):
        with open(os.path.join(directory, "bochsrc"), "w", encoding="ascii") as rc:
            rc.write(CONFIG.format(memory=self.memory, share=emulators.share(self.release),
                                   host_memory=min(self.memory, HOST_MEMORY_MAX),
                                   model=self.model, cpus=self.cpus, iso=iso, port=port,
                                   ips=self.ips))
        steps = [f"pb {address:#x}" for address in self.marks.values()]
        for number in range(1, len(self.marks) + 1):
            steps += ["c", "ptime", f"d {number}"]
        with open(os.path.join(directory, "script"), "w", encoding="ascii") as script:
            script.write("\n".join(steps + ["c"]) + "\n")
        # From Bochs 3.0 on the debugger is there when it is asked for.
        debugger = ["-debugger"] if self.marks and emulators.newer(self) else []
        program = emulators.program(self.program, self.release)
        return [program, "-q", *debugger, "-f", "bochsrc", "-rc", "script"]

    def never_started(self, directory):
        # Each Bochs takes a port for its screen, and two that start at once may want the same.
        return "RFB could not" in read(directory, "output")

    def finish(self, directory, res, by_itself):
        log = read(directory, "bochs.log")
        for line in log.splitlines():
            if re.search(r"VMENTER FAIL|VMFAIL", line):
                res.entry_failures.append(line.strip())
        res.powered_off = by_itself and "soft power off" in log
        last = last_words(directory) or shut_down(log)
        if last and not res.powered_off:
            res.host_notes.append(last)
        output = read(directory, "output")
        ticks = re.findall(r"ptime: (\d+)", output)
        res.marks = dict(zip(self.marks, map(int, ticks)))


def last_words(directory):
    """Why it has ended, as it says itself; "" if it does not."""
    said = re.search(r"exiting with the following message:\n(.*)", read(directory, "output"))
    return said.group(1) if said else ""


def shut_down(log):
    """The triple fault that a CPU has stopped at, or "". From Bochs 3.1 on the emulator goes on."""
    said = re.search(r"(\[CPU\d+ *\] exception\(\): 3rd .* no resolution.*)", log)
    return said.group(1) if said else ""


def read(directory, name):
    try:
        with open(os.path.join(directory, name), encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""
