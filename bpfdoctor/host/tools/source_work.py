"""The steps by which a source of a tree that nobody vouches for becomes an object."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import msgspec

from bpfdoctor.host.acting import acting_as
from bpfdoctor.host.decode import decoded
from bpfdoctor.host.limits import shortage_said
from bpfdoctor.host.process import ProcessResult
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.reading import opened_regular, real_path
from bpfdoctor.host.tools.commands import signal_name
from bpfdoctor.host.tools.kept_objects import LARGEST
from bpfdoctor.host.tools.odd_includes import refuse_odd_includes
from bpfdoctor.host.tools.source_assembly import files_quoted, refuse_reading
from bpfdoctor.host.tools.source_clang import TIME, clang_of, run_clang
from bpfdoctor.host.tools.source_log import own_lines
from bpfdoctor.host.tools.source_reads import Places, Reads, prerequisites, reads_of
from bpfdoctor.host.tools.source_words import NotMadeError, Source, our_flags, refused

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine
    from bpfdoctor.host.tools.workdir import Workplace

LARGEST_ASSEMBLY = 64 << 20

_QUIET = (
    *("-fno-color-diagnostics", "-fno-caret-diagnostics", "-fno-crash-diagnostics"),
    *("-fno-diagnostics-fixit-info", "-ferror-limit=20"),
)

_hanging: WeakKeyDictionary[Machine, set[str]] = WeakKeyDictionary()
"""The trees of which a source did not come to an end in time."""


class Made(msgspec.Struct, frozen=True):
    """What the compiler came to: the object's bytes, none where there is none to be shown."""

    data: bytes
    log: str
    status: int | None
    signal: str = ""
    outside: tuple[str, ...] = ()


class SourceWork:
    """One source, in a directory of its own.

    It is compiled to assembly first: a directive there may read a file (`.incbin`), which no list
    of dependencies names.
    """

    def __init__(self, source: Source, place: Workplace, compiler: str) -> None:
        self.source, self.place, self.machine = source, place, place.machine
        self.clang = clang_of(self.machine, compiler, place.identity)
        self.compiler = (compiler, *self.clang.words)
        self.link = place.path("include")
        self.read: list[str] = []
        self.trees = tuple(dict.fromkeys((os.path.normpath(source.root), real_path(source.root))))
        """The tree as it was named, and without links."""

    def done(self) -> Made:
        """Compile it. Raises NotMadeError, and OSError."""
        source, identity = self.source, self.place.identity
        tree = self.trees[-1]
        hanging = _hanging.setdefault(self.machine, set())
        if tree in hanging:
            said = f"another source of {tree} was not compiled in {TIME:g} seconds"
            raise NotMadeError(NoAnswer("timed-out", f"{said}: no other is tried"))
        with acting_as(identity):
            searched = (*source.include, *self.clang.system)
            refuse_odd_includes(source.file, self.trees, searched, self._libbpf())
        self._link()
        try:
            ended = self._compiled("-S", "-fno-integrated-as", "-fno-verbose-asm")
        except NotMadeError as error:
            if error.answer.reason == "timed-out":
                hanging.add(tree)
            raise
        return self._judged(ended)

    def _libbpf(self) -> str:
        return f"{self.source.libbpf}/src" if self.source.libbpf else ""

    def _link(self) -> None:
        """Make the directory in which `<bpf/…>` is the libbpf of the tree."""
        if self.source.libbpf:
            with acting_as(self.place.identity):
                os.mkdir(self.link, 0o700)
                os.symlink(self._libbpf(), f"{self.link}/bpf")

    def _compiled(self, *how: str) -> ProcessResult:
        output = self.place.path("probe.ll" if "-emit-llvm" in how else "probe.s")
        rule = ("-MD", "-MV", "-MF", self.place.path("probe.d"))
        return self._run(*self._flags(), *how, *rule, "-x", "c", self.source.file, "-o", output)

    def _flags(self) -> tuple[str, ...]:
        bpf = (f"-I{self.link}", f"-fdebug-prefix-map={self.link}/bpf={self._libbpf()}")
        places = self.clang.host if self.source.host_includes else ()
        after = [word for each in places for word in ("-idirafter", each)]
        return (*_QUIET, *(bpf if self.source.libbpf else ()), *our_flags(self.source), *after)

    def _run(self, *words: str) -> ProcessResult:
        ended = run_clang(self.machine, (*self.compiler, *words), self.place.identity)
        beyond = (
            NoAnswer("timed-out", f"no end after {TIME:g} seconds") if ended.timed_out else None
        )
        trouble = beyond or self.place.taken_away() or _beyond(ended)
        if trouble is not None:
            raise NotMadeError(trouble)
        return ended

    def _judged(self, ended: ProcessResult) -> Made:
        reads = self._reads()
        log = own_lines(decoded(ended.stderr), self.trees, (f"{self.link}/bpf", self._libbpf()))
        made = Made(b"", log, ended.exit_code, signal_name(ended.signal), reads.outside)
        if ended.exit_code != 0:
            return made
        others = [path for path in reads.outside if self.source.libbpf and "/bpf/" in path]
        if others:
            said = f"it takes {others[0]}, which is not of {self.source.libbpf}"
            return msgspec.structs.replace(made, log="\n".join(filter(None, [log, said])))
        return msgspec.structs.replace(made, data=self._assembled())

    def _reads(self) -> Reads:
        """Whose the files are that were read. Raises NotMadeError for what is not ours to show."""
        read = prerequisites(self.place.text("probe.d") or self._listed())
        if read is None:
            raise refused("the names of the files that it reads cannot be told apart")
        self.read = read
        return self._sorted([path for path in read if os.path.isabs(path)])

    def _sorted(self, paths: Iterable[str]) -> Reads:
        with acting_as(self.place.identity):
            named = filter(None, (*self.source.include, self._libbpf()))
            given = tuple(os.path.realpath(each) for each in named)
            reads = reads_of(paths, Places(self.trees[-1], given, self.clang.system))
        if reads.foreign:
            raise refused(f"it reads {reads.foreign[0]}, which is not of {self.trees[-1]}")
        return reads

    def _listed(self) -> str:
        """The files that it would read, where the compile ended before it told."""
        rule = ("-M", "-MG", "-MV", "-MF", self.place.path("probe.d"), "-x", "c", self.source.file)
        self._run(*self._flags(), *rule)
        return self.place.text("probe.d")

    def _assembled(self) -> bytes:
        """The object's bytes. Raises NotMadeError for assembly that may read any file."""
        self._look_through_assembly()
        cpu = [flag for flag in self.source.flags if flag.startswith("-mcpu=")]
        target = ("-target", "bpf", *cpu, "-O2")
        output = ("-c", "-o", self.place.path("probe.o"))
        if self._run(*target, *output, self.place.path("probe.s")).exit_code != 0:
            self._from_one_reading(target, output)
        return self._bytes("probe.o", LARGEST)

    def _from_one_reading(self, target: tuple[str, ...], output: tuple[str, ...]) -> None:
        """Make the object where clang cannot read the assembly that it writes.

        Read again, a source may be another: `__has_include` sees what was made meanwhile, and
        `__TIME__` goes on. So assembly to look through and object are of one text of LLVM's.
        """
        self._compiled("-S", "-emit-llvm")
        self._reads()
        words = (*target, "-Xclang", "-disable-llvm-passes", "-x", "ir")
        text = self.place.path("probe.ll")
        assembly = ("-S", "-fno-integrated-as", "-o", self.place.path("probe.s"))
        if self._run(*words, *assembly, text).exit_code != 0:
            raise refused("what its assembly may read cannot be told")
        self._look_through_assembly()
        if self._run(*words, *output, text).exit_code != 0:
            raise refused("its assembly is none that clang can read")

    def _look_through_assembly(self) -> None:
        text = self._bytes("probe.s", LARGEST_ASSEMBLY)
        refuse_reading(text)
        with acting_as(self.place.identity):
            quoted = files_quoted(text)
        self._sorted(quoted)
        self.read = [*self.read, *quoted]

    def _bytes(self, name: str, limit: int) -> bytes:
        """A file here. Raises NotMadeError for one that is too large, or has grown."""
        with opened_regular(self.place.path(name), os.O_NOFOLLOW) as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise NotMadeError(NoAnswer("too-large", f"it makes more than {limit >> 20} MiB"))
        return data

    def inputs(self) -> set[str]:
        """All that the answer rests on: the files read, and where others of their names may lie."""
        real = [path.replace(f"{self.link}/bpf", self._libbpf(), 1) for path in self.read]
        beside = {os.path.dirname(path) for path in real}
        tops = {*self.source.include, *self.clang.system, *self.clang.absent, *beside}
        belows = {below for path in self.read for below in _tails(path, (*tops, self.link))}
        return {*real, *(f"{top}/{below}".rstrip("/") for top in tops for below in belows)}


def _tails(path: str, tops: Iterable[str]) -> set[str]:
    """Below which directories of a search path a file may have been found (`sys`, or itself)."""
    return {os.path.dirname(path[len(top) + 1 :]) for top in tops if path.startswith(f"{top}/")}


def _beyond(ended: ProcessResult) -> NoAnswer | None:
    """Why there is no answer where a limit of ours ended it."""
    said = shortage_said(ended.stderr) if ended.exit_code else ""
    if said == "EFBIG" or ended.signal == signal.SIGXFSZ:
        return NoAnswer("too-large", "more than 64 MiB would be made of it")
    if said == "ENOMEM" or ended.signal == signal.SIGKILL:
        return NoAnswer("too-large", "it takes more than 1 GiB of memory to compile")
    return None
