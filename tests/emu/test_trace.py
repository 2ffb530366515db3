# SPDX-License-Identifier: MIT
"""The trace guest: every exception is where the bare machine has it, with the same DR6 and RF.

SOAK=1 (make soak) runs SOAK_SEEDS seeds of random steps, and those longer.
"""
import os

import pytest

from tests.emu import boots
from tests.emu.boot import Boot, Module
from tests.emu.emulators import newer
from tests.emu.guests import elf
from tests.emu.matrix import SOAK, name

ELF = elf("trace")
INTEL = [("bochs", "broadwell_ult"), ("bochs", "core2_penryn_t9600")]
AMD = [("bochs", "ryzen"), ("qemu-tcg", "max")]
# With and without bypass; then what writes tables most, and least, by emulation, so that each two
# of sync=, trap= and bypass_guest_pf= have met.
OPTIONS = ["bypass_guest_pf=1 audit=32", "bypass_guest_pf=0", "sync=always trap=address",
           "sync=never trap=structural", "sync=always trap=structural bypass_guest_pf=0",
           "sync=never trap=address bypass_guest_pf=0", "sync=hybrid trap=structural"]
if not SOAK:
    del OPTIONS[2:]
# Intel's older models have the first of them alone, but with SOAK=1.
OLDER = [] if SOAK else ["core2_penryn_t9600", "corei7_skylake_x"]
LIMIT = 120

# Lines that are not the bare machine's, since an emulator is wrong.
UNLIKE = {
    "bochs": [
        # A #PF that exits makes it forget what the MOV SS before has met: SDM vol. 3C 28.3.4.
        "debug: MOV SS, PTE", "debug: MOV SS, cold load",
        # And that an STI came before.
        "odd-io: STI, cold load",
    ],
    "qemu-tcg": [
        # On the bare machine: a step and a breakpoint of one instruction are two exceptions, faults
        # push RF=0, each pass of a REP meets the breakpoint at it, and one that was met stays in
        # the DR6 of later steps, or does not, as code and data happen to lie.
        "debug: TF, watched PTE", "debug: TF, port 64h", "debug: TF, #PF", "debug: TF, #GP",
        "debug: TF, LMSW, watched", "debug: code, REP STOS", "debug: #DE", "debug: #UD",
        "debug: INT n", "debug: #GP", "debug: #PF",
        "debug: TF, MOV SS watched, CPUID",
        "odd: TF, two stores", "odd: TF, MOV SS, MOVS", "odd: two breakpoints",
        "odd: the same, TF", "odd: RF at rep_rf", "odd: DR7, bit 32", "odd: DR6, bit 32",
        # It looks at no segment's limit, where it does not exit.
        "odd-io: 32: SMSW, past the limit", "odd-io: 32: LMSW, past the limit",
        "v86: outs_end", "v86: TF, table",
        # What a MOV SS has met comes at once; a #UD that does not exit pushes no RF, INTO does.
        "32: MOV SS, CPUID", "32: CR1", "32: CR7", "32: RSM", "32: INTO",
    ],
}
# And with sync=never: a store to a table is the CPU's own, or faults for the hypervisor alone.
UNLIKE_NEVER = {
    "bochs": ["odd-io: STI, PTE"],
    "qemu-tcg": ["odd-io: 32: TF, PTE", "odd-io: 32: TF, MOV SS, PTE", "odd-io: 32: REP STOS",
                 "32: TF, PTE", "32: TF, MOV SS, PTE", "32: code with a base, TF, PTE",
                 "32: REP STOS"],
}
# How often a name comes: of trace32 in each kind of paging, in virtual-8086 mode four times.
TIMES = {"32": 3, "v86": 12}
# Of what emulators.newer() tells of.
UNLIKE_NEWER = {
    # The RF that a VM entry loads outlives the instruction that was entered for.
    "bochs": ["odd: PUSH", "odd: CALL"],
    # On the bare machine: breakpoints on data and steps meet a REP at its end or not at all, GD
    # stays set. Under notrap all but the first are as on Bochs' bare machine.
    "qemu-tcg": [
        "odd: MOVS from RAM into a table", "odd: the same, down", "odd: MOVS past a table",
        "odd: bytes past a table", "odd: MOVS from nothing", "odd: TF, MOVS from nothing",
        "odd: GD, TF, IN", "debug: PTE, REP STOS", "debug: TF, REP STOS to PTEs",
        "debug: GD and TF, CPUID", "debug: GD and TF, PTE",
        # And a user may execute these.
        "v86: invd", "v86: wbinvd",
    ],
}


def cases(on):
    return [pytest.param(host, model, options, id=name(model, options.replace(" ", "-")),
                         marks=pytest.mark.xdist_group(f"trace-{model}"))
            for host, model in on for options in OPTIONS[:1 if model in OLDER else None]]


def words(host, cmdline):
    return cmdline + (" tcg=1" if host == "qemu-tcg" else "")


def lines(result, host, part, options=""):
    known = UNLIKE[host] + UNLIKE_NEVER[host] * ("sync=never" in options) + \
        UNLIKE_NEWER[host] * newer(boots.machine(host))
    unlike = [line.split(": ", 1)[1] for line in known if line.startswith(f"{part}: ")]
    found = [line.removeprefix("trace: ") for line in result.lines if line.startswith("trace: ")]
    for each in unlike:
        assert sum(line.startswith(f"{each}: ") for line in found) <= TIMES.get(part, 1)
    return [line for line in found if not any(line.startswith(f"{each}: ") for each in unlike)]


@pytest.fixture(scope="module")
def bare():
    """bare(host, model, cmdline): what the bare machine printed; run once."""
    known = {}

    def run(host, model, cmdline, guest=ELF):
        key = host, model, cmdline, guest
        if key not in known:
            boot = Boot(guest, words(host, cmdline))
            result = boots.machine(host, model).run(boot, boots.bare_expect(), LIMIT)
            assert result.passed, result.explain()
            known[key] = result
        return known[key]
    return run


def under(host, model, cmdline, options, guest=ELF):
    boot = boots.notrap(options, [Module(guest, words(host, cmdline))])
    return boots.machine(host, model).run(boot, boots.guest_expect(),
                                          boots.limit(LIMIT, options))


def check_like_bare(bare, passes, host, model, options, part, more=""):
    cmdline = f"part={part} {more}".rstrip()
    native = lines(bare(host, model, cmdline), host, part)
    assert len(native) > 1
    assert lines(passes(under(host, model, cmdline, options)), host, part) == native


@pytest.mark.parametrize("host, model, options", cases(INTEL + AMD))
def test_debug(bare, passes, host, model, options):
    check_like_bare(bare, passes, host, model, options, "debug")


# QEMU's TCG takes reserved bits of control registers, on the bare machine, and hangs.
@pytest.mark.parametrize("host, model, options", cases(INTEL + AMD[:1]))
def test_registers(bare, passes, host, model, options):
    check_like_bare(bare, passes, host, model, options, "registers")


# These check themselves.
@pytest.mark.parametrize("host, model, options", cases(INTEL + AMD))
def test_resume(passes, host, model, options):
    passes(under(host, model, "part=resume", options))


# Nearly each of its instructions is one NMI with a handful of exits: audits are for some of them.
@pytest.mark.parametrize("host, model, options", cases(INTEL + AMD))
def test_storm(passes, host, model, options):
    options = options.replace("audit=32", "audit=256")
    passes(under(host, model, f"part=storm turns={300 if SOAK else 40}", options))


# Its own NMIs come at once in Bochs, and late in QEMU, where a watched step is two exceptions.
SEEDS = int(os.environ.get("SOAK_SEEDS", "6")) * 4 if SOAK else 1
COUNT = 300 if SOAK else 60


# XSAVES is in none of the others of Intel's.
@pytest.mark.parametrize("nmi", ["own=1", "nmi=1"])
@pytest.mark.parametrize("host, model, options",
                         cases(INTEL + [("bochs", "corei7_skylake_x")] + AMD[:1]))
def test_steps(bare, passes, host, model, options, nmi):
    seed = 1 + OPTIONS.index(options) * SEEDS
    check_like_bare(bare, passes, host, model, options, "steps",
                    f"{nmi} seed={seed} seeds={SEEDS} count={COUNT}")


@pytest.mark.parametrize("host, model, options", cases(INTEL + AMD))
def test_odd(bare, passes, host, model, options):
    check_like_bare(bare, passes, host, model, options, "odd")


# Of ports and interrupts QEMU's TCG makes its own: a pass of a REP is no trap, I/O breakpoints are
# not aligned, 32-bit code hangs. So what Bochs' CPU does is what is wanted there, too.
@pytest.mark.parametrize("host, model, options", cases(INTEL + AMD))
def test_odd_io(bare, passes, host, model, options):
    cmdline = f"part=odd-io{' tcg=1' if host == 'qemu-tcg' else ''}"
    judge = ("bochs", "ryzen") if host == "qemu-tcg" else (host, model)
    wanted = lines(bare(*judge, cmdline), host, "odd-io", options)
    assert len(wanted) > 1
    assert lines(passes(under(host, model, cmdline, options)), host, "odd-io", options) == wanted


# Bochs' ryzen PANICs at an exit from virtual-8086 mode: "VM is set in long mode". QEMU's TCG lets
# CR0 have PG without PE, and looks at no limit of a segment: Bochs' CPU is what is wanted there.
@pytest.mark.parametrize("host, model, options", cases(INTEL + AMD))
def test_32(bare, passes, host, model, options):
    on_tcg = host == "qemu-tcg"
    cmdline = "v86=0" * (model == "ryzen" or on_tcg) + " tcg=1" * on_tcg
    guest = elf("trace32")
    judge = ("bochs", "ryzen") if on_tcg else (host, model)
    wanted = lines(bare(*judge, cmdline, guest), host, "32", options)
    assert len(wanted) > 100
    options = options.replace("audit=32", "audit=64")
    result = passes(under(host, model, cmdline, options, guest))
    assert lines(result, host, "32", options) == wanted


# What the test above leaves out on SVM. Here a fault that does not exit pushes no RF.
@pytest.mark.parametrize("host, model, options", cases(AMD[1:]))
def test_v86(bare, passes, host, model, options):
    guest, cmdline = elf("trace32"), "v86=2"
    native, found = ([line.replace(" RF", "") for line in lines(result, host, "v86")]
                     for result in (bare(host, model, cmdline, guest),
                                    passes(under(host, model, cmdline, options, guest))))
    assert len(native) > 400
    assert found == native
