"""Look for all that a build reads of a submodule: what its makefile lists, and the headers."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from bpfdoctor.host.question import Host, NoAnswer
from bpfdoctor.host.system.files import FileText, ListDirectory, Names, ReadFile
from bpfdoctor.judging.sources.headers import headers_of
from bpfdoctor.judging.sources.sought import Sought, not_told
from bpfdoctor.projects.make_lines import plain_lines
from bpfdoctor.projects.model import Project, Sources

_FILE = re.compile(r"(?<![\w./+-])[\w+-][\w.+-]*\.(?:o|h|map)(?![\w.])")
_INCLUDE = re.compile(r"^include +([^ $][^$]*)$")


def sought_sources(
    host: Host, project: Project, about: str, lost: Iterable[str] | None
) -> Sought | None:
    """What a build would miss of the submodule `about`; None where nothing is known of its build.

    `lost` are the files that git knows and that are absent: what a build misses is one of them.
    None where git does not tell.
    """
    build = project.kind.build
    sources = build.sources.get(about) if build else None
    if sources is None:
        return None
    search = _Search(host, project, about, sources, None if lost is None else frozenset(lost))
    return Sought(nothing=True) if search.holds_nothing() else search.result()


class _Search:
    """One search, in one submodule."""

    def __init__(
        self,
        host: Host,
        project: Project,
        about: str,
        sources: Sources,
        lost: frozenset[str] | None,
    ) -> None:
        self.host, self.project, self.about = host, project, about
        self.sources, self.lost = sources, lost
        self.place = project.inside(about)
        self.found = Sought()
        self.listed: dict[str, frozenset[str] | None] = {}

    def holds_nothing(self) -> bool:
        """Not one of the top-level names that the build goes by is there."""
        sources = self.sources
        directories = [each for places in sources.lists.values() for each in places]
        paths = (sources.makefile, *sources.also, *directories, *sources.include)
        names = self._names("")
        return names is not None and not names & {path.partition("/")[0] for path in paths}

    def result(self) -> Sought:
        self._look(self.sources.makefile)
        text = self._makefile()
        self._named_in(text)
        compiled = self._compiled(plain_lines(text))
        if compiled:
            told = self._told_below() if self.lost is None else frozenset()
            where = (self.host, self.project, self.about)
            more = headers_of(*where, compiled, lost=self.lost, told_elsewhere=told)
            self.found = self.found.joined(more)
        return self.found

    def _names(self, directory: str) -> frozenset[str] | None:
        """What is in a directory, nothing where it is not there; None where it cannot be seen."""
        if directory not in self.listed:
            question = ListDirectory(posixpath.join(self.place, directory).rstrip("/"))
            answer = self.host.ask(question)
            names = frozenset(answer.names if isinstance(answer, Names) else ())
            names -= self._lost_in(directory)  # something else may stand in their place
            seen = isinstance(answer, Names) or (isinstance(answer, NoAnswer) and answer.absent)
            self.listed[directory] = names if seen else None
            if not seen:
                self.found = self.found.joined(not_told(question, answer))
        return self.listed[directory]

    def _lost_in(self, directory: str) -> frozenset[str]:
        lost = (posixpath.split(path) for path in self.lost or ())
        return frozenset(name for place, name in lost if place == directory)

    def _look(self, path: str) -> None:
        """Note a file that is not there."""
        names = self._names(posixpath.dirname(path))
        if names is not None and posixpath.basename(path) not in names:
            self._miss([path])

    def _miss(self, paths: list[str]) -> None:
        """Note a file that is in none of these places; of git's, only one that git had."""
        had = paths if self.lost is None else [path for path in paths if path in self.lost]
        self.found = self.found.joined(Sought(missing=tuple(had[:1])))

    def _makefile(self) -> str:
        """Its text; empty where it is not there or cannot be read."""
        question = ReadFile(f"{self.place}/{self.sources.makefile}")
        answer = self.host.ask(question)
        if isinstance(answer, FileText):
            return answer.text
        if not answer.absent:
            self.found = self.found.joined(not_told(question, answer))
        return ""

    def _named_in(self, makefile: str) -> None:
        """Look for the files that the makefile includes, and those that its recipes read."""
        beside = posixpath.dirname(self.sources.makefile)
        included = (path for line in plain_lines(makefile) for path in _included(line))
        read = (path for path in self.sources.also if posixpath.basename(path) in makefile)
        for path in (*(posixpath.join(beside, each) for each in included), *read):
            self._look(posixpath.normpath(path))

    def _compiled(self, lines: list[str]) -> list[str]:
        """The C files that the makefile lists and that are there; what it misses is noted."""
        places = [
            self._place_of(f"{name[:-2]}.c" if name.endswith(".o") else name, directories)
            for variable, directories in self.sources.lists.items()
            for name in _words(lines, variable)
        ]
        return [path for path in places if path.endswith(".c")]

    def _place_of(self, file: str, directories: tuple[str, ...]) -> str:
        """Where a file lies; empty for one that is nowhere, which is noted."""
        listed = {each: self._names(each) for each in directories}
        found = [each for each, names in listed.items() if file in (names or ())]
        if not found and None not in listed.values():
            self._miss([f"{each}/{file}" for each in directories])
        return f"{found[0]}/{file}" if found else ""

    def _told_below(self) -> frozenset[str]:
        """The names of headers that submodules within this one miss: they are told there."""
        tops = {path.partition("/")[0] for path in self.sources.installed.values()}
        nested = [f"{self.about}/{top}" for top in sorted(tops)]
        below = [sought_sources(self.host, self.project, each, None) for each in nested]
        missing = [path for each in below if each for path in each.missing]
        return frozenset(posixpath.basename(path) for path in missing)


def _included(line: str) -> list[str]:
    match = _INCLUDE.match(line)
    return match[1].split() if match else []


def _words(lines: list[str], variable: str) -> list[str]:
    """The names of files in what a makefile assigns to a variable."""
    assigned = re.compile(rf"^{re.escape(variable)}\s*[:+?]*=(.*)$")
    values = [match[1] for line in lines if (match := assigned.match(line))]
    return list(dict.fromkeys(word for value in values for word in _FILE.findall(value)))
