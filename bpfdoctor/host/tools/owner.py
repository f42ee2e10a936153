"""Which installed package a file belongs to, by the word of whatever package manager is here."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

from bpfdoctor.host.decode import decoded
from bpfdoctor.host.question import Answer, NoAnswer, Question

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

_COMMANDS = (
    ("dpkg-query", "-S"),
    ("rpm", "-qf", "--qf", "%{NAME}\n"),
    ("pacman", "-Qqo"),
    ("apk", "info", "--quiet", "--who-owns"),
)
"""How each manager is asked; every one also knows the owner of a file that is gone."""

_DPKG = re.compile(r"^([a-z0-9][a-z0-9+.-]*)(?::[a-z0-9-]+)?: (/.*)$", re.MULTILINE)
_NAME = re.compile(r"^([A-Za-z0-9@_][A-Za-z0-9@._+-]*)$", re.MULTILINE)
_APK_VERSION = re.compile(r"-\d[^\s-]*-r\d+$")


class Owner(Answer, frozen=True):
    """The package that a file belongs to. `path` is that file, `there`: it exists."""

    package: str
    path: str
    there: bool

    def shown(self) -> str:
        return f"{self.package}: {self.path}{'' if self.there else ' (which is not there)'}"


class AskOwner(Question[Owner], frozen=True):
    """Which installed package owns the first of `paths` that any does.

    Of a link, the file that it leads to counts first, whether that is there or not. A `*` stands
    for anything, for dpkg; the other managers are not asked about such a path.
    """

    paths: tuple[str, ...]
    timeout: float = 20
    asks = "machine"

    def put(self, machine: Machine) -> Owner | NoAnswer:
        for argv in _COMMANDS:
            if shutil.which(argv[0], path=machine.environ.get("PATH", os.defpath)) is None:
                continue
            for path in _spellings(self.paths):
                found = self._asked(machine, argv, path)
                if found is not None:
                    return found
        return NoAnswer("ENOENT", "no installed package is known to own it")

    def _asked(self, machine: Machine, argv: tuple[str, ...], path: str) -> Owner | None:
        if "*" in path and argv[0] != "dpkg-query":
            return None
        try:
            ended = machine.run((*argv, path), cwd="/", timeout=self.timeout)
        except (OSError, ValueError):  # not a program; a path with a NUL byte
            return None
        said = decoded(ended.stdout)
        if argv[0] == "dpkg-query":
            line = _DPKG.search(said)
            return Owner(line[1], line[2], os.path.exists(line[2])) if line else None
        name = _NAME.search(said) if ended.exit_code == 0 else None
        package = _APK_VERSION.sub("", name[1]) if name else ""
        return Owner(package, path, os.path.exists(path)) if package else None

    def source(self) -> str:
        return f"the package manager: who owns {' or '.join(self.paths)}"


def _spellings(paths: tuple[str, ...]) -> tuple[str, ...]:
    """The names under which a manager may know these files.

    Where /lib is a link to /usr/lib, dpkg knows a file by the name that its package gave it.
    """
    followed = [each for path in paths for each in (os.path.realpath(path), path)]
    below = [each.removeprefix("/usr") for each in followed if each.startswith("/usr/lib")]
    return tuple(dict.fromkeys((*followed, *below)))
