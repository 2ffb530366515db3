# SPDX-License-Identifier: MIT
"""Where the hypervisor's instructions go while Linux does one thing often: counted, not sampled.

QEMU's TCG executes it, with tests/profile's plugin. Two runs differ in the number of operations
alone, so that their difference is the operations'.
"""
import bisect
import collections
import os
import re
import subprocess
import tempfile

from . import bench, boots, linux
from .qemu import Qemu

PLUGIN = f"{boots.BUILD}/profile/plugin.so"
IMAGE = f"{boots.BUILD}/notrap.debug.elf"
# {workload: the operations of either run}. Each makes as many again before those that it prints.
WORKLOADS = {"fork": (20, 60), "fork-exec": (10, 25), "mmap-touch": (2, 6), "mprotect": (10, 40),
             "fork-cow": (10, 25)}
LIMIT = 600
# What a file does, by the first pattern that it matches.
PARTS = {
    "into the guest and back": r"^[sv][vm][mx]/(entry|run|lane|inject|state|tlb)|"
                               r"guest/exit/(run|progress)|guest/vcpu/(inject|hardware)",
    "instructions decoded, carried out": r"^guest/insn/|guest/exit/emulate|"
                                         r"guest/vcpu/(instruction|memory|operand)|svm/operands",
    "the guest's tables walked": r"^mm/guest/|^mm/phys/|mm/shadow/translate",
    "ways found, remembered": r"mm/shadow/(memo|shortcut|straight)",
    "entries that follow a write": r"mm/shadow/(write|mend|mirror|entry)",
    "tables out of sync, and back": r"mm/shadow/(sync|pass|clear|flood)",
    "tables made, linked, dropped": r"mm/shadow/(fill|lives|recycle|tables|lists|dying|direct|"
                                    r"protect|root|eager)",
    "other faults": r"mm/shadow/(fault|ahead|soften|wp0)",
    "the end of an operation": r"mm/shadow/",
    "all else": r"",
}
COUNTED = ("exits", "pf_emulate", "pf_fixed", "pf_guest", "mmu_shadow_new", "mmu_unsync")


def run(workload, ops, directory):
    """(the Result, {(address, instructions): times})"""
    out = os.path.join(directory, f"{workload}.{ops}")
    # The system's own, that the plugin is made for.
    machine = Qemu("tcg", "max,-la57", icount=True, release="",
                   more=["-plugin", f"{PLUGIN},out={out}"])
    kernel = boots.Kernel(f"quiet selfcheck_only={workload} selfcheck_ops={ops}", measured=True)
    result = linux.run_notrap(machine, "", kernel, LIMIT)
    times = collections.Counter()
    if result.passed:
        with open(out, encoding="ascii") as file:
            for line in file:
                address, insns, n = line.split()
                times[int(address, 16), int(insns)] += int(n)
    return result, times


def functions():
    """The image's functions, by address: [(address, name, file)]"""
    text = subprocess.run(["nm", "-n", "-l", IMAGE], check=True, capture_output=True,
                          text=True).stdout
    found = re.findall(r"^([0-9a-f]{16}) [tT] (\S+)(?:\t(\S+):\d+)?$", text, re.M)
    root = os.path.dirname(boots.BUILD)
    return [(int(address, 16), name, os.path.relpath(os.path.join(root, path or "?"), root))
            for address, name, path in found]


def part_of(path):
    return next(part for part, pattern in PARTS.items() if re.search(pattern, path))


def spent(known, few, many, ops):
    """Instructions per operation: {part: n}, {function: n}"""
    starts = [address for address, _, _ in known]
    parts, names = collections.Counter(), collections.Counter()
    for (address, insns), times in many.items():
        _, name, path = known[bisect.bisect_right(starts, address) - 1]
        n = (times - few.get((address, insns), 0)) * insns / ops
        parts[part_of(path)] += n
        names[name] += n
    return parts, names


def per_op(workload):
    return {"mmap-touch": 512, "mprotect": 512}.get(workload, 1)


def show(workloads=(), top=0):
    """What `make profile` does; its exit code. top: so many functions of each, beside the parts."""
    workloads = workloads or list(WORKLOADS)
    known = functions()
    with tempfile.TemporaryDirectory() as directory:
        keys = [(name, ops) for name in workloads for ops in WORKLOADS[name]]
        done = bench.each(keys, lambda key: run(*key, directory), 2)
    failed = [f"{name}: {result.explain()}" for (name, _), (result, _) in done.items()
              if not result.passed]
    if failed:
        print("\n".join(failed))
        return 1
    parts, names, counts = {}, {}, {}
    for name in workloads:
        few, many = (done[name, ops] for ops in WORKLOADS[name])
        ops = 2 * (WORKLOADS[name][1] - WORKLOADS[name][0]) * per_op(name)
        parts[name], names[name] = spent(known, few[1], many[1], ops)
        counts[name] = {c: (many[0].counters[c] - few[0].counters[c]) / ops for c in COUNTED}
    def row(title, of):
        # The rest of the two runs is not the same to the last instruction.
        return [title, *(bench.number(abs(round(of(name), 2))) for name in workloads)]

    rows = [["the hypervisor's instructions per operation", *workloads]]
    rows += [row(part, lambda name, part=part: parts[name][part]) for part in PARTS]
    rows.append(row("all", lambda name: sum(parts[name].values())))
    rows += [row(count, lambda name, count=count: counts[name][count]) for count in COUNTED]
    print(bench.aligned(rows))
    for name in workloads if top else ():
        print(f"\n{name}")
        print("\n".join(f"{n:10.0f}  {function}" for function, n in names[name].most_common(top)))
    return 0
