# SPDX-License-Identifier: MIT
"""A running emulator: its process, its serial line, and the limits it lives under."""
import codecs
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time
import tty

from . import result
from .boot import write_iso

# Seconds for the emulator to end by itself after the end line, before it is ended.
GRACE = 3
START_ATTEMPTS = 5
ESCAPE = b"\x1d"  # Ctrl-]


class HostError(Exception):
    """The emulator cannot be started here; the message says why and what to do."""


class Machine:
    """One kind of emulated machine. A subclass gives command() and judges its own log."""

    name = ""
    platform = "i386-pc"  # GRUB's name of the firmware's kind
    nested = "ept"  # what notrap's mmu= calls the nested paging of its CPU

    def __init__(self, model, memory=256, cpus=1):
        self.model, self.memory, self.cpus = model, memory, cpus

    def __str__(self):
        return f"{self.name}:{self.model}"

    def command(self, directory, iso, port):
        """The emulator's argv; it connects its first serial port to 127.0.0.1:port."""
        raise NotImplementedError

    def never_started(self, directory):
        """True when the emulator ended before the machine ran, for a reason that may pass."""
        return False

    def finish(self, directory, res, by_itself):
        """Fill in what only this emulator's own log knows, once its process has ended."""

    def run(self, boot, expect, limit=60, show=None, interactive=False):
        """Boot, watch the serial line until it is decided, and return a Result.

        limit: seconds of the emulator's own CPU time; the wall clock may take eight times as long
        and half a minute, so that a busy machine does not fail a sound run.
        show: called with each piece of text as it comes.
        """
        with tempfile.TemporaryDirectory(prefix="notrap-") as directory:
            iso = os.path.join(directory, "boot.iso")
            write_iso(iso, [("notrap", boot)], platform=self.platform)
            for _ in range(START_ATTEMPTS):
                with Session(self, directory, iso) as session:
                    watch = session.converse if interactive else session.watch
                    res = watch(expect, limit, show)
                if res.text or not self.never_started(directory):
                    break
                time.sleep(1)
            return res


class Session:
    """One emulator process, from start to end."""

    def __init__(self, machine, directory, iso):
        self.machine, self.directory = machine, directory
        self.listener = socket.create_server(("127.0.0.1", 0))
        argv = machine.command(directory, iso, self.listener.getsockname()[1])
        if not shutil.which(argv[0]):
            raise HostError(f"{argv[0]} is not installed: make deps")
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
        self.stop()
        self.output.close()
        self.listener.close()
        if self.line:
            self.line.close()

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

    def over(self, limit):
        wall = time.monotonic() - self.started
        return wall > 8 * limit + 30 or self.cpu_seconds() > limit

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
        text, closing, why = "", None, None
        while True:
            data, _ = self.receive(0.1)
            if data:
                piece = decoder.decode(data.replace(b"\r", b""))
                text = result.joined(text, piece)
                if show:
                    show(piece)
            elif self.process.poll() is not None:
                # The last bytes may still be in the socket.
                data, _ = self.receive(0.1) if self.line else (None, ())
                if not data:
                    why = why or "exited"
                    break
                text += decoder.decode(data.replace(b"\r", b""))
            whole = text[:text.rfind("\n") + 1]
            if why is None and any(pattern.search(whole) for pattern in never):
                why, closing = "never", time.monotonic() + 1
            elif why is None and end.search(whole):
                why, closing = "end", time.monotonic() + GRACE
            if closing and time.monotonic() > closing:
                break
            if not closing and self.over(limit):
                why = "limit"
                break
        by_itself = self.process.poll() is not None
        self.stop()
        return self.judge(expect, why, text, limit, by_itself)

    def judge(self, expect, why, text, limit, by_itself):
        res = result.Result(result.FAIL, "", text, time.monotonic() - self.started)
        missing = [p for p in expect.need if not res.find(p)]
        never = [res.find(p).group(0) for p in expect.never if res.find(p)]
        if never:
            res.reason = "said: " + never[0]
        elif why == "limit":
            res.verdict, res.reason = result.TIMEOUT, f"no end within {limit} s of CPU time"
        elif not res.find(expect.end):
            res.reason = "the machine ended without: " + expect.end
        elif missing:
            res.reason = "never said: " + missing[0]
        else:
            res.verdict, res.reason = result.PASS, "said: " + res.find(expect.end).group(0)
        self.output.flush()
        self.machine.finish(self.directory, res, by_itself)
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
        return self.judge(expect, "exited", said, 0, by_itself)
