"""The headers of sources, by the word of the compiler that a build would use."""

from __future__ import annotations

import posixpath

from msgspec.structs import replace

from bpfdoctor.host.question import Host, evidence
from bpfdoctor.host.tools.sources import ReadSources, SourcesRead
from bpfdoctor.judging.sources.sought import Sought, not_told
from bpfdoctor.judging.tools.compilers import chosen_compilers
from bpfdoctor.projects.model import Project, Sources

SYSTEM = "asm/"
"""Where headers lie that no project has: without them, others of the system's are missing too."""

PATIENCE = 15.0
"""Seconds for one reading; that of libbpf takes less than one."""


def headers_of(  # noqa: PLR0913  (what is known of one submodule)
    host: Host,
    project: Project,
    about: str,
    compiled: list[str],
    *,
    lost: frozenset[str] | None,
    told_elsewhere: frozenset[str],
) -> Sought:
    """The headers that the C files `compiled` miss.

    `lost` are the absent files that git knows. Without them, a header counts that is neither a
    library's nor the system's, nor one that is told of a submodule within (`told_elsewhere`).
    """
    build = project.kind.build
    assert build is not None
    sources, place = build.sources[about], project.inside(about)
    fit = [each for each in chosen_compilers(host, project.tools) if each.fit]
    if not fit:
        return Sought(trouble="there is no C compiler to follow its includes")
    question = _question(fit[0].argv, place, sources, compiled)
    answer = host.ask(question)
    if not isinstance(answer, SourcesRead):
        return not_told(question, answer)
    seen = (evidence(question, answer),)
    if answer.missing or not answer.ok:
        return replace(_missed(sources, answer, lost, told_elsewhere), seen=seen)
    others = _replaced(sources, answer.read, place, lost or frozenset())
    return _with_others(host, question, others) if others else Sought(seen=seen)


def _missed(
    sources: Sources,
    answer: SourcesRead,
    lost: frozenset[str] | None,
    told_elsewhere: frozenset[str],
) -> Sought:
    """Say what the compiler found missing."""
    if not answer.missing:
        return Sought(trouble="its includes cannot be followed", unanswered=True)
    if lost is None:
        return _by_name(sources, answer.missing, told_elsewhere)
    return Sought(_of_git(sources, answer.missing, lost))


def _question(
    compiler: tuple[str, ...], place: str, sources: Sources, compiled: list[str]
) -> ReadSources:
    return ReadSources(
        compiler,
        tuple(f"{place}/{path}" for path in sorted(compiled)),
        place,
        tuple(f"-I{place}/{path}" for path in sources.include),
        tuple((name, f"{place}/{path}") for name, path in sources.installed.items()),
        timeout=PATIENCE,
    )


def _by_name(sources: Sources, missing: tuple[str, ...], told_elsewhere: frozenset[str]) -> Sought:
    """Of the missing headers, those that can be nobody else's."""
    if any(name.startswith(SYSTEM) for name in missing):
        return Sought(trouble="headers of the system are missing, so nothing is known of its own")
    own = [
        name
        for name in missing
        if name not in sources.libraries
        and name.partition("/")[0] not in sources.installed
        and posixpath.basename(name) not in told_elsewhere
    ]
    return Sought(tuple(own))


def _of_git(sources: Sources, missing: tuple[str, ...], lost: frozenset[str]) -> tuple[str, ...]:
    """Of the files that git knows, those that the missing headers may be."""
    listed = [each for places in sources.lists.values() for each in places]
    directories = dict.fromkeys((*sources.include, *listed))
    places = (posixpath.normpath(f"{top}/{name}") for name in missing for top in directories)
    return tuple(path for path in places if path in lost)


def _replaced(
    sources: Sources, read: tuple[str, ...], place: str, lost: frozenset[str]
) -> tuple[str, ...]:
    """The lost headers in whose place the compiler found one of the same name elsewhere."""
    outside = [path for path in read if not path.startswith(f"{place}/")]
    tops = [f"{top}/" for top in sources.include]
    names = [(path, path[len(top) - 1 :]) for path in lost for top in tops if path.startswith(top)]
    return tuple(sorted(path for path, name in names if any(o.endswith(name) for o in outside)))


def _with_others(host: Host, question: ReadSources, others: tuple[str, ...]) -> Sought:
    """Whether the code is still understood with the system's headers in place of lost ones."""
    question = replace(question, syntax=True)
    answer = host.ask(question)
    if not isinstance(answer, SourcesRead):
        return not_told(question, answer)
    return Sought(() if answer.ok else others, seen=(evidence(question, answer),))
