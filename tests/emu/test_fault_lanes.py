# SPDX-License-Identifier: MIT
"""The straight ways of exits: what an operation that has one takes, in Bochs' instructions.

A figure that moves by more than a twentieth, either way, fails: it is to be looked at, and
written here.
"""
import pytest

from tests.emu import boots
from tests.emu.bench import per_op
from tests.emu.boot import Module

WITHIN = 0.05
# {model: {phase of the built-in guest: (ticks of one operation, its exits)}}, with bypass.
FIGURES = {
    "broadwell_ult": {"demand": (407, 1), "clear_invlpg": (267, 1.002), "wp_invlpg": (305, 1.002),
                      "cow": (698, 2), "first_touch": (63, 0.002), "first_read": (178, 0.127),
                      "first_write": (447, 1)},
    "ryzen": {"demand": (713, 2), "cow": (794, 2), "first_touch": (63, 0.002),
              "first_read": (180, 0.127), "first_write": (466, 1)},
}


@pytest.mark.parametrize("model", FIGURES)
def test_fault_lane(passes, model):
    guest = Module(boots.BENCH, f"n=512 phases={','.join(FIGURES[model])}")
    result = passes(boots.machine("bochs", model).run(boots.notrap("", [guest]),
                                                      boots.guest_expect(), 120))
    found = {name: (per_op(phase, "ticks"), per_op(phase, "exits"))
             for name, phase in result.phases.items()}
    assert list(found) == list(FIGURES[model])
    for name, (ticks, exits) in FIGURES[model].items():
        assert found[name] == (pytest.approx(ticks, rel=WITHIN),
                               pytest.approx(exits, abs=0.005)), name
