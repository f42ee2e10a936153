"""The build of the embedded program: clang alone, in scratch space, and what its object holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bpfdoctor.host.grant import Grant, grant_of
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.tools.workdir import Workplace
from bpfdoctor.smoke.elf import RawProgram, UnsoundObjectError, program_in

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

SOURCE = "minimal.bpf.c"

SECTION = "tracepoint/syscalls/sys_enter_getcpu"

FLAGS = ("-g", "-O2", "-target", "bpf", "-c")
"""As libbpf-bootstrap's makefile compiles BPF code."""


class EmbeddedBuilt(Answer, frozen=True, tag="Built"):
    """How the compiler ended (`status`; None: a signal did), what it said, and the program."""

    status: int | None
    log: str
    program: RawProgram | None = None

    def grants(self) -> tuple[Grant, ...]:
        made = self.program
        return (grant_of("Fire", (made.code, made.map_references)),) if made else ()

    def shown(self) -> str:
        if self.program is None:
            return f"exit status {self.status}\n{self.log}".rstrip()
        size = len(self.program.code) // 16
        return f"{self.log}wrote {size} instructions in section {self.program.section}"


class BuildEmbedded(Question[EmbeddedBuilt], frozen=True):
    """Compile bpfdoctor's own program with this clang (an argument list)."""

    clang: tuple[str, ...]
    builds = True
    asks = "machine"

    def put(self, machine: Machine) -> EmbeddedBuilt | NoAnswer:
        with Workplace(machine) as place:
            return place.trouble or self._built(place)

    def _built(self, place: Workplace) -> EmbeddedBuilt | NoAnswer:
        output = place.path("minimal.bpf.o")
        source = str(Path(__file__).parent / SOURCE)
        ended = place.run((*self.clang, *FLAGS, source, "-o", output), 60)
        if isinstance(ended, NoAnswer):
            return ended
        said = place.completed(ended)
        if not said.ok:
            return EmbeddedBuilt(said.exit_code, said.stderr or said.signal)
        built = _read(Path(output), said.stderr)
        return place.taken_away() or built

    def command(self) -> str:
        return f"{' '.join((*self.clang, *FLAGS))} {SOURCE} -o $SCRATCH/minimal.bpf.o"


def _read(output: Path, log: str) -> EmbeddedBuilt | NoAnswer:
    try:
        return EmbeddedBuilt(0, log, program_in(output.read_bytes(), SECTION))
    except OSError as error:
        return EmbeddedBuilt(0, f"{log}it wrote no object: {error.strerror}")
    except UnsoundObjectError as error:
        return EmbeddedBuilt(0, f"{log}{error}")
