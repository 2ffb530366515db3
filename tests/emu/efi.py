# SPDX-License-Identifier: MIT
"""QEMU with UEFI firmware, OVMF, and variables that last as long as the run."""
import os
import shutil

from .emulators import HostError
from .qemu import Qemu

OVMF = "/usr/share/OVMF"
# Code and variables fit together; Debian 13 has the larger pair alone.
PAIRS = [("OVMF_CODE.fd", "OVMF_VARS.fd"), ("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd")]


class QemuEfi(Qemu):
    platform = "x86_64-efi"

    def command(self, directory, iso, port):
        for pair in PAIRS:
            code, variables = (os.path.join(OVMF, name) for name in pair)
            if os.path.exists(code):
                break
        else:
            raise HostError("OVMF is not installed: make deps")
        shutil.copyfile(variables, os.path.join(directory, "variables"))
        return super().command(directory, iso, port) + [
            "-drive", f"if=pflash,format=raw,readonly=on,file={code}",
            "-drive", "if=pflash,format=raw,file=variables"]
