"""Compile a BPF program of a tree that nobody vouches for, with our own flags."""

from __future__ import annotations

import os
import shlex
import shutil
import time
from typing import TYPE_CHECKING

from bpfdoctor.host.cache import keep, recall, tool_of
from bpfdoctor.host.credentials import Credentials, owner_on_the_way, owner_to_become
from bpfdoctor.host.own_directory import owner_name
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.reading import real_path
from bpfdoctor.host.tools.inputs import parts_of
from bpfdoctor.host.tools.kept_objects import keep_object
from bpfdoctor.host.tools.source_words import our_flags, refused_words
from bpfdoctor.host.tools.source_work import Made, SourceWork
from bpfdoctor.host.tools.workdir import Workplace

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine


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

    def shown(self) -> str:
        how = f"killed by {self.signal}" if self.signal else f"exit status {self.status}"
        wrote = f"wrote an object, sha256 {self.sha256}" if self.ok else "no object"
        read = [f"it read {path}" for path in self.outside]
        return "\n".join([*self.log.splitlines(), *read, f"({how}; {wrote})"])


class CompileSource(Question[SourceObject], frozen=True):
    """Compile `file`, a source of the tree `root`, as `compiler` does with our own flags.

    `libbpf` is the directory whose `src` is `<bpf/…>`; empty: what the system has. `include` are
    directories, `define` is `NAME=VALUE`, `flags` are few (`source_words`). It is done as the owner
    of the tree, and not at all where that is neither root nor the one who asks. The answer is
    remembered while all that was read and searched is unchanged.
    """

    file: str
    compiler: str
    root: str
    include: tuple[str, ...] = ()
    libbpf: str = ""
    define: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    def put(self, machine: Machine) -> SourceObject | NoAnswer:
        paths = (self.file, self.root, *self.include, *filter(None, [self.libbpf]))
        for sentence in refused_words(paths, self.define, self.flags):
            return NoAnswer("refused", sentence)
        try:
            return self._put(machine)
        except OSError as error:
            return NoAnswer.from_error(error)

    def _put(self, machine: Machine) -> SourceObject | NoAnswer:
        tool = tool_of(machine, self.compiler)
        compiler = self._compiler(machine)
        if isinstance(compiler, NoAnswer):
            return compiler
        known = recall(machine, self, SourceObject, tool)
        if known is not None:
            return known
        identity = self._reader()
        if isinstance(identity, NoAnswer):
            return identity
        if owner_on_the_way(compiler) not in (None, identity):
            return NoAnswer("refused", f"{compiler} is another user's than {self.root}")
        since = time.time_ns()
        with Workplace(machine, identity) as place:
            if place.trouble is not None:
                return place.trouble
            work = SourceWork(self, place, compiler)
            made = work.done()
            if isinstance(made, NoAnswer):
                return made
            answer = self._answer(machine, made)
            if tool is not None and answer.ok:
                rests_on = work.inputs() | parts_of(machine, tool)
                kept = (answer.object,)
                keep(machine, self, answer, tool=tool, rests_on=rests_on, since=since, made=kept)
        return answer

    def _answer(self, machine: Machine, made: Made) -> SourceObject:
        path, digest = keep_object(machine, made.data) if made.data else ("", "")
        return SourceObject(str(path), digest, made.log, made.status, made.signal, made.outside)

    def _compiler(self, machine: Machine) -> str | NoAnswer:
        """The compiler's path, as found; one of the tree would be code of the tree."""
        found = shutil.which(self.compiler, path=machine.environ.get("PATH", os.defpath))
        if found is None:
            return NoAnswer("ENOENT", f"{self.compiler} is not on PATH")
        tree = real_path(self.root)
        places = (os.path.abspath(found), real_path(os.path.abspath(found)))
        if any(each.startswith((f"{tree}/", f"{self.root}/")) for each in places):
            return NoAnswer(
                "refused", f"{found} lies in the tree, whose code is run in builds alone"
            )
        return found if os.path.isabs(found) else NoAnswer("refused", f"{found} is not absolute")

    def _reader(self) -> Credentials | None | NoAnswer:
        """As whom the compiler reads. Raises OSError where one of the paths cannot be looked at."""
        named = (self.file, *self.include, *filter(None, [self.libbpf]))
        if os.geteuid() == 0:
            owners = {owner_to_become(self.root), *map(owner_on_the_way, named)} - {None}
            if len(owners) > 1:
                return NoAnswer("refused", f"{self.root} and what it needs are of several users")
            return next(iter(owners), None)
        for path in (self.root, os.path.dirname(self.file), self.source):
            uid = os.stat(path).st_uid
            if uid not in (0, os.geteuid()):
                whose = f"{path} belongs to {owner_name(uid)}"
                return NoAnswer(
                    "refused", f"{whose}: that user's sources are not compiled as yours"
                )
        return None

    def command(self) -> str:
        """As a person would type it, with `bpf/` of libbpf where its makefile puts it."""
        bpf = (f"-I{self.libbpf}/.. (bpf -> {self.libbpf}/src)",) if self.libbpf else ()
        words = (*our_flags(self.include, self.define, self.flags), "-c", self.file)
        return " ".join((self.compiler, *bpf, *map(shlex.quote, words)))
