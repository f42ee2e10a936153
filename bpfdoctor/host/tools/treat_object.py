"""What a tool does with an object that was compiled for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bpfdoctor.host.cache import keep, recall, tool_of
from bpfdoctor.host.credentials import owner_to_become
from bpfdoctor.host.question import NoAnswer, Question
from bpfdoctor.host.tools.commands import Completed, owner_of_words
from bpfdoctor.host.tools.compile import Compile, compiler_of, parts_of_compiler
from bpfdoctor.host.tools.inputs import inputs_of, parts_of
from bpfdoctor.host.tools.workdir import Workplace

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

OBJECT = "$OBJECT"
"""Stands for the compiled object in the command of `TreatObject`."""


class TreatObject(Question[Completed], frozen=True):
    """Compile, then run a command on the object: `$OBJECT` in a word of `argv` is its path.

    `owner_of`: when we are root and the owner of that path is not, the command runs as that
    owner. A positive answer is remembered as that of `Compile` is.
    """

    compile: Compile
    argv: tuple[str, ...]
    owner_of: str = ""
    timeout: float = 20
    asks = "machine"

    def put(self, machine: Machine) -> Completed | NoAnswer:
        compiler, tool = compiler_of(machine, self.compile), tool_of(machine, self.argv[0])
        known = recall(machine, self, Completed, compiler and tool)
        if known is not None:
            return known
        since = time.time_ns()
        try:
            owner = owner_to_become(self.owner_of) if self.owner_of else None
            identity = (
                owner or self.compile.reader(machine) or owner_of_words(self.argv, machine.environ)
            )
        except OSError as error:
            return NoAnswer.from_error(error)
        with Workplace(machine, identity) as place:
            answer = place.trouble or self._made(place)
            if compiler is None or tool is None or machine.cache is None or not _ok(answer):
                return answer
            inputs = inputs_of(place, self.compile.compiler, self.compile.flags, ())
        if inputs is not None:
            parts = {*parts_of_compiler(machine, self.compile, compiler), *parts_of(machine, tool)}
            parts.add(compiler)
            keep(machine, self, answer, tool=tool, rests_on=inputs | parts, since=since)
        return answer

    def _made(self, place: Workplace) -> Completed | NoAnswer:
        compiled = self.compile.made(place)
        if isinstance(compiled, NoAnswer):
            return compiled
        if not compiled.ok:
            return NoAnswer("refused", f"there is no object to try it on: {compiled.shown()}")
        argv = [word.replace(OBJECT, place.path("probe.o")) for word in self.argv]
        ended = place.run(argv, self.timeout)
        return ended if isinstance(ended, NoAnswer) else place.completed(ended)

    def source(self) -> str:
        words = (word.replace(OBJECT, "probe.o") for word in self.argv)
        return f"{self.compile.source()}\n$ {' '.join(words)}"


def _ok(answer: Completed | NoAnswer) -> bool:
    return isinstance(answer, Completed) and answer.ok
