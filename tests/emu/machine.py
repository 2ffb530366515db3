# SPDX-License-Identifier: MIT
"""A running emulator: its process, its serial line, and the limits it lives under."""
import codecs
import glob
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time
import tty

from dataclasses import dataclass

from . import emulators, result
from .boot import write_iso
from .matrix import SOAK

START_ATTEMPTS = 5
# A machine that says nothing for so long, in seconds of its own CPU time, hangs; more where its
# limit is long, up to so much. One that sleeps, and wants no CPU either, is given so long by the
# clock.
SILENCE, SILENCE_MAX, ASLEEP = 45, 300 * (10 if SOAK else 1), 20
HALTED = re.compile(r"^notrap: halted$", re.M)
ESCAPE = b"\x1d"  # Ctrl-]

# What one exit may cost at the most, in instructions: a tick each on Bochs.
EXIT_MAX = 2_000_000


@dataclass
class LongestExit:
    ticks: int
    where: str


# Of all runs so far that printed their counters and whose ticks are instructions.
longest_exit = None


def note_longest_exit(ticks, where):
    global longest_exit  # pylint: disable=global-statement
    if longest_exit is None or ticks > longest_exit.ticks:
        longest_exit = LongestExit(ticks, where)


def judge_longest_exit(machine, boot, res):
    """Note a run's longest exit; one that is too long fails the run."""
    ticks = res.counters["exit_longest"]
    note_longest_exit(ticks, f"{machine}, {boot.what()}")
    if ticks > EXIT_MAX and res.passed:
        res.verdict, res.reason = result.FAIL, f"an exit took {ticks:,} ticks"


class Machine:
    """One kind of emulated machine. A subclass gives command() and judges its own log."""

    name = ""
    program = ""    # the emulator's
    release = ""    # see emulators.choose()
    platform = "i386-pc"  # GRUB's name of the firmware's kind
    nested = "ept"  # what notrap's mmu= calls the nested paging of its CPU
    ticks_are_instructions = False
    at_once = 2     # so many runs at the same time
    grace = 3       # seconds to end by itself after the end line, before it is ended
    tables_from = None  # where firmware's tables begin, if the map has them as reserved

    def __init__(self, model, memory=256, cpus=1):
        self.model, self.memory, self.cpus = model, memory, cpus

    def __str__(self):
        return f"{self.name}:{self.model}" + (f" ({self.release})" if self.release else "")

    @property
    def repeats(self):
        """Two runs of the same kernel say the same, figure by figure."""
        return self.ticks_are_instructions

    def command(self, directory, iso, port):
        """The emulator's argv; it connects its first serial port to 127.0.0.1:port.

        iso: the path of what it boots, or None: a disk that it has already.
        """
        raise NotImplementedError

    def never_started(self, directory):
        """True when the emulator ended before the machine ran, for a reason that may pass."""
        return False

    def finish(self, directory, res, by_itself):
        """Fill in what only this emulator's own log knows, once its process has ended."""

    def check(self, boot):
        """HostError, one line: the emulator is not there, or known to be unable to run this boot.

        boot: see run().
        """
        emulators.program(self.program, self.release)
        trouble = emulators.bug(emulators.BUGS, self.program, self.release,
                                boot.files() if boot else [])
        if trouble:
            raise emulators.HostError(trouble)

    def run(self, boot, expect, limit=60, show=None, interactive=False):
        """Boot, watch the serial line until it is decided, and return a Result.

        boot: None for a machine with a disk that it boots.
        limit: seconds of the emulator's own CPU time; the wall clock may take eight times as long
        and half a minute, so that a busy machine does not fail a sound run. Silence has a limit
        of its own: see Silence.
        show: called with each piece of text as it comes.
        """
        self.check(boot)
        with tempfile.TemporaryDirectory(prefix="notrap-") as directory:
            iso = os.path.join(directory, "boot.iso") if boot else None
            if iso:
                write_iso(iso, [("notrap", boot)], platform=self.platform)
            for _ in range(START_ATTEMPTS):
                with Session(self, directory, iso) as session:
                    watch = session.converse if interactive else session.watch
                    res = watch(expect, limit, show)
                if res.text or not self.never_started(directory):
                    break
                time.sleep(1)
            if self.ticks_are_instructions and "exit_longest" in res.counters:
                judge_longest_exit(self, boot, res)
            return res


class Silence:
    """How long the serial line has been silent, and whether that is too long for this limit.

    Two clocks, that of a machine that computes and that of one that sleeps: HLT with interrupts off
    takes no CPU time at all. most: whatever the limit, no longer than that.
    """

    def __init__(self, pid, limit, most=SILENCE_MAX):
        self.pid, self.limit, self.threads = pid, min(max(SILENCE, limit / 2), most), {}
        self.heard()

    def heard(self):
        self.since, (self.ran, self.waited) = time.monotonic(), self.sums()

    def sums(self):
        """CPU seconds that the emulator has had, and has waited for; also of threads that ended."""
        self.threads.update(cpu_seconds(self.pid))
        return [sum(each) for each in zip((0, 0), *self.threads.values())]

    def reason(self):
        """Why the machine is taken to hang, or None."""
        ran, waited = self.sums()
        if ran - self.ran > self.limit:
            return f"silent for {self.limit:.0f} s of CPU time"
        clock = time.monotonic() - self.since
        if clock > ASLEEP and ran - self.ran + waited - self.waited < clock / 20:
            return f"asleep: silent for {ASLEEP} s, without work"
        return None


def cpu_seconds(pid):
    """{thread: (CPU seconds that it has had, that it has waited for)} of a process."""
    threads = {}
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        try:
            with open(path, encoding="ascii") as stat:
                one = stat.read().split()
        except OSError:
            continue
        if len(one) >= 2:
            threads[path] = (int(one[0]) / 1e9, int(one[1]) / 1e9)
    return threads


class Session:
    """One emulator process, from start to end."""

    def __init__(self, machine, directory, iso):
        self.machine, self.directory = machine, directory
        self.listener = socket.create_server(("127.0.0.1", 0))
        argv = machine.command(directory, iso, self.listener.getsockname()[1])
        self.output = open(os.path.join(directory, "output"), "w+b")
        # The emulator dies with its harness, however that ends.
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *argv], cwd=directory, stdin=subprocess.DEVNULL,
            stdout=self.output, stderr=subprocess.STDOUT, start_new_session=True)
        self.line = None
        self.started = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stop()
        self.output.close()
        self.listener.close()
        if self.line:
            self.line.close()

    def ended(self):
        """True when the machine has ended; the last of what it said may still come."""
        return self.process.poll() is not None

    def stop(self):
        """End the emulator's process group, if it has not ended."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def cpu_seconds(self):
        """The emulator's own CPU time so far."""
        try:
            with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def overdue(self, limit, silence):
        """Why the machine is to be ended at its limit, or None."""
        wall = time.monotonic() - self.started
        if wall > 8 * limit + 30 or self.cpu_seconds() > limit:
            return f"no end within {limit} s of CPU time"
        return silence.reason()

    def receive(self, seconds, extra=()):
        """Wait for serial bytes: (bytes, ready extras); bytes is None when the line is closed."""
        source = self.line or self.listener
        ready, _, _ = select.select([source, *extra], [], [], seconds)
        extras = [one for one in ready if one is not source]
        if source not in ready:
            return b"", extras
        if not self.line:
            self.line = self.listener.accept()[0]
            return b"", extras
        try:
            return self.line.recv(65536) or None, extras
        except ConnectionError:
            return None, extras

    def watch(self, expect, limit, show):
        """Read until the end line, a line that must never come, the end of the process, or the
        limit; then judge."""
        end = re.compile(expect.end, re.M)
        never = [re.compile(pattern, re.M) for pattern in expect.never]
        # A character's bytes may come in two pieces.
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        text, closing, overdue = "", None, None
        silence = Silence(self.process.pid, limit, expect.silence or SILENCE_MAX)
        while True:
            data, _ = self.receive(0.1)
            if data:
                piece = decoder.decode(data.replace(b"\r", b""))
                text = result.joined(text, piece)
                silence.heard()
                if show:
                    show(piece)
            elif self.ended():
                # The last bytes may still be in the socket.
                data, _ = self.receive(0.1) if self.line else (None, ())
                if not data:
                    break
                text += decoder.decode(data.replace(b"\r", b""))
            whole = text[:text.rfind("\n") + 1]
            if not closing and any(pattern.search(whole) for pattern in never):
                closing = time.monotonic() + 1
            elif not closing and end.search(whole):
                # A machine that has halted does not end by itself.
                closing = time.monotonic() + (0 if HALTED.search(whole) else self.machine.grace)
            if closing and time.monotonic() > closing:
                break
            overdue = None if closing else self.overdue(limit, silence)
            if overdue:
                break
        by_itself = self.ended()
        self.stop()
        return self.judge(expect, text, by_itself, overdue)

    def finish(self, res, by_itself):
        self.output.flush()
        self.machine.finish(self.directory, res, by_itself)

    def judge(self, expect, text, by_itself, overdue=None):
        res = result.Result(result.FAIL, "", text, time.monotonic() - self.started)
        missing = [p for p in expect.need if not res.find(p)]
        never = [res.find(p).group(0) for p in expect.never if res.find(p)]
        if never:
            res.reason = "said: " + never[0]
        elif overdue:
            res.verdict, res.reason = result.TIMEOUT, overdue
        elif not res.find(expect.end):
            res.reason = "the machine ended without: " + expect.end
        elif missing:
            res.reason = "never said: " + missing[0]
        else:
            res.verdict, res.reason = result.PASS, "said: " + res.find(expect.end).group(0)
        self.finish(res, by_itself)
        if by_itself and not res.passed and res.host_notes:
            res.reason += f"; the emulator's last line: {res.host_notes[-1]}"
        if res.entry_failures and res.passed:
            res.verdict, res.reason = result.FAIL, "the CPU refused a VM entry"
        return res

    def converse(self, expect, _limit, _show):
        """Connect this terminal to the serial line until the machine ends or Ctrl-] is typed."""
        text, by_itself = b"", True
        keyboard = sys.stdin.fileno()
        saved = termios.tcgetattr(keyboard) if os.isatty(keyboard) else None
        sources = [keyboard]
        print("(Ctrl-] ends the machine)", flush=True)
        try:
            if saved:
                tty.setraw(keyboard)
            while self.process.poll() is None:
                data, ready = self.receive(0.1, sources)
                if data:
                    text += data
                    os.write(sys.stdout.fileno(), data)
                if not ready:
                    continue
                typed = os.read(keyboard, 1024)
                if not typed:
                    sources = []
                elif ESCAPE in typed:
                    by_itself = False
                    break
                elif self.line:
                    self.line.sendall(typed)
        finally:
            if saved:
                termios.tcsetattr(keyboard, termios.TCSADRAIN, saved)
        self.stop()
        said = text.replace(b"\r", b"").decode("utf-8", "replace")
        return self.judge(expect, said, by_itself)
