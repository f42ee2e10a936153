"""What the types of a project file do not say: names, versions and patterns that must make sense.

That each need is a check that exists is not asked here, for checks are above projects.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from bpfdoctor.model import Stage
from bpfdoctor.projects.model import Program, ProjectKind, ProofPattern, Trigger

PLACES: dict[str, Trigger | None] = {
    "pid": None,
    "task": None,
    "child": "exec",
    "file": "unlink",
    "port": "packet",
    "length": "packet",
}
"""What stands for this run's own in a pattern, and the trigger without which it has no value."""

TOLD_BY_NO_OBJECT = ("runtime.", "smoke.")
"""Subjects of what a project file may add to the needs of an object."""

_VERSION = re.compile(r"\d+(\.\d+)*")
_PLACE = re.compile(r"\{([a-z_]+)\}")


def mistakes(kind: ProjectKind) -> Iterator[str]:
    """Each mistake in a project file: the field, and what is wrong with it."""
    yield from _unknown("default", kind.default, kind.programs)
    yield from _version("clang", kind.clang)
    if kind.build is not None:
        yield from _version("build.make", kind.build.make)
        for text in (*kind.build.include, kind.build.vmlinux_h):
            yield from _unknown("build", _PLACE.findall(text), ("arch",))
    yield from _needs("needs", (key for keys in kind.needs.values() for key in keys))
    for name, program in kind.programs.items():
        yield from _program(f"programs.{name}", program, kind)
    if kind.unlisted is not None:
        yield from _program("unlisted", kind.unlisted, kind)


def _program(where: str, program: Program, kind: ProjectKind) -> Iterator[str]:
    yield from _version(f"{where}.kernel", program.kernel)
    yield from _version(f"{where}.clang", program.clang)
    yield from _needs(f"{where}.needs", (key for keys in program.needs.values() for key in keys))
    for key in (
        key for stage, keys in program.needs.items() if stage is not Stage.BUILD for key in keys
    ):
        yield f"{where}.needs: {key!r}: what is needed after the build, the object tells, or `also`"
    for key in program.also:
        if not key.startswith(TOLD_BY_NO_OBJECT):
            yield f"{where}.also: {key!r} begins with none of: {', '.join(TOLD_BY_NO_OBJECT)}"
    if program.substitute:
        yield from _unknown(f"{where}.substitute", (program.substitute,), kind.programs)
    if program.proof is not None:
        yield from _proof(f"{where}.proof", program.proof, program.trigger)


def _proof(where: str, proof: ProofPattern, trigger: Trigger) -> Iterator[str]:
    places = _PLACE.findall(proof.pattern)
    yield from _unknown(where, places, PLACES)
    for place in places:
        if PLACES.get(place) not in (None, trigger):
            yield f"{where}: {{{place}}} has no value where the trigger is {trigger!r}"
    try:
        re.compile(_PLACE.sub("x", proof.pattern))
    except re.error as error:
        yield f"{where}: {proof.pattern!r} is no regular expression: {error}"


def _needs(where: str, keys: Iterable[str]) -> Iterator[str]:
    for key in keys:
        yield from _unknown(where, _PLACE.findall(key), ("program",))


def _version(where: str, text: str) -> Iterator[str]:
    if text and not _VERSION.fullmatch(text):
        yield f"{where}: {text!r} is no version"


def _unknown(where: str, names: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    allowed = list(known)
    for name in names:
        if name not in allowed:
            yield f"{where}: {name!r} is none of: {', '.join(allowed)}"
