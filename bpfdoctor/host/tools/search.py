"""Questions that look for executables, on this user's PATH and elsewhere."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
from typing import TYPE_CHECKING

from bpfdoctor.host.acting import as_owner_of
from bpfdoctor.host.decode import decoded
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.reading import real_path

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine


class ToolPath(Answer, frozen=True):
    """Where a tool is: as found on PATH, and with every link resolved."""

    path: str
    resolved: str

    def shown(self) -> str:
        return self.path if self.path == self.resolved else f"{self.path} -> {self.resolved}"


class FindTool(Question[ToolPath], frozen=True):
    """Find an executable on this user's PATH (or at a path, if `name` has a slash)."""

    name: str
    asks = "machine"

    def put(self, machine: Machine) -> ToolPath | NoAnswer:
        found = shutil.which(self.name, path=machine.environ.get("PATH", os.defpath))
        if found is None:
            return NoAnswer("ENOENT", f"{self.name} is not on PATH")
        try:
            return ToolPath(found, real_path(found))
        except OSError as error:
            return NoAnswer.from_error(error)

    def command(self) -> str:
        return f"command -v {self.name}"


class FoundTools(Answer, frozen=True):
    """Every executable that matches, in the order of preference asked for."""

    paths: tuple[str, ...]

    def shown(self) -> str:
        return "\n".join(self.paths) or "(none)"


class FindExecutables(Question[FoundTools], frozen=True):
    """Executables whose path matches a pattern, or whose name does in a directory of PATH.

    Numbers in names sort by value, highest first: `clang-16` comes before `clang-9`.
    """

    patterns: tuple[str, ...]
    asks = "machine"

    def put(self, machine: Machine) -> FoundTools | NoAnswer:
        places = [p for p in machine.environ.get("PATH", os.defpath).split(":") if p]
        found: set[str] = set()
        for pattern in self.patterns:
            anywhere = [f"{glob.escape(place)}/{pattern}" for place in places]
            wanted = [pattern] if "/" in pattern else anywhere
            for each in wanted:
                with contextlib.suppress(OSError), as_owner_of(os.path.dirname(each)):
                    found.update(glob.glob(each))
        usable = (name for name in found if os.path.isfile(name) and os.access(name, os.X_OK))
        return FoundTools(
            tuple(decoded(os.fsencode(name)) for name in sorted(usable, key=_version_order))
        )

    def source(self) -> str:
        return "ls " + " ".join(self.patterns)


def _version_order(path: str) -> tuple[int, str]:
    digits = "".join(c if c.isdecimal() else " " for c in path).split()
    return (-int(digits[-1][:9]) if digits else 0, path)
