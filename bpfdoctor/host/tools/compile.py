"""Compile for real: a source, a compiler and its flags; what came out, and whether it runs."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from bpfdoctor.host.cache import keep, recall, tool_of
from bpfdoctor.host.credentials import Credentials, owner_on_the_way
from bpfdoctor.host.elf.object import ObjectFacts, object_facts
from bpfdoctor.host.process import ProcessResult
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.tools.commands import Completed, owner_of_words
from bpfdoctor.host.tools.inputs import inputs_of, parts_of, search_list, searched_in_vain
from bpfdoctor.host.tools.workdir import Workplace

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

SEARCHED = ("CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX")
"""Environment variables that name directories in which compilers look."""


class Compiled(Answer, frozen=True):
    """How a compile ended.

    `step` is the last that was made, `status` its exit status (None: `signal` ended it), `log`
    what it said. `object` holds the facts of the object, if there is one. `run` is how the linked
    program ended, None when it was not run.
    """

    step: Literal["compile", "link"]
    status: int | None
    log: str
    object: ObjectFacts | None = None
    run: Completed | NoAnswer | None = None
    signal: str = ""
    truncated: bool = False

    @property
    def ok(self) -> bool:
        """The compiler (and linker, where asked) said yes, and an object is really there."""
        return self.status == 0 and self.object is not None

    def shown(self) -> str:
        lines = [self.log.rstrip("\n")] if self.log.strip() else []
        how = f"killed by {self.signal}" if self.signal else f"exit status {self.status}"
        facts = self.object
        wrote = (
            f"wrote {facts.machine} with {'' if facts.btf else 'no '}.BTF, "
            f"{facts.relocations} CO-RE relocations"
            if facts
            else "wrote no object"
        )
        ran = [f"the program: {self.run.shown()}"] if self.run else []
        return "\n".join([*lines, f"({self.step}: {how}; {wrote})", *ran])

    def cut(self) -> bool:
        return self.truncated


class Compile(Question[Compiled], frozen=True):
    """Compile `code` (C), as `compiler flags -c`; then link it and run the program, if asked.

    `libraries` are the linker's arguments after the object (`-lelf`). `host_includes` adds, with
    `-idirafter`, the directories that the compiler searches for the host, as the makefiles of
    libbpf projects do for BPF code. `timeout` is in seconds, for each step. Scratch paths are
    written `$SCRATCH`. `without` are the variables of the environment that no step gets. A positive
    answer is remembered while all that was read is unchanged, but not where some are left out.
    """

    compiler: tuple[str, ...]
    code: str
    flags: tuple[str, ...] = ()
    link: bool = False
    libraries: tuple[str, ...] = ()
    run: bool = False
    host_includes: bool = False
    timeout: float = 20
    without: tuple[str, ...] = ()
    asks = "machine"

    def put(self, machine: Machine) -> Compiled | NoAnswer:
        tool = compiler_of(machine, self)
        known = recall(machine, self, Compiled, tool)
        if known is not None:
            return known
        since = time.time_ns()
        try:
            identity = self.reader(machine)
        except OSError as error:
            return NoAnswer.from_error(error)
        with Workplace(machine, identity) as place:
            answer = place.trouble or self.made(place)
            if tool is None or machine.cache is None or not _proven(self, answer):
                return answer
            inputs = inputs_of(place, self.compiler, self.flags, self.libraries)
        if inputs is not None:
            parts = parts_of_compiler(machine, self, tool)
            keep(machine, self, answer, tool=tool, rests_on=inputs | parts, since=since)
        return answer

    def reader(self, machine: Machine) -> Credentials | None:
        """As whom it is done, where we are root: the owner of what the compiler will look into.

        That is the current directory, and whatever its words and variables name, the compiler
        itself included. Raises OSError where one of them cannot be looked at.
        """
        named = (machine.environ.get(name, "") for name in SEARCHED)
        searched = (place for value in named for place in value.split(":"))
        for path in (".", *(place for place in searched if "/" in place)):
            with contextlib.suppress(FileNotFoundError):
                if owner := owner_on_the_way(path):
                    return owner
        words = (*self.compiler, *self.flags, *self.libraries)
        return owner_of_words(words, machine.environ)

    def made(self, place: Workplace) -> Compiled | NoAnswer:
        """Do it in `place`, whose `probe.o` is then the object."""
        place.without = self.without
        flags = self._all_flags(place)
        if isinstance(flags, NoAnswer):
            return flags
        trouble = place.write("probe.c", self.code)
        if trouble is not None:
            return trouble
        source, wrote = place.path("probe.c"), place.path("probe.o")
        outputs = ("-MD", "-MF", place.path("probe.d"), "-c", source, "-o", wrote)
        ended = place.run((*self.compiler, *flags, *outputs), self.timeout)
        if isinstance(ended, NoAnswer):
            return ended
        answer = _compiled("compile", place, ended, object_facts(Path(wrote)))
        made = self._linked(place, answer) if self.link and answer.ok else answer
        return place.taken_away() or made

    def _all_flags(self, place: Workplace) -> tuple[str, ...] | NoAnswer:
        if not self.host_includes:
            return self.flags
        ended = place.run((*self.compiler, "-v", "-E", "-"), self.timeout)
        if isinstance(ended, NoAnswer):
            return ended
        log = place.completed(ended).stderr
        place.searched |= {*search_list(log), *searched_in_vain(log)}
        after = (word for path in search_list(log) for word in ("-idirafter", path))
        return (*self.flags, *after)

    def _linked(self, place: Workplace, compiled: Compiled) -> Compiled | NoAnswer:
        wrote, program = place.path("probe.o"), place.path("program")
        words = (*self.flags, wrote, *self.libraries, "-Wl,--trace", "-o", program)
        ended = place.run((*self.compiler, *words), self.timeout)
        if isinstance(ended, NoAnswer):
            return ended
        place.linked = place.completed(ended).stdout
        there = compiled.object if Path(program).exists() else None
        linked = _compiled("link", place, ended, there)
        run: Completed | NoAnswer | None = None
        if self.run and linked.ok:
            done = place.run((program,), self.timeout)
            run = done if isinstance(done, NoAnswer) else place.completed(done)
        return msgspec.structs.replace(linked, log=compiled.log + linked.log, run=run)

    def source(self) -> str:
        libraries = " ".join(("", *self.libraries)) if self.link else ""
        step = " -o program" if self.link else " -c -o probe.o"
        includes = " (and the host's include directories)" if self.host_includes else ""
        unset = " ".join(f"-u {name}" for name in self.without)
        words = " ".join((*([f"env {unset}"] if unset else []), *self.compiler, *self.flags))
        return f"$ {words}{step} -x c -{libraries}{includes} <<'END'\n{self.code.strip()}\nEND"


def compiler_of(machine: Machine, question: Compile) -> str | None:
    """The resolved compiler, where its answers may be remembered: a plain one, on its own."""
    plain = len(question.compiler) == 1 and not question.without
    return tool_of(machine, question.compiler[0]) if plain else None


def parts_of_compiler(machine: Machine, question: Compile, compiler: str) -> set[str]:
    """The files that the compiler consists of, as far as this question takes them."""
    alone = not question.link and "clang" in compiler  # which assembles by itself
    return parts_of(machine, compiler, () if alone else question.compiler)


def _compiled(
    step: Literal["compile", "link"],
    place: Workplace,
    ended: ProcessResult,
    facts: ObjectFacts | None,
) -> Compiled:
    said = place.completed(ended)
    return Compiled(
        step=step,
        status=said.exit_code,
        log=said.stderr if step == "link" else said.output,
        object=facts,
        signal=said.signal,
        truncated=said.truncated,
    )


def _proven(question: Compile, answer: Compiled | NoAnswer) -> bool:
    """All that was asked for was seen to work."""
    if isinstance(answer, NoAnswer) or not answer.ok:
        return False
    return not question.run or (isinstance(answer.run, Completed) and answer.run.ok)
