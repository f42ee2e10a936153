"""Reads of kernel memory at an offset that was fixed when the object was compiled.

A program reads a member of a kernel's struct with a CO-RE relocation (`BPF_CORE_READ`, or a struct
with `preserve_access_index`), which the loader moves to where the running kernel has it; without,
it reads where the member was in the struct that it was compiled with. Structs change with nearly
every release, so that such a read is right on some kernels, and elsewhere delivers something else
without a word. Told is only what can be followed in the code; no kernel is asked.
"""

from __future__ import annotations

import msgspec

from bpfdoctor.host.question import Answer

RETURNED = -1
"""In place of a parameter's number: what the function returns."""


class FixedRead(msgspec.Struct, frozen=True):
    """One read. `struct`: what the pointer points to that it goes by, where the object names it;
    else it is the `parameter` of what the program is attached to. `members` are the pointers that
    are followed from there, and `member` is what is read: empty where that is not told.

    `offset` and `size` in bytes (0: unknown). `declared`: the structs that the source declares the
    variable to be. `laid`: the members that the object's own BTF has at that offset, of a struct
    that it may be. `direct`: a load, of which a part may be enough. `doubtful`: the object names
    the struct, and it is not seen where the pointer comes from. `guarded`: whether it is reached
    depends on what the loader fills in. `file`, `line` and `text` are the source's.
    """

    offset: int
    size: int = 0
    struct: str = ""
    parameter: int | None = None
    members: tuple[str, ...] = ()
    member: str = ""
    declared: tuple[str, ...] = ()
    laid: tuple[tuple[str, tuple[str, ...]], ...] = ()
    direct: bool = False
    doubtful: bool = False
    guarded: bool = False
    file: str = ""
    line: int = 0
    text: str = ""


class ProgramReads(msgspec.Struct, frozen=True):
    """The reads of one program; `attached`: the kernel's name of what it is given parameters of."""

    program: str
    attached: str = ""
    reads: tuple[FixedRead, ...] = ()


class FixedReads(Answer, frozen=True):
    """The programs of an object that read kernel memory at fixed offsets."""

    programs: tuple[ProgramReads, ...] = ()

    def shown(self) -> str:
        lines = [f"{each.program}: {_shown(read)}" for each in self.programs for read in each.reads]
        return "\n".join(lines) or "none"


def _shown(read: FixedRead) -> str:
    where = f" ({read.file}:{read.line}: {read.text.strip()})" if read.line else ""
    return f"{read.member or 'something'} at {read.offset}{where}"
