"""The build of the embedded program: clang alone, in scratch space, and what its object holds."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.text import decoded
from bpfdoctor.host.tools.commands import signal_name
from bpfdoctor.smoke.elf import ObjectProgram, UnsoundObjectError, program_in

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

SOURCE = "minimal.bpf.c"

SECTION = "tracepoint/syscalls/sys_enter_getcpu"

FLAGS = ("-g", "-O2", "-target", "bpf", "-c")
"""As libbpf-bootstrap's makefile compiles BPF code."""


class Built(Answer, frozen=True):
    """How the compiler ended (`status`; None: a signal did), what it said, and the program."""

    status: int | None
    log: str
    program: ObjectProgram | None = None

    def shown(self) -> str:
        if self.program is None:
            return f"exit status {self.status}\n{self.log}".rstrip()
        size = len(self.program.code) // 16
        return f"{self.log}wrote {size} instructions in section {self.program.section}"


class BuildEmbedded(Question[Built], frozen=True):
    """Compile bpfdoctor's own program with this clang (an argument list)."""

    clang: tuple[str, ...]

    def put(self, machine: Machine) -> Built | NoAnswer:
        with tempfile.TemporaryDirectory(dir=machine.scratch) as directory:
            output = Path(directory, "minimal.bpf.o")
            try:
                argv = (*self.clang, *FLAGS, str(Path(__file__).parent / SOURCE), "-o", str(output))
                ended = machine.run(argv, timeout=60)
            except OSError as error:
                return NoAnswer.from_error(error)
            log = machine.hidden(decoded(ended.stderr))
            if ended.timed_out:
                return NoAnswer("timed-out", f"{self.clang[0]}: no end after 60 seconds")
            if ended.exit_code != 0:
                return Built(ended.exit_code, log or signal_name(ended.signal))
            return _read(output, log)

    def source(self) -> str:
        return f"$ {' '.join((*self.clang, *FLAGS))} {SOURCE} -o $SCRATCH/minimal.bpf.o"


def _read(output: Path, log: str) -> Built | NoAnswer:
    try:
        return Built(0, log, program_in(output.read_bytes(), SECTION))
    except OSError as error:
        return Built(0, f"{log}it wrote no object: {error.strerror}")
    except UnsoundObjectError as error:
        return Built(0, f"{log}{error}")
