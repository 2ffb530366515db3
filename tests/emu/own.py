# SPDX-License-Identifier: MIT
"""`make boot`: a kernel of the user's own under notrap, to a line of his or to its power-off."""
import os
import re
from dataclasses import dataclass

from . import boots
from .boot import Module
from .emulators import HostError
from .result import Expect


@dataclass
class Own:
    """KERNEL=, INITRD=, APPEND=, UNTIL= and TIMEOUT=, as text; INITRD to UNTIL may be empty."""

    kernel: str
    initrd: str = ""
    append: str = ""
    until: str = ""
    timeout: str = "600"

    def check(self):
        """HostError, one line, where that cannot be."""
        for name, path in (("KERNEL", self.kernel), ("INITRD", self.initrd)):
            if not os.path.isfile(path) and (path or name == "KERNEL"):
                raise HostError(f'{name}="{path}" is no file; say where yours is: '
                                f"{name}=/boot/{name.lower()}")
        try:
            re.compile(self.until)
        except re.error as error:
            raise HostError(f'UNTIL="{self.until}" is no regular expression: {error}') from error
        if not re.fullmatch(r"[1-9][0-9]{0,5}", self.timeout):
            raise HostError(f'TIMEOUT="{self.timeout}" is no number of seconds; say 600')

    def run(self, machine, options, show=None):
        """Check, boot, and judge: a Result."""
        self.check()
        modules = [Module(self.kernel, self.append)]
        if self.initrd:
            modules.append(Module(self.initrd))
        never = boots.NEVER + (boots.PANIC,)
        expect = Expect(self.until, (), never) if self.until else \
            Expect(r"^notrap: (powering off|halted)$", (r"^notrap: powering off$",), never)
        return machine.run(boots.notrap(options, modules), expect, int(self.timeout), show)
