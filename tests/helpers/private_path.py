"""A PATH of the test's own, and a host that looks for tools nowhere else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from bpfdoctor.api import FoundTools, NoAnswer
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import A, Question
from bpfdoctor.host.tools.search import FindExecutables


class Bounded(LiveHost):
    """A host whose PATH is one directory, and that looks for other versions nowhere else."""

    def __init__(self, place: Path, **variables: str) -> None:
        super().__init__(Machine({"PATH": str(place), **variables}))
        self.place = place

    def ask(self, question: Question[A]) -> A | NoAnswer:
        answer = super().ask(question)
        if isinstance(question, FindExecutables) and isinstance(answer, FoundTools):
            inside = (path for path in answer.paths if path.startswith(str(self.place)))
            return FoundTools(tuple(inside))  # type: ignore[return-value]
        return answer


def private_path(directory: Path) -> Path:
    """A directory for PATH with nothing but a shell and clang, where they exist."""
    place = directory / "bin"
    place.mkdir()
    for name in ("sh", "sleep", "clang"):
        found = shutil.which(name)
        if found:
            (place / name).symlink_to(os.path.realpath(found))
    return place


def script(directory: Path, name: str, body: str) -> None:
    """Make an executable of that name."""
    (directory / name).write_text(f"#!/bin/sh\n{body}\n")
    (directory / name).chmod(0o755)


def real(name: str) -> str:
    """The executable itself, links resolved."""
    path = shutil.which(name)
    assert path is not None
    return os.path.realpath(path)
