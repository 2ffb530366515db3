# SPDX-License-Identifier: MIT
"""What a user of the Makefile can choose wrongly: one line that names it and what is known."""
import re

import pytest

from tests.emu import boots, choices, emulators, qemu
from tests.emu.boot import quoted
from tests.emu.emulators import HostError
from tests.emu.guests import elf
from tests.emu.machine import Machine
from tests.emu.own import Own

OWN = elf("far")
# As it is without what conftest.py makes of it.
CHECK = Machine.check
GOOD = {"host": "bochs", "model": "tigerlake", "memory": "512", "cpus": "2"}


def refuses(line, call):
    """A call ends with a HostError of one line, this one."""
    with pytest.raises(HostError) as error:
        call()
    assert re.search(line, str(error.value)), error.value
    assert "\n" not in str(error.value)


def test_a_machine_as_chosen(monkeypatch):
    monkeypatch.setattr(emulators, "INSTEAD", [])
    machine = choices.machine(**GOOD)
    assert (str(machine), machine.memory, machine.cpus) == ("bochs:tigerlake", 512, 2)
    assert str(choices.machine("qemu-tcg", "qemu64,+svm", "256", "1")) == "qemu-tcg:qemu64,+svm"
    assert str(choices.machine("bochs", "", "256", "1")) == "bochs:broadwell_ult"
    assert choices.machine("bochs", "", "2G", "1").memory == 2048
    nested = choices.machine("nested-kvm", "ryzen", "256", "1")
    assert (str(nested), nested.nested, nested.cpu) == ("nested-kvm:ryzen", "npt", "host,+svm")


def test_emulators_in_the_place_of_the_systems(monkeypatch):
    """They are started where none is named."""
    monkeypatch.setattr(emulators, "INSTEAD", ["qemu10", "bochs30"])
    assert str(boots.machine("qemu-tcg")) == "qemu-tcg:max (trixie)"
    assert str(boots.machine("bochs")) == "bochs:broadwell_ult (trixie)"
    assert str(boots.machine("bochs", release="forky")) == "bochs:broadwell_ult (forky)"
    monkeypatch.setattr(emulators, "INSTEAD", ["qemu11"])
    assert str(boots.machine("bochs")) == "bochs:broadwell_ult"
    monkeypatch.setattr(emulators, "INSTEAD", ["qemu9"])
    with pytest.raises(HostError, match=r'^EMULATORS="qemu9" is none of: bochs30 bochs3 qemu10 '):
        boots.machine("bochs")


def test_a_known_bug_is_refused(monkeypatch):
    """What an emulator cannot run is not started, and the line says why."""
    monkeypatch.setattr(emulators, "program", lambda name, release: name)
    monkeypatch.setattr(emulators, "version",
                        lambda name, release: {"forky": (3, 1), "trixie": (3, 0)}[release])
    kernel = boots.linux_bare()
    machine = boots.machine("bochs", release="forky")
    with pytest.raises(HostError, match=r"^no 64-bit Linux on Bochs 3\.1: .*"):
        CHECK(machine, kernel)
    CHECK(machine, boots.notrap())
    CHECK(boots.machine("bochs", release="trixie"), kernel)


@pytest.mark.parametrize("name", emulators.SAYS_VERSION)
def test_the_systems_emulators_tell_their_version(name):
    assert (2, 0) <= emulators.version(name, "") <= (99, 99)


@pytest.mark.parametrize("wrong, line", [
    ({"host": "qemu"},
     r'^HOST="qemu" is none of: auto bochs qemu-kvm qemu-tcg nested-kvm bochs30 bochs3 qemu10 '
     r"qemu11$"),
    ({"model": "max"}, r'^MODEL="max" is none of: .*\bcore2_penryn_t9600\b.*\btigerlake\b'),
    ({"model": "ryzen;"}, r'^MODEL="ryzen;" is none of: .*\bryzen\b'),
    ({"host": "qemu-tcg"}, r'^MODEL="tigerlake" is none of: .*\bEPYC\b.*\bmax\b'),
    ({"cpus": "0"}, r'^CPUS="0" is no number from 1 to 8$'),
    ({"cpus": "two"}, r'^CPUS="two" is no number'),
    ({"model": "pentium_x"}, r"^(?!.*\bpentium_mmx\b).*\btigerlake\b"),
    ({"memory": "-5"}, r'^MEMORY="-5" is not from 8 to \d+ MiB; say 512 or 2G$'),
    ({"memory": ""}, r'^MEMORY="" is not from'),
    ({"memory": "99G"}, r'^MEMORY="99G" is not from'),
    ({"memory": "2T"}, r'^MEMORY="2T" is not from'),
    ({"memory": "99999999999"}, r'^MEMORY="99999999999" is not from'),
])
def test_a_wrong_choice(wrong, line):
    refuses(line, lambda: choices.machine(**{**GOOD, **wrong}))


@pytest.mark.parametrize("wrong, line", [
    ({"kernel": ""}, r'^KERNEL="" is no file; say where yours is: KERNEL=/boot/kernel$'),
    ({"kernel": "/none"}, r'^KERNEL="/none" is no file'),
    ({"initrd": "/none"}, r'^INITRD="/none" is no file'),
    ({"until": "("}, r'^UNTIL="\(" is no regular expression: '),
    ({"timeout": "soon"}, r'^TIMEOUT="soon" is no number of seconds; say 600$'),
    ({"timeout": "0"}, r'^TIMEOUT="0" is no number'),
])
def test_a_wrong_kernel_of_ones_own(wrong, line):
    refuses(line, lambda: Own(**{"kernel": boots.BENCH, **wrong}).run(None, ""))


@pytest.mark.parametrize("words, until, passed, reason", [
    ("", "", True, r"^said: notrap: powering off$"),
    ("", "^guest: pass$", True, r"^said: guest: pass$"),
    ("", "^guest: never$", False, r"^the machine ended without: \^guest: never\$$"),
    ("nonsense=1", "", False, r"^said: notrap: error: .*nonsense"),
])
def test_a_kernel_of_ones_own(words, until, passed, reason):
    """What docs/ci.md says of its verdicts; words are notrap's."""
    machine = choices.machine("qemu-tcg", "max", "256", "1")
    result = Own(OWN, append="a word", until=until).run(machine, words)
    assert result.passed == passed, result.explain()
    assert re.search(reason, result.reason), result.explain()


@pytest.mark.parametrize("flags, nested, device, line", [
    ("fpu vmx", "Y", "exists", None),
    ("fpu svm", "1", "exists", None),
    ("fpu de", None, "exists", r"neither VMX nor SVM.*: make run HOST=bochs$"),
    ("fpu vmx", "Y", "", r"^there is no \S+: sudo modprobe kvm_intel nested=1$"),
    ("fpu svm", None, "exists", r"is not kvm_amd's: sudo modprobe kvm_amd nested=1$"),
    ("fpu vmx", "N", "exists", r"^kvm_intel gives its guests no VMX \(nested=N\): sudo modprobe "
     r"-r kvm_intel && sudo modprobe kvm_intel nested=1$"),
    ("fpu svm", "0", "exists", r"^kvm_amd gives its guests no SVM \(nested=0\): "),
    ("fpu vmx", "Y", "locked", r" may not be used by you: sudo chmod a\+rw \S+$"),
])
def test_why_kvm_cannot(tmp_path, monkeypatch, flags, nested, device, line):
    """One line each, with the command that mends it."""
    cpuinfo, node = tmp_path / "cpuinfo", tmp_path / "kvm"
    cpuinfo.write_text(f"processor : 0\nflags\t\t: {flags}\n")
    if device:
        node.write_text("")
    if nested:
        module = tmp_path / qemu.MODULES[flags.split()[1]] / "parameters"
        module.mkdir(parents=True)
        (module / "nested").write_text(nested + "\n")
    # Root may open anything.
    monkeypatch.setattr(qemu.os, "access", lambda path, mode: device != "locked")
    said = qemu.kvm_trouble(cpuinfo, node, tmp_path)
    assert (said is None) if line is None else re.search(line, said), said


def test_a_machine_without_kvm(monkeypatch):
    monkeypatch.setattr(choices, "kvm_trouble", lambda: "why: the command")
    with pytest.raises(HostError, match=r"^HOST=qemu-kvm: why: the command$"):
        choices.machine("qemu-kvm", "", "256", "1")


@pytest.mark.parametrize("words, script", [
    ("trap=auto  audit=5", "trap=auto audit=5"),
    ("a;b", "'a;b'"),
    ("it's", "'it'\\''s'"),
    ('a="$b" {c|d}', "'a=\"$b\"' '{c|d}'"),
    ("\u00e9=1", "'\u00e9=1'"),
])
def test_quoting_for_grub(words, script):
    assert quoted(words) == script


def test_a_limit_follows_the_audits():
    assert boots.limit(60, "") == boots.limit(60, "audit=0 noaudit=1") == 60
    assert boots.limit(60, "sync=never audit=100") == 120
    assert boots.limit(60, "audit=0 audit=50") == 180
    assert boots.limit(60, "audit=1") == boots.AUDITED_LIMIT
    assert boots.limit(400, "audit=1") >= 400
