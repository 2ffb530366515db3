# SPDX-License-Identifier: MIT
"""What the emulated tests share."""
import functools
import os

import pytest

from tests.emu import boots, emulators, machine as machines
from tests.emu.qemu import nested_kvm


ONLY = os.environ.get("ONLY", "")


@pytest.fixture(scope="session", autouse=True)
def asked():
    """A test is skipped that starts what an emulator has a bug for, or not what is asked for.

    ONLY=bochs or qemu in the environment asks for one of the emulators.
    """
    check, run = machines.Machine.check, machines.Machine.run

    def skip_bug(machine, known, lines):
        why = emulators.bug(known, machine.program, machine.release, lines)
        if why:
            pytest.skip(why)

    def asked_for(self, boot):
        if not self.program.startswith(ONLY):
            pytest.skip(f"ONLY={ONLY}: starts {self.program}")
        skip_bug(self, emulators.BUGS, boot.files() if boot else [])
        check(self, boot)

    def until_panic(self, *args, **words):
        result = run(self, *args, **words)
        if not result.passed:
            skip_bug(self, emulators.PANICS, result.host_notes)
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machines.Machine, "check", asked_for)
        patch.setattr(machines.Machine, "run", until_panic)
        yield


@pytest.fixture(scope="session")
def machine():
    """machine(model, memory=...): Bochs, whose ticks are exact and whose models are known."""
    return functools.partial(boots.machine, "bochs")


@pytest.fixture
def passes():
    """passes(result) asserts that a run passed, and shows what it said when it did not."""
    def check(result):
        if not result.passed:
            pytest.fail(result.explain(), pytrace=False)
        return result
    return check


# Files whose single tests or groups take longest, those first: at the end, when one process has
# nothing left to do, the other has but a short test left.
LONG = ("nested_kvm", "kernels", "linux32", "debian", "dma", "slow", "compare", "kvm", "bench",
        "sync", "differ", "linux", "trace")


def pytest_collection_modifyitems(items):
    order = {f"test_{name}": place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(item.path.stem, len(LONG)))


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report):
    """A failure is printed when it happens, not an hour later; by the controller alone."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        print(f"\nFAILED {report.nodeid}\n{report.longreprtext}\n", flush=True)


def pytest_sessionfinish(session):
    """A worker process hands its longest exit to the one that reports."""
    longest = machines.longest_exit
    if longest and hasattr(session.config, "workeroutput"):
        session.config.workeroutput["longest_exit"] = [longest.ticks, longest.where]


class Workers:
    """What only the process that has worker processes can be told."""

    def pytest_testnodedown(self, node):
        handed = getattr(node, "workeroutput", {}).get("longest_exit")
        if handed:
            machines.note_longest_exit(*handed)


def pytest_configure(config):
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(Workers())


def pytest_terminal_summary(terminalreporter):
    longest = machines.longest_exit
    if longest:
        terminalreporter.write_line(
            f"longest exit on Bochs: {longest.ticks:,} of {machines.EXIT_MAX:,} ticks: "
            f"{longest.where}")


def pytest_report_header():
    chosen = [f"{name} of {emulators.choose(name, None) or 'the system'}"
              for name in ("bochs", "qemu-system-x86_64") if name.startswith(ONLY)]
    return ["nested KVM: " + ("yes" if nested_kvm() else "no; all on emulators"),
            "emulators: " + ", ".join(chosen)]
