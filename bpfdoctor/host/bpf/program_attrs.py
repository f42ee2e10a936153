"""Programs that are loaded as one of an object is, and do one thing that it does."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from bpfdoctor.host.bpf.attach_btf import target_id
from bpfdoctor.host.bpf.calls import Attempt, LoadError, ProgramSpec, load_program
from bpfdoctor.host.bpf.features.attach_types import BY_TARGET
from bpfdoctor.host.bpf.features.program_types import PROGRAM_TYPES
from bpfdoctor.host.bpf.macros import RETURN_ONE, RETURN_ZERO

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine


class ProgramAttrs(msgspec.Struct, frozen=True):
    """What the kernel is told of such a program beside its code.

    `type` is a name of `PROGRAM_TYPES`, `attach` a number of enum bpf_attach_type, `target`
    what it is loaded for, as in SEC() (`fentry.s/vfs_unlink`), and `btf_id` the id of that, once
    it is looked up.
    """

    type: str
    attach: int = 0
    flags: int = 0
    license: str = "GPL"
    target: str = ""
    btf_id: int = 0

    def looked_up(self, machine: Machine) -> ProgramAttrs | Attempt:
        """The same, with the id of its target; or that there is none."""
        if not self.target:
            return self
        found = target_id(machine, self.target)
        return found if isinstance(found, Attempt) else msgspec.structs.replace(self, btf_id=found)

    def shown(self) -> str:
        """What it is loaded for, or its type."""
        return self.target or self.type

    def plain(self) -> bytes:
        """The least code of it that is loaded. Raises LoadError where none is.

        Some kinds may return 0 alone, some 1 alone (cgroup/recvmsg4, Linux 5.2).
        """
        try:
            self.load(RETURN_ZERO)
        except LoadError as refused:
            try:
                self.load(RETURN_ONE)
            except LoadError:
                raise refused from None
            return RETURN_ONE
        return RETURN_ZERO

    def load(self, code: bytes) -> None:
        """Load it with this code, for a moment. Raises LoadError."""
        kind = self.target.partition("/")[0].removesuffix(".s")
        attach = BY_TARGET[kind].number if self.btf_id else self.attach
        number, license_ = PROGRAM_TYPES[self.type].number, self.license.encode()
        os.close(load_program(ProgramSpec(number, code, attach, self.btf_id, self.flags, license_)))


def last_words(log: str) -> str:
    """What a verifier's log says of why it ends."""
    lines = [each for each in log.splitlines() if each and not each.startswith(_STATISTICS)]
    return lines[-1] if lines else ""


_STATISTICS = ("processed ", "verification time ", "stack depth ")
