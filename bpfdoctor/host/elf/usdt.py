"""The question which USDT probes an executable or library carries."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bpfdoctor.host.elf.section import COMPRESSED, ElfError, find_section
from bpfdoctor.host.question import OF_ITS_PATH, Answer, NoAnswer, Question
from bpfdoctor.host.reading import NotRegularError, opened_regular

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

SECTION = ".note.stapsdt"
OWNER = b"stapsdt\0"
PROBE_NOTE = 3
"""NT_STAPSDT of SystemTap's sdt-config and libbpf's usdt.c."""
SIZE_LIMIT = 16 << 20
"""Bytes of notes read at most; a libc has some thousand."""


class UsdtProbes(Answer, frozen=True):
    """The probes of a file as `provider:name`, each once, sorted; and whether it has the notes."""

    notes: bool
    probes: tuple[str, ...] = ()

    def shown(self) -> str:
        return "\n".join(self.probes) if self.notes else f"no section {SECTION}"


class AskUsdt(Question[UsdtProbes], frozen=True):
    """Which USDT probes are in the notes of an ELF file."""

    path: str
    asks = OF_ITS_PATH

    def put(self, machine: Machine) -> UsdtProbes | NoAnswer:
        try:
            return _probes_of(self.path)
        except NotRegularError as error:
            return NoAnswer("refused", str(error.strerror))
        except OSError as error:
            return NoAnswer.from_error(error)

    def command(self) -> str:
        return f"readelf -n {self.path} | grep -A3 stapsdt"


def _probes_of(path: str) -> UsdtProbes | NoAnswer:
    with opened_regular(path) as file:
        try:
            section = find_section(file, SECTION)
            if section is None:
                return UsdtProbes(False)
            if section.size > SIZE_LIMIT or section.flags & COMPRESSED:
                return NoAnswer("too-large", f"{section.size} bytes of {SECTION}, or compressed")
            found = probes_in(section.data(file), section.layout.order, section.layout.word)
            return UsdtProbes(True, tuple(sorted(set(found))))
        except ElfError as error:
            return NoAnswer("broken", f"not sound ELF: {error}")


def probes_in(data: bytes, order: str, word: int) -> Iterator[str]:
    """The probes in the notes: three addresses of `word` bytes, then provider, name, arguments."""
    at = 0
    while at + 12 <= len(data):
        name_size, size, kind = struct.unpack_from(order + "III", data, at)
        owner = data[at + 12 : at + 12 + name_size]
        start = at + 12 + (name_size + 3) // 4 * 4
        texts = data[start : start + size][3 * word :].split(b"\0")
        if owner == OWNER and kind == PROBE_NOTE and len(texts) > 2:
            yield b":".join(texts[:2]).decode(errors="backslashreplace")
        at = start + (size + 3) // 4 * 4
