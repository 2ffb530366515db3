# SPDX-License-Identifier: MIT
"""What a run said: its lines, counters, phases and verdict."""
import re
from dataclasses import dataclass, field

# A program that draws a screen moves the cursor where another ends a line.
CURSOR = re.compile(r"\x1b\[\d+;\d+H")

PASS, FAIL, TIMEOUT = "pass", "fail", "time-out"


def joined(text, piece):
    """What was said so far and what has come; a cursor's movement may be cut between the two."""
    tail = text[-12:]
    return text[:len(text) - len(tail)] + CURSOR.sub("\n", tail + piece)


@dataclass
class Expect:
    """How a run is judged, by text alone.

    end: the line after which nothing more is expected. need: patterns that must all have been
    seen by then. never: patterns that fail the run at once. silence: the most seconds of CPU time
    that it may say nothing for, where that is longer than for others (machine.Silence).
    """

    end: str
    need: tuple = ()
    never: tuple = ()
    silence: int = 0


@dataclass
class Result:
    verdict: str
    reason: str
    text: str
    seconds: float
    powered_off: bool = False  # the machine itself switched off, after the end line
    entry_failures: list = field(default_factory=list)  # Bochs: VM entries the CPU refused
    host_notes: list = field(default_factory=list)  # the emulator's own last words
    marks: dict = field(default_factory=dict)  # ticks at which Bochs passed an address
    host_exits: dict = field(default_factory=dict)  # nested KVM: {reason: exits to the KVM below}
    nested_exits: dict = field(default_factory=dict)  # what of these it handed to notrap

    @property
    def passed(self):
        return self.verdict == PASS

    @property
    def lines(self):
        return self.text.splitlines()

    def find(self, pattern):
        """The first match of a pattern at any line, or None."""
        return re.search(pattern, self.text, re.MULTILINE)

    def number(self, pattern):
        """The first group of the first match, as a number; an error when there is none."""
        match = self.find(pattern)
        if not match:
            raise LookupError(f"no line like: {pattern}")
        return int(match.group(1), 0)

    @property
    def counters(self):
        """The last report's counters, as {name: value}; empty without a whole report. notrap's, or
        where the run was under KVM, KVM's statistics."""
        reports = re.findall(
            r"^(notrap|kvm): counters begin$(.*?)^\1: counters end$", self.text, re.M | re.S)
        if not reports:
            return {}
        found = re.findall(r"^(?:notrap|kvm): (\w+) = (\d+)$", reports[-1][1], re.M)
        return {name: int(value) for name, value in found}

    @property
    def phases(self):
        """The built-in guest's lines "bench: <phase> key=value ...", as {phase: {key: value}}."""
        found = {}
        for phase, pairs in re.findall(r"^bench: (\S+)((?: \w+=\d+)+)\s*$", self.text, re.M):
            found[phase] = {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", pairs)}
        return found

    def explain(self, lines=25):
        """A few lines for a failed run's report."""
        said, last = self.lines[:-lines], self.lines[-lines:]
        # What the guest's checks found wrong comes before the counters, which fill the last lines.
        wrong = [line for line in said if line.startswith("failed: ")][:10]
        tail = "\n".join("  | " + line for line in wrong + last)
        notes = "\n".join("  host: " + note for note in self.entry_failures + self.host_notes)
        return f"{self.verdict}: {self.reason} ({self.seconds:.0f} s)\n{tail}\n{notes}".rstrip()
