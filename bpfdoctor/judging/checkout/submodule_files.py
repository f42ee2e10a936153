"""What a build would miss of a submodule, and how a failed build names it."""

from __future__ import annotations

import posixpath

from bpfdoctor.contract import failed, unknown
from bpfdoctor.judging.sources.sought import Sought
from bpfdoctor.model import Evidence, Finding, Fix
from bpfdoctor.projects.model import Project


def lacking_files(
    about: str, sought: Sought | None, seen: list[Evidence], fixes: list[Fix]
) -> Finding | None:
    """Report files that a build misses, or that this could not be determined; None for neither."""
    if sought is None or not (sought.lacking or sought.unanswered):
        return None
    seen = [*seen, *sought.seen]
    if sought.nothing:
        return failed(f"{about} holds none of its files", about=about, seen=seen, fixes=fixes)
    if sought.missing:
        return failed(_not_there(sought.missing), about=about, seen=seen, fixes=fixes)
    why = f"could not determine whether the build finds all that it needs: {sought.trouble}"
    return unknown(why, about=about, seen=seen, fixes=fixes)


def _not_there(missing: tuple[str, ...]) -> str:
    first, *others = missing
    if not others:
        return f"{first} is not there, and the build needs it"
    return f"{first} and {len(others)} more that the build needs are not there"


def named_by(project: Project, about: str, paths: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The words by which a failed build names a submodule: its build directory and `paths`."""
    build = project.kind.build
    sources = build.sources.get(about) if build else None
    top = posixpath.dirname(sources.makefile) if sources else ""
    return (posixpath.join(about, top).rstrip("/"), *(f"{about}/{path}" for path in paths))
