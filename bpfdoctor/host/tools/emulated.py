"""Whether executables for another machine run here, by an emulator or by the kernel itself."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.tools.workdir import Workplace

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

ET_EXEC, EV_CURRENT, PT_LOAD, PF_R_X = 2, 1, 1, 5
EF_ARM_EABI_VER5 = 0x05000000
"""elf.h; a 64-bit kernel takes no older executable of 32-bit Arm."""

ADDRESS, ALIGNED = 0x400000, 0x10000
"""Where its one segment lies: on a page boundary of any page size."""

SIZE = 256
"""Bytes of the file that is tried: headers, and no instruction that means anything."""


class Accepts(Answer, frozen=True):
    """Whether the kernel starts such an executable (execve(2) answers ENOEXEC where not)."""

    accepted: bool

    def shown(self) -> str:
        return "the kernel starts such an executable" if self.accepted else "ENOEXEC"


class TryExecutable(Question[Accepts], frozen=True):
    """Have the kernel start an executable for `machine` (`EM_AARCH64`) that does nothing.

    An emulator may be registered for it (binfmt_misc), also by a host that does not show that in a
    container: only trying tells. What is started crashes at once.
    """

    machine: str
    bits: int
    endian: Literal["little", "big"]
    asks = "machine"

    def put(self, machine: Machine) -> Accepts | NoAnswer:
        from elftools.elf.enums import ENUM_E_MACHINE  # costs start-up time

        number = ENUM_E_MACHINE.get(self.machine)
        if number is None:
            return NoAnswer("refused", f"{self.machine} is not known")
        with Workplace(machine) as place:
            return place.trouble or self._tried(place, number)

    def _tried(self, place: Workplace, number: int) -> Accepts | NoAnswer:
        file = Path(place.path("executable"))
        try:
            file.write_bytes(executable(number, self.bits, self.endian))
            file.chmod(0o700)
        except OSError as error:
            return NoAnswer.from_error(error)
        ended = place.run((str(file),), 5)
        if isinstance(ended, NoAnswer):
            return Accepts(False) if ended.reason == "ENOEXEC" else ended
        return Accepts(True)

    def source(self) -> str:
        return f"execve of a {self.bits}-bit {self.endian}-endian {self.machine} executable"


def executable(machine: int, bits: int, endian: Literal["little", "big"]) -> bytes:
    """An executable of one segment (`Elf64_Ehdr` and `Elf64_Phdr`, or those of 32 bits; elf.h)."""
    order, wide = "<" if endian == "little" else ">", bits == 64
    word, size, entry = ("Q", 64, 56) if wide else ("I", 52, 32)
    ident = b"\x7fELF" + bytes((2 if wide else 1, 1 if order == "<" else 2, EV_CURRENT))
    flags = EF_ARM_EABI_VER5 if not wide else 0
    start = ADDRESS + size + entry
    header = struct.pack(
        f"{order}HHI3{word}I6H",
        *(ET_EXEC, machine, EV_CURRENT, start, size, 0, flags, size, entry, 1, 0, 0, 0),
    )
    place = (0, ADDRESS, ADDRESS, SIZE, SIZE)
    segment = (
        struct.pack(f"{order}II6Q", PT_LOAD, PF_R_X, *place, ALIGNED)
        if wide
        else struct.pack(f"{order}8I", PT_LOAD, *place, PF_R_X, ALIGNED)
    )
    return (ident.ljust(16, b"\0") + header + segment).ljust(SIZE, b"\0")
