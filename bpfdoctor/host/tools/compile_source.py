"""Compile a BPF program of a tree that nobody vouches for, with our own flags."""

from __future__ import annotations

import re
import shlex
import time
from typing import TYPE_CHECKING

from bpfdoctor.host.cache import keep, recall, tool_of
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.tools.inputs import parts_of
from bpfdoctor.host.tools.kept_objects import keep_object
from bpfdoctor.host.tools.source_reader import compiler_outside, reader_of
from bpfdoctor.host.tools.source_words import NotMadeError, our_flags, refuse_words
from bpfdoctor.host.tools.source_work import Made, SourceWork
from bpfdoctor.host.tools.workdir import Workplace

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine


_LOST = re.compile(r"fatal error: '([^'\n]+)' file not found")


class SourceObject(Answer, frozen=True):
    """What became of a source: `object` is the path of the kept object, empty where there is none.

    `status` is the compiler's exit status (None: `signal` ended it), `log` what it said of the
    tree's own files. `outside` are files that it read and that are neither the tree's nor the
    compiler's, the C library's or the kernel's.
    """

    object: str
    sha256: str = ""
    log: str = ""
    status: int | None = None
    signal: str = ""
    outside: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """There is an object."""
        return bool(self.object)

    @property
    def first_error(self) -> str:
        """The first line that tells an error; where none does, the first line."""
        lines = self.log.split("\n")
        return next((line for line in lines if "error: " in line), lines[0])

    @property
    def lost_header(self) -> str:
        """The header that was not found, as the source names it; empty where none was lost."""
        found = _LOST.search(self.log)
        return found[1] if found else ""

    def shown(self) -> str:
        how = f"killed by {self.signal}" if self.signal else f"exit status {self.status}"
        wrote = f"wrote an object, sha256 {self.sha256}" if self.ok else "no object"
        read = [f"it read {path}" for path in self.outside]
        return "\n".join([*self.log.splitlines(), *read, f"({how}; {wrote})"])


class CompileSource(Question[SourceObject], frozen=True):
    """Compile `file`, a source of the tree `root`, as `compiler` does with our own flags.

    `libbpf` is the directory whose `src` is `<bpf/…>`; empty: what the system has. `include` are
    directories, `define` is `NAME=VALUE`, `flags` are few (`source_words`). With
    `host_includes` clang looks in the directories that it searches for the host, too. It is done as
    the owner of the tree, and not at all where that is neither root nor the one who asks. The
    answer is remembered while all that was read and searched is unchanged.
    """

    file: str
    compiler: str
    root: str
    include: tuple[str, ...] = ()
    libbpf: str = ""
    define: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    host_includes: bool = True

    asks = "tree"

    def put(self, machine: Machine) -> SourceObject | NoAnswer:
        try:
            refuse_words(self)
            compiler = compiler_outside(machine, self)
            tool = tool_of(machine, self.compiler)
            known = recall(machine, self, SourceObject, tool)
            return known or self._made(machine, compiler, tool)
        except NotMadeError as error:
            return error.answer
        except OSError as error:
            return NoAnswer.from_error(error)

    def _made(self, machine: Machine, compiler: str, tool: str | None) -> SourceObject:
        identity = reader_of(self, compiler)
        since = time.time_ns()
        with Workplace(machine, identity) as place:
            if place.trouble is not None:
                raise NotMadeError(place.trouble)
            work = SourceWork(self, place, compiler)
            answer = self._answer(machine, work.done())
            if tool is not None and answer.ok:
                rests_on = work.inputs() | parts_of(machine, tool)
                kept = (answer.object,)
                keep(machine, self, answer, tool=tool, rests_on=rests_on, since=since, made=kept)
        return answer

    def _answer(self, machine: Machine, made: Made) -> SourceObject:
        path, digest = keep_object(machine, made.data) if made.data else ("", "")
        return SourceObject(str(path), digest, made.log, made.status, made.signal, made.outside)

    def command(self) -> str:
        """As a person would type it, with `bpf/` of libbpf where its makefile puts it."""
        bpf = (f"-I{self.libbpf}/.. (bpf -> {self.libbpf}/src)",) if self.libbpf else ()
        words = (*our_flags(self), "-c", self.file)
        return " ".join((self.compiler, *bpf, *map(shlex.quote, words)))
