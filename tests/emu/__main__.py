# SPDX-License-Identifier: MIT
"""The front end behind the Makefile's machine targets: python3 -m tests.emu <what>."""
import argparse
import sys

from . import bench, boots, choices, counts, large, linux, profile, suite, ways
from .boot import Boot, Module, write_iso
from .emulators import HostError
from .own import Own
from .result import Expect


def show(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def report(res):
    """Print the verdict, and turn it into an exit code."""
    print(f"\n{res.verdict}: {res.reason}; {res.seconds:.1f} s")
    for note in res.entry_failures + (res.host_notes if not res.passed else []):
        print("host: " + note)
    return 0 if res.passed else 1


def run_linux(args):
    boot = boots.notrap(args.options, boots.linux_modules("quiet", args.arch))
    limit = boots.limit(boots.LINUX_LIMIT, args.options)
    return report(args.machine.run(boot, boots.linux_expect(), limit, show))


def run_linux_bare(args):
    return report(args.machine.run(boots.linux_bare("quiet", args.arch), boots.linux_bare_expect(),
                                   boots.LINUX_LIMIT, show))


def run_shell(args):
    boot = boots.notrap(args.options, boots.linux_modules("quiet rdinit=/shell", args.arch))
    expect = Expect(r"^notrap: powering off$")
    return report(args.machine.run(boot, expect, interactive=True))


def run_bare(args):
    return report(args.machine.run(Boot(boots.BENCH), boots.bare_expect(), bench.LIMIT, show))


def run_own(args):
    own = Own(args.kernel, args.initrd, args.append, args.until, args.timeout)
    return report(own.run(args.machine, args.options, show))


def run_built_in(args):
    return bench.compare(args.machine, args.options)


def run_suite(args):
    return suite.measure(args.machine, args.options, False, args.ways, args.guests)


def run_peer(args):
    return suite.measure(args.machine, args.options, True, args.ways, args.guests)


def compare_linux(args):
    return linux.compare(args.machine, args.options, args.arch)


def compare_sync(args):
    return ways.compare_sync(args.machine, args.options)


def compare_large(args):
    return large.compare(args.machine, args.options)


def show_counts(_args):
    return counts.show()


def compare_paging(args):
    chosen = args.machine if args.model or args.host != "auto" else None
    return ways.compare_paging(ways.machines(chosen, args.machine.memory, args.machine.cpus),
                               args.options)


# What Linux is told on a machine that is no emulator.
MENU_CMDLINE = "console=tty0 console=ttyS0,115200"


def write_menu(args):
    """The ISO for other machines: everything the Makefile can boot, as a menu."""
    vmlinuz, initramfs = boots.linux_files(args.arch)

    def kernel(words):
        return [Module(vmlinuz, words), Module(initramfs)]

    linux, shell = kernel(MENU_CMDLINE), kernel(f"{MENU_CMDLINE} rdinit=/shell")
    iso = f"{boots.BUILD}/notrap.iso"
    write_iso(iso, [
        ("notrap: built-in guest, bypass on", boots.notrap(args.options)),
        ("notrap: built-in guest, bypass off",
         boots.notrap(f"{args.options} bypass_guest_pf=0".strip())),
        ("notrap: Linux self-check", boots.notrap(args.options, linux)),
        ("notrap: Linux shell", boots.notrap(args.options, shell)),
        ("the built-in guest alone", Boot(boots.BENCH)),
        ("Linux self-check alone", Boot(vmlinuz, MENU_CMDLINE, "linux", [Module(initramfs)])),
    ], timeout=10)
    print(iso)
    return 0


def show_profile(args):
    if args.workload and args.workload not in profile.WORKLOADS:
        raise HostError(f"WORKLOAD={args.workload} is none of: {' '.join(profile.WORKLOADS)}")
    return profile.show([args.workload] if args.workload else (), 40 if args.workload else 0)


WHAT = {"boot": run_own, "run": run_built_in, "bench": run_suite, "bench-kvm": run_peer,
        "bare": run_bare, "counts": show_counts,
        "linux": run_linux, "linux-bare": run_linux_bare,
        "compare": compare_paging, "compare-large": compare_large, "compare-linux": compare_linux,
        "compare-sync": compare_sync, "profile": show_profile, "shell": run_shell,
        "iso": write_menu}


def main():
    parser = argparse.ArgumentParser(prog="tests.emu", description=__doc__)
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--host", default="auto", help="|".join(choices.HOSTS))
    parser.add_argument("--model", default="", help="CPU model, by the emulator's name")
    parser.add_argument("--arch", default="amd64", choices=boots.LINUX_ARCHES,
                        help="Debian's kernel")
    parser.add_argument("--memory", default="256", help="MiB")
    parser.add_argument("--cpus", default="1")
    parser.add_argument("--options", default="", help="notrap's options")
    parser.add_argument("--ways", default="", help="bench, bench-kvm: these alone, with semicolons")
    parser.add_argument("--guests", default="", help="bench, bench-kvm: likewise")
    parser.add_argument("--workload", default="",
                        help="profile: one of Linux', and its functions")
    parser.add_argument("--kernel", default="", help="boot: a bzImage, or a multiboot kernel")
    parser.add_argument("--initrd", default="", help="boot: its initramfs")
    parser.add_argument("--append", default="", help="boot: its command line")
    parser.add_argument("--until", default="", help="boot: a pattern of the line that ends it well")
    parser.add_argument("--timeout", default="600", help="boot: seconds of the emulator's CPU time")
    args = parser.parse_args()
    if args.what == "bench-kvm" and args.host == "auto":
        args.host = "bochs"
    try:
        args.machine = choices.machine(args.host, args.model, args.memory, args.cpus)
        return WHAT[args.what](args)
    except HostError as error:
        print(f"tests.emu: {error}", file=sys.stderr)
        return 1


sys.exit(main())
