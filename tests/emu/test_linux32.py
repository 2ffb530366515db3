# SPDX-License-Identifier: MIT
"""Debian's i386 kernels under notrap: 32-bit two-level tables, and PAE."""
import pytest

from tests.emu import boots, linux
from tests.emu.matrix import SOAK

# The kernel unpacks itself by xz, which takes longer than all the rest.
LIMIT = 400

# One on Intel's, and one on AMD's, which takes a fifth of the time.
RUNS = [("i686", "qemu-tcg", "max", "bypass_guest_pf=1 audit=8192"),
        ("i686-pae", "bochs", "corei7_skylake_x", "bypass_guest_pf=1 audit=8192")]
if SOAK:
    RUNS += [("i686", "bochs", "core2_penryn_t9600", "bypass_guest_pf=1 audit=8192"),
             ("i686", "bochs", "tigerlake", "bypass_guest_pf=1 audit=1024"),
             ("i686-pae", "qemu-tcg", "max", "bypass_guest_pf=1 audit=1024"),
             ("i686-pae", "bochs", "corei7_skylake_x", "bypass_guest_pf=0 audit=1024")]


@pytest.mark.parametrize("arch,host,model,options", RUNS)
def test_self_check(passes, arch, host, model, options):
    machine = boots.machine(host, model)
    result = passes(linux.run_notrap(machine, options, boots.Kernel(arch=arch), LIMIT))
    counters = result.counters
    assert result.powered_off
    assert linux.workloads(result)
    assert result.find(r"^linux: hypervisor = notrap$")
    # AMD's filters no fault: all are seen.
    if host == "bochs" and "bypass_guest_pf=1" in options:
        assert result.number(linux.NOT_SEEN) > counters["pf_guest_notpresent"]
    # Address spaces come and go; their tables are not made anew at each switch.
    assert counters["mmu_shadow_new"] < counters["exits_cr3_write"]
