"""The question which USDT probes an executable or library carries."""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bpfdoctor.host.question import Answer, NoAnswer, Question

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

SECTION = ".note.stapsdt"
OWNER = b"stapsdt\0"
PROBE_NOTE = 3
"""NT_STAPSDT of SystemTap's sdt-config and libbpf's usdt.c."""


class UsdtProbes(Answer, frozen=True):
    """The probes of a file as `provider:name`, each once, sorted; and whether it has the notes."""

    notes: bool
    probes: tuple[str, ...] = ()

    def shown(self) -> str:
        return "\n".join(self.probes) if self.notes else f"no section {SECTION}"


class AskUsdt(Question[UsdtProbes], frozen=True):
    """Which USDT probes are in the notes of an ELF file."""

    path: str

    def put(self, machine: Machine) -> UsdtProbes | NoAnswer:
        try:
            if not stat.S_ISREG(Path(self.path).stat().st_mode):
                return NoAnswer("refused", "not a regular file")
            return _probes_of(self.path)
        except OSError as error:
            return NoAnswer.from_error(error)

    def source(self) -> str:
        return f"$ readelf -n {self.path} | grep -A3 stapsdt"


def _probes_of(path: str) -> UsdtProbes | NoAnswer:
    from elftools.elf.elffile import ELFFile  # costs start-up time

    try:
        with open(path, "rb") as file:
            elf = ELFFile(file)
            section = elf.get_section_by_name(SECTION)
            if section is None:
                return UsdtProbes(False)
            order, word = "<" if elf.little_endian else ">", elf.elfclass // 8
            return UsdtProbes(True, tuple(sorted(set(probes_in(section.data(), order, word)))))
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001  (pyelftools raises whatever its parsers do)
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
