"""The question what a loader does with its BPF programs and maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bpfdoctor.host.c_source.beside import sources_beside, texts_with
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
    files may do anything with a program or map that it is given. One that by its name raises a
    limit is looked for in the sources beside the first (trace_helpers.c of bcc's tools until
    2022-04). It is remembered while all of these are unchanged.
    """

    files: tuple[str, ...]

    asks = "tree"

    def put(self, machine: Machine) -> Loader | NoAnswer:
        beside = sources_beside(self.files[0]) if self.files else ()
        known = (*self.files, *beside)
        return remembered(machine, self, Loader, known, lambda: self._read(beside))

    def _read(self, beside: Sequence[str]) -> Loader | NoAnswer:
        from bpfdoctor.host.c_source.read_loader import read_loader  # costs start-up time

        texts: list[str] = []
        for path in self.files:
            text = file_text(path, LARGEST)
            if isinstance(text, NoAnswer):
                return text
            texts.append(text)
        return read_loader(texts, lambda words: texts_with(beside, words, LARGEST))

    def source(self) -> str:
        return f"the calls of libbpf in {' '.join(self.files)}"
