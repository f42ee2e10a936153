"""The files that an assembly reads, or of which a compiler has put lines into it."""

from __future__ import annotations

import os
import re

from bpfdoctor.host.decode import decoded
from bpfdoctor.host.tools.source_words import refused

_READS_FILES = re.compile(
    rb"(?:^|[^\w$.])\.(incbin|include|macro|irpc?|rept?)(?:[^\w$.]|$)", re.IGNORECASE
)
"""Directives of an assembler by which it reads a file, or from which such a one could be made.

Those of llvm/lib/MC/MCParser/AsmParser.cpp, which does not tell capitals from small letters. Behind
or before a letter it is part of a name.
"""

_FILE = re.compile(
    rb'^[ \t]*\.file[ \t]+\d+[ \t]+"((?:[^"\\\n]|\\.)*)"(?:[ \t]+"((?:[^"\\\n]|\\.)*)")?',
    re.MULTILINE,
)
_ESCAPED = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


_BEGINNINGS = (b".incbin", b".include", b".macro", b".irp", b".rep")
"""Some of it is in every assembly that has such a directive: most are seen at once to have none."""


def refuse_reading(assembly: bytes) -> None:
    """Raise NotMadeError for an assembly that may read any file."""
    small = assembly.lower()
    if not any(each in small for each in _BEGINNINGS):
        return
    if found := _READS_FILES.search(assembly):
        raise refused(f"its assembly has .{decoded(found[1])}, by which it may read any file")


def files_quoted(assembly: bytes) -> set[str]:
    """The files that are there of those whose lines stand in an assembly.

    A `#line` names any file, and no list of dependencies has it: for line_info LLVM reads the file
    of each function by its name (llvm/lib/Target/BPF/BTFDebug.cpp, `populateFileContent`). To be
    called with the rights of whoever compiled: what he may not see was not read.
    """
    named = (map(_plain, found) for found in _FILE.findall(assembly))
    paths = {os.path.join("/", *filter(None, each)) for each in named}
    return {path for path in paths if os.path.lexists(path)}


def _plain(quoted: bytes) -> str:
    """A string without what MCAsmStreamer escapes in it."""

    def sign(found: re.Match[bytes]) -> bytes:
        told = found[1]
        return bytes([int(told, 8) & 255]) if len(told) == 3 else _LETTERS.get(told, told)

    return os.fsdecode(_ESCAPED.sub(sign, quoted))
