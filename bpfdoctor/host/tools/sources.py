"""Sources of a tree, as a C compiler reads them: the headers they include, or their syntax too."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING

from bpfdoctor.host.acting import as_owner_of
from bpfdoctor.host.cache import keep, recall, tool_of
from bpfdoctor.host.credentials import owner_to_become
from bpfdoctor.host.decode import decoded
from bpfdoctor.host.process import ProcessResult
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.tools.inputs import dependencies, inputs_of, parts_of, search_list
from bpfdoctor.host.tools.workdir import Workplace

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

MOST_ERRORS = 5
LONGEST = 240
"""Characters of an error that are kept."""

MEMORY = 2 << 20
"""Kilobytes of address space: a few nested macros ask for more than a machine has."""

_BOUNDED = ("/bin/sh", "-c", f'ulimit -v {MEMORY} 2>/dev/null; exec "$@"', "sh")
_NEXT_RULE = re.compile(r"\n(?=\S)")
_ERROR = re.compile(r"^([^\n:]+):\d+:(?:\d+:)? (?:fatal )?error: .*$", re.MULTILINE)
_INCLUDES = ("-M", "-MG")
_SYNTAX = ("-fsyntax-only", "-fmax-errors=20")
_OWN_WARNINGS = "-Wno-everything"
"""Where the flags have it, they say which warnings are errors; `-w` would silence these too."""


class SourcesRead(Answer, frozen=True):
    """What a compiler made of some sources.

    `missing` are the headers that it did not find, as they are included (with `syntax`, `errors`
    tells of them); `read` are all files that it read. `errors` are its first lines of the form
    `FILE:LINE:COLUMN: error: …` about files of the tree. `ok`: it was content, nothing is missing.
    """

    ok: bool
    missing: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    def shown(self) -> str:
        missing = [f"not found: {name}" for name in self.missing]
        end = f"({'' if self.ok else 'not '}ok; {len(self.read)} files were read)"
        return "\n".join([*missing, *self.errors, end])


class ReadSources(Question[SourcesRead], frozen=True):
    """Have `compiler` read `sources` (absolute paths) of a tree that is not trusted.

    Their includes are followed, and no more; with `syntax`, the code is read as well. Nothing is
    written. `installed` are directories that includes find by another name: `("bpf", "/…/src")`
    for `<bpf/libbpf.h>`. `host_includes` adds, with `-idirafter`, what the compiler searches for
    the host. Where we are root and the owner of `tree` is not, the compiler runs as that owner.
    `timeout` is in seconds. A positive answer is remembered while all that was read is unchanged.
    """

    compiler: tuple[str, ...]
    sources: tuple[str, ...]
    tree: str
    flags: tuple[str, ...] = ()
    installed: tuple[tuple[str, str], ...] = ()
    syntax: bool = False
    host_includes: bool = False
    timeout: float = 20
    asks = "tree"

    def put(self, machine: Machine) -> SourcesRead | NoAnswer:
        tool = tool_of(machine, self.compiler[0]) if len(self.compiler) == 1 else None
        known = recall(machine, self, SourcesRead, tool)
        if known is not None:
            return known
        since = time.time_ns()
        try:
            identity = owner_to_become(self.tree)
        except OSError as error:
            return NoAnswer.from_error(error)
        with Workplace(machine, identity) as place:
            answer = place.trouble or _OneReading(self, place).answer()
            if tool is None or isinstance(answer, NoAnswer) or not answer.ok:
                return answer
            inputs = self._rests_on(machine, place, tool)
        if inputs is not None:
            keep(machine, self, answer, tool=tool, rests_on=inputs, since=since)
        return answer

    def _rests_on(self, machine: Machine, place: Workplace, tool: str) -> set[str] | None:
        if machine.cache is None:
            return None
        inputs = inputs_of(place, self.compiler, self.flags, ())
        scratch = place.path("")
        ours = {path for path in inputs or () if not path.startswith(scratch)}
        return ours | parts_of(machine, tool, self.compiler) if inputs is not None else None

    def source(self) -> str:
        how = "-fsyntax-only" if self.syntax else "-M -MG"
        found = [f"-I <{name} is {directory}>" for name, directory in self.installed]
        includes = ["<and the host's include directories>"] if self.host_includes else []
        words = (*self.compiler, *self.flags, *found, *includes, how, *self.sources)
        return f"$ {' '.join(words)}"


class _OneReading:
    """One reading, in a scratch directory; the rule of all that was read is its `probe.d`."""

    def __init__(self, question: ReadSources, place: Workplace) -> None:
        self.question, self.place = question, place

    def answer(self) -> SourcesRead | NoAnswer:
        asked, place = self.question, self.place
        flags = self._flags()
        if isinstance(flags, NoAnswer):
            return flags
        alone = asked.syntax and len(asked.sources) == 1
        rule = ("-MD", "-MF", place.path("probe.d"), "-MT", "probe.o") if alone else ()
        quiet = () if _OWN_WARNINGS in asked.flags else ("-w",)
        how = (*(_SYNTAX if asked.syntax else _INCLUDES), *quiet, *rule, "-x", "c")
        words = (*_BOUNDED, *asked.compiler, *flags, *how, *asked.sources)
        ended = place.run(words, asked.timeout)
        if isinstance(ended, NoAnswer):
            return ended
        if ended.signal or (ended.truncated and not asked.syntax):
            return NoAnswer("broken", f"{asked.compiler[0]} was ended, or did not come to an end")
        return self._told(ended)

    def _flags(self) -> tuple[str, ...] | NoAnswer:
        """Those that were given, and the directories where an include is found besides."""
        asked, place = self.question, self.place
        more: list[str] = []
        for name, directory in asked.installed:
            if trouble := place.link(name, directory):
                return trouble
            more = ["-I", place.path("")]
        if asked.host_includes:
            ended = place.run((*asked.compiler, "-v", "-E", "-"), asked.timeout)
            if isinstance(ended, NoAnswer):
                return ended
            listed = search_list(place.completed(ended).stderr)
            place.searched |= set(listed)
            more += [word for path in listed for word in ("-idirafter", path)]
        return (*asked.flags, *more)

    def _told(self, ended: ProcessResult) -> SourcesRead:
        rules = self.place.text("probe.d") if self.question.syntax else decoded(ended.stdout)
        words = {word for rule in _NEXT_RULE.split(rules) for word in dependencies(f"{rule}\n")}
        named = sorted({self._real(word) for word in words})
        read = tuple(word for word in named if word.startswith("/"))
        missing = tuple(word for word in named if not word.startswith("/"))
        if read and not self.question.syntax:
            self.place.write("probe.d", f"probe.o: {' '.join(map(_escaped, read))}\n")
        content = ended.exit_code == 0 and not missing
        return SourcesRead(content, missing, read, self._errors(decoded(ended.stderr)))

    def _real(self, path: str) -> str:
        """A file that was read through a link of the scratch directory, by its own path."""
        plain = os.path.normpath(path)
        for name, directory in self.question.installed:
            link = os.path.normpath(self.place.path(name))
            if plain.startswith(f"{link}/"):
                return directory + plain.removeprefix(link)
        return plain if path.startswith("/") else path

    def _errors(self, log: str) -> tuple[str, ...]:
        """Of the tree's own files, links resolved: words of another may be nobody's business."""
        with as_owner_of(self.question.tree):
            inside = f"{os.path.realpath(self.question.tree)}/"
            lines = (line for line in _ERROR.finditer(log))
            ours = [line[0] for line in lines if os.path.realpath(line[1]).startswith(inside)]
        return tuple(dict.fromkeys(line[:LONGEST] for line in ours))[:MOST_ERRORS]


def _escaped(path: str) -> str:
    return path.replace("$", "$$").replace("\\", "\\\\").replace(" ", "\\ ")
