# SPDX-License-Identifier: MIT
"""What an exit by one instruction costs, from the loop's pass to the next: tests/guests/lanes.

Bochs' tick is an instruction, so that each is exact: 5 % are for another compiler. Code at a high
address is what a kernel's is; at a low one it takes a few instructions to tell that it is no other
than 64-bit code.
"""
import pytest

from tests.emu import boots
from tests.emu.bench import per_op
from tests.emu.boot import Boot, Module
from tests.emu.guests import elf

# {model: {phase: ticks}}. Bochs' ryzen does not tell which register a MOV of CR3 names, so that it
# goes the general way.
TICKS = {
    "broadwell_ult": {
        "cpuid": 111, "cr3_read": 104, "cr3_read_rsp": 106, "cr3_reload": 129, "cr3_switch": 132,
        "cr3_switch_rsp": 132, "cr3_pcid": 135, "high_cpuid": 108, "high_cr3_read": 100,
        "high_cr3_read_rsp": 102, "high_cr3_reload": 125, "high_cr3_switch": 125,
        "high_cr3_switch_rsp": 128, "high_cr3_pcid": 125, "invlpg": 492, "high_invlpg": 489},
    "ryzen": {"cpuid": 145, "high_cpuid": 142},
}
LIMIT = 60


def run(machine, options=""):
    return machine.run(boots.notrap(options, [Module(elf("lanes"))]), boots.guest_expect(), LIMIT)


@pytest.mark.parametrize("model", TICKS)
def test_ticks(machine, passes, model):
    phases = passes(run(machine(model))).phases
    for name, phase in phases.items():
        assert phase["exits"] == phase["ops"], name
    for name, expected in TICKS[model].items():
        ticks = per_op(phases[name], "ticks")
        print(f"{model} {name}: {ticks:.1f} ticks; {expected} is written here")
        assert abs(ticks - expected) <= 0.05 * expected, name


def test_bare(machine, passes):
    passes(machine("broadwell_ult").run(Boot(elf("lanes")), boots.bare_expect(), LIMIT))


@pytest.mark.parametrize("model", TICKS)
@pytest.mark.parametrize("options", ["audit=31", "audit=37 sync=never bypass_guest_pf=0"])
def test_audited(machine, passes, model, options):
    assert boots.audited(passes(run(machine(model), options)), options)
