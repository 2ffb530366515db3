# SPDX-License-Identifier: MIT
"""What `make profile` prints: all of the hypervisor's instructions, each at its function."""
from tests.emu import emulators, profile
from tests.emu.qemu import Qemu


def test_each_instruction_is_counted(passes, tmp_path):
    """A page that is mapped, written and unmapped is three writes to its table, and two faults.

    From QEMU 9.2 on the guest's read of CR2 in each fault exits as well.
    """
    (few, before), (many, after) = (profile.run("mmap-touch", ops, tmp_path) for ops in (1, 3))
    for result in few, many:
        passes(result)
    ops = 2 * (3 - 1) * profile.per_op("mmap-touch")
    parts, names = profile.spent(profile.functions(), before, after, ops)
    exits = (many.counters["exits"] - few.counters["exits"]) / ops
    expected = 7 if emulators.newer(Qemu("tcg", release="")) else 5
    assert expected - 0.1 < exits < expected + 0.5
    assert abs(sum(parts.values()) - sum(names.values())) < 1
    # An exit takes some hundreds, of which each has as many that save the registers.
    assert 150 * exits < sum(parts.values()) < 1500 * exits
    assert names["mmu_written_straight"] > 3 * 30
    assert parts["into the guest and back"] > 50 * exits
    assert parts["entries that follow a write"] > 3 * 30
