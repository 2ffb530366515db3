# SPDX-License-Identifier: MIT
"""Guards against speculation: what each CPU is given, and that nothing else changes with them."""
import pytest

from tests.emu import bench, boots
from tests.emu.boot import Module

# What each model says it needs, and can execute.
MODELS = [
    ("bochs", "broadwell_ult", "registers", "registers, VERW"),
    ("bochs", "core2_penryn_t9600", "registers", "registers, VERW"),
    ("bochs", "tigerlake", "registers, VERW, IBRS", "registers, VERW, IBPB, IBRS"),
    ("bochs", "ryzen", "registers", "registers, VERW"),
    ("qemu-tcg", "max", "registers", "registers, VERW"),
]
WAYS = ("off", "auto", "all")


def run(host, model, way, options="", said=None):
    machine = boots.machine(host, model)
    need = (rf"^notrap: mitigations: {said or 'off'}$",)
    # Every phase, on a quarter of the pages.
    return machine.run(boots.notrap(f"mitigations={way} {options}".strip(),
                                    [Module(boots.BENCH, "n=512")]),
                       boots.guest_expect(need), 120)


@pytest.mark.parametrize("host, model, auto, all_", MODELS, ids=lambda v: v.replace(", ", "+"))
def test_same_exits_with_and_without(passes, host, model, auto, all_):
    said = {"off": "off", "auto": auto, "all": all_}
    results = {way: passes(run(host, model, way, said=said[way])) for way in WAYS}
    exits = {way: {name: phase["exits"] for name, phase in result.phases.items()}
             for way, result in results.items()}
    assert exits["off"] and exits["off"] == exits["auto"] == exits["all"]
    for way, result in results.items():
        ticks = bench.per_op(result.phases["null_exit"], "ticks")
        print(f"{model} mitigations={way} ({said[way]}): null_exit {ticks:.0f} ticks")


def test_l1d_is_flushed_under_ept(passes):
    passes(run("bochs", "tigerlake", "all", "mmu=ept", "registers, VERW, IBPB, L1D flush, IBRS"))
