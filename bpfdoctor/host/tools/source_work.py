"""The steps by which a source of a tree that nobody vouches for becomes an object."""

from __future__ import annotations

import errno
import os
import re
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol
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
from bpfdoctor.host.tools.source_clang import TIME, clang_of, run_clang
from bpfdoctor.host.tools.source_log import own_lines
from bpfdoctor.host.tools.source_reads import Places, Reads, prerequisites, reads_of
from bpfdoctor.host.tools.source_words import our_flags

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine
    from bpfdoctor.host.tools.workdir import Workplace

LARGEST_ASSEMBLY = 64 << 20

_READS_FILES = re.compile(rb"\.(?:incbin|(?:include|macro|irpc?|rept?)[\s\"(/])", re.IGNORECASE)
"""Directives of an assembler by which it reads a file, or from which such a one could be made."""

_QUIET = (
    *("-fno-color-diagnostics", "-fno-caret-diagnostics", "-fno-crash-diagnostics"),
    *("-fno-diagnostics-fixit-info", "-ferror-limit=20"),
)

_hanging: WeakKeyDictionary[Machine, set[str]] = WeakKeyDictionary()
"""The trees of which a source did not come to an end in time."""


class Source(Protocol):
    """What is asked: see `CompileSource`."""

    file: str
    root: str
    include: tuple[str, ...]
    libbpf: str
    define: tuple[str, ...]
    flags: tuple[str, ...]


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

    def done(self) -> Made | NoAnswer:
        """Compile it. Raises OSError."""
        tree = real_path(self.source.root)
        if tree in _hanging.setdefault(self.machine, set()):
            said = f"another source of {tree} was not compiled in {TIME:g} seconds"
            return NoAnswer("timed-out", f"{said}: no other is tried")
        trouble = self._linked()
        ended = trouble or self._compiled("-S", "-fno-integrated-as", "-fno-verbose-asm")
        if isinstance(ended, NoAnswer):
            if ended.reason == "timed-out":
                _hanging[self.machine].add(tree)
            return ended
        return self._judged(ended, tree)

    def _linked(self) -> NoAnswer | None:
        """Make the directory in which `<bpf/…>` is the libbpf of the tree."""
        if not self.source.libbpf:
            return None
        with acting_as(self.place.identity):
            os.mkdir(self.link, 0o700)
        return self.place.link("include/bpf", f"{self.source.libbpf}/src")

    def _compiled(self, *how: str) -> ProcessResult | NoAnswer:
        output = self.place.path("probe.s" if "-S" in how else "probe.o")
        rule = ("-MD", "-MV", "-MF", self.place.path("probe.d"))
        return self._run(*self._flags(), *how, *rule, "-x", "c", self.source.file, "-o", output)

    def _flags(self) -> tuple[str, ...]:
        source = self.source
        bpf = (f"-I{self.link}", f"-fdebug-prefix-map={self.link}/bpf={source.libbpf}/src")
        ours = our_flags(source.include, source.define, source.flags)
        after = [word for each in self.clang.host for word in ("-idirafter", each)]
        return (*_QUIET, *(bpf if source.libbpf else ()), *ours, *after)

    def _run(self, *words: str) -> ProcessResult | NoAnswer:
        ended = run_clang(self.machine, (*self.compiler, *words), self.place.identity)
        if ended.timed_out:
            return NoAnswer("timed-out", f"no end after {TIME:g} seconds")
        return self.place.taken_away() or _beyond(ended) or ended

    def _judged(self, ended: ProcessResult, tree: str) -> Made | NoAnswer:
        reads = self._reads(tree)
        if isinstance(reads, NoAnswer):
            return reads
        log = own_lines(decoded(ended.stderr), tree, (f"{self.link}/bpf", self._libbpf()))
        made = Made(b"", log, ended.exit_code, signal_name(ended.signal), reads.outside)
        if ended.exit_code != 0:
            return made
        if self.source.libbpf and (others := self._of_another_libbpf(reads)):
            said = f"it takes {others[0]}, which is not of {self.source.libbpf}"
            return msgspec.structs.replace(made, log="\n".join(filter(None, [log, said])))
        data = self._assembled()
        return data if isinstance(data, NoAnswer) else msgspec.structs.replace(made, data=data)

    def _libbpf(self) -> str:
        return f"{self.source.libbpf}/src"

    def _of_another_libbpf(self, reads: Reads) -> list[str]:
        return [path for path in reads.outside if "/bpf/" in path]

    def _reads(self, tree: str) -> Reads | NoAnswer:
        """Whose the files are that were read; no answer where they are not for us to show."""
        rule = self.place.text("probe.d") or self._listed()
        read = prerequisites(rule)
        if read is None:
            return NoAnswer("refused", "the names of the files that it reads cannot be told apart")
        self.read = read
        with acting_as(self.place.identity):
            given = tuple(map(os.path.realpath, (*self.source.include, self._libbpf())))
            found = [path for path in read if os.path.isabs(path)]
            reads = reads_of(found, Places(tree, given, self.clang.system))
        if reads.foreign:
            return NoAnswer("refused", f"it reads {reads.foreign[0]}, which is not of {tree}")
        return reads

    def _listed(self) -> str:
        """The files that it would read, where the compile ended before it told."""
        rule = ("-M", "-MG", "-MV", "-MF", self.place.path("probe.d"), "-x", "c", self.source.file)
        self._run(*self._flags(), *rule)
        return self.place.text("probe.d")

    def _assembled(self) -> bytes | NoAnswer:
        text = self._bytes("probe.s", LARGEST_ASSEMBLY)
        if found := _READS_FILES.search(text):
            directive = decoded(found[0]).strip(' "(/\t\n')
            return NoAnswer("refused", f"its assembly has {directive}, which may read any file")
        cpu = [flag for flag in self.source.flags if flag.startswith("-mcpu=")]
        words = ("-target", "bpf", *cpu, "-c", self.place.path("probe.s"))
        ended = self._run(*words, "-o", self.place.path("probe.o"))
        if isinstance(ended, ProcessResult) and ended.exit_code != 0:
            ended = self._compiled("-c")
        if isinstance(ended, NoAnswer):
            return ended
        return self._bytes("probe.o", LARGEST)

    def _bytes(self, name: str, limit: int) -> bytes:
        """A file here. Raises OSError for one that is too large, or has grown."""
        with opened_regular(self.place.path(name), os.O_NOFOLLOW) as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise OSError(errno.EFBIG, f"more than {limit >> 20} MiB were made of it")
        return data

    def inputs(self) -> set[str]:
        """All that the answer rests on: the files read, and where others of their names may lie."""
        real = [path.replace(f"{self.link}/bpf", self._libbpf(), 1) for path in self.read]
        beside = {os.path.dirname(path) for path in real}
        tops = {*self.source.include, *self.clang.system, *self.clang.absent, *beside}
        belows = {below for path in self.read for below in _tails(path, (*tops, self.link))}
        return {*real, *(f"{top}/{below}".rstrip("/") for top in tops for below in belows)}


def _tails(path: str, tops: Sequence[str]) -> set[str]:
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
