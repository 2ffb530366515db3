# SPDX-License-Identifier: MIT
"""Drives emulated machines over their serial line.

boot.py     what to boot: a GRUB ISO from a kernel, its command line and modules
machine.py  a running emulator: its process, its serial line, its limits
bochs.py, qemu.py  the two kinds of machine
result.py   what a run said: lines, counters, phases, verdict
boots.py    the boots that the Makefile and the tests share
choices.py  the machine that the user of the Makefile asks for
ways.py     the combinations of options that the tests run
"""
