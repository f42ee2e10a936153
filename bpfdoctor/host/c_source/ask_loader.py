"""The question what a loader does with its BPF programs and maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfdoctor.host.c_source.file_text import file_text
from bpfdoctor.host.c_source.loader import Loader
from bpfdoctor.host.question import NoAnswer, Question
from bpfdoctor.host.remembered import remembered

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

LARGEST = 1 << 20
"""Bytes of one source."""


class AskLoader(Question[Loader], frozen=True):
    """Read the C of a program's user space part; the first file is the program's own.

    Nothing is run or compiled, and no `#include` is followed: a function that is in none of the
    files may do anything with a program or map that it is given. It is remembered while the files
    are unchanged.
    """

    files: tuple[str, ...]

    asks = "tree"

    def put(self, machine: Machine) -> Loader | NoAnswer:
        return remembered(machine, self, Loader, self.files, self._read)

    def _read(self) -> Loader | NoAnswer:
        from bpfdoctor.host.c_source.read_loader import read_loader  # costs start-up time

        texts: list[str] = []
        for path in self.files:
            text = file_text(path, LARGEST)
            if isinstance(text, NoAnswer):
                return text
            texts.append(text)
        return read_loader(texts)

    def source(self) -> str:
        return f"the calls of libbpf in {' '.join(self.files)}"
