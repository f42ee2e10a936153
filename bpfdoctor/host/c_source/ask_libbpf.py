"""The question what a libbpf can do, by its source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfdoctor.host.c_source.libbpf_source import LibbpfSource
from bpfdoctor.host.question import NoAnswer, Question
from bpfdoctor.host.remembered import remembered

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

FILES = ("libbpf.c", "btf.c", "libbpf_version.h", "libbpf.map")
"""What is read of it: below `src`, or, in tools/lib/bpf of Linux, where it is."""


class AskLibbpf(Question[LibbpfSource], frozen=True):
    """Read the source of a libbpf: `directory` is that of its repository, or of its files.

    It is remembered while these are unchanged.
    """

    directory: str

    asks = "tree"

    def put(self, machine: Machine) -> LibbpfSource | NoAnswer:
        if not self.directory:
            return NoAnswer("refused", "there is no directory to read")
        files = [f"{self.directory}/{each}" for each in (*map("src/{}".format, FILES), *FILES)]
        return remembered(machine, self, LibbpfSource, files, self._read)

    def _read(self) -> LibbpfSource | NoAnswer:
        from bpfdoctor.host.c_source.read_libbpf import read_libbpf  # costs start-up time

        return read_libbpf(self.directory)

    def source(self) -> str:
        return f"btf.c, libbpf.c, libbpf_version.h and libbpf.map in {self.directory}"
