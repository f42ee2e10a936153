"""The question what variables of a makefile are worth, put to make itself."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bpfdoctor.host.acting import acting_as
from bpfdoctor.host.credentials import owner_to_become
from bpfdoctor.host.decode import decoded
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.reading import real_path
from bpfdoctor.host.removal import remove_tree
from bpfdoctor.smoke.build_cache import alone, build_place
from bpfdoctor.smoke.links import BuildLayout, link

if TYPE_CHECKING:
    from bpfdoctor.host.credentials import Credentials
    from bpfdoctor.host.machine import Machine
    from bpfdoctor.host.process import ProcessResult

GOAL = "bpfdoctor-says"
"""Begins each line of ours in make's output, and is the goal that builds nothing."""

DEEPEST = 50
"""Directories within each other that are copied."""

COPIED, LARGEST = 2_000, 1 << 20
"""Files that are copied, those beside the makefile first, and the bytes of the largest; the rest is
linked."""


class MakeSays(Answer, frozen=True):
    """The value of each variable, and make's word for where it is from, once all is read."""

    values: dict[str, str]
    origins: dict[str, str]

    def shown(self) -> str:
        rows = (f"{name} = {value} ({self.origins[name]})" for name, value in self.values.items())
        return "\n".join(rows)


class AskMake(Question[MakeSays], frozen=True):
    """Have make read a makefile, as a build would, and say what `variables` are worth.

    make runs the makefile's `$(shell …)` and remakes what it includes, so it is asked only where a
    build was asked for. It runs as the owner of the checkout, in a directory of copies and links
    that is removed afterwards. `made` are paths in the checkout
    that a build makes. `limit` is in seconds.
    """

    checkout: str
    makefile: str
    variables: tuple[str, ...]
    made: tuple[str, ...] = ()
    limit: float = 30
    asks = "tree"

    def put(self, machine: Machine) -> MakeSays | NoAnswer:
        try:
            identity = owner_to_become(self.checkout)
            checkout = Path(real_path(self.checkout, strict=True))
            build = build_place(machine, checkout, identity)
            place = build.with_name(f"{build.name}-read")
            with alone(place, self.limit, identity, machine.progress) as lock:
                if lock is None:
                    return NoAnswer("timed-out", "another question to this makefile does not end")
                return self._asked(machine, checkout, place, identity, lock)
        except OSError as error:
            return NoAnswer.from_error(error)
        except ValueError as error:  # a path with a NUL byte
            return NoAnswer("refused", str(error))

    @property
    def path(self) -> str:
        """The makefile."""
        return f"{self.checkout}/{self.makefile}"

    def command(self) -> str:
        return shlex.join(("make", "-C", os.path.dirname(self.path), "-pn"))

    def _asked(
        self,
        machine: Machine,
        checkout: Path,
        place: Path,
        identity: Credentials | None,
        lock: int,
    ) -> MakeSays | NoAnswer:
        directory, name = os.path.split(self.makefile)
        printer = place / "printer.mk"
        try:
            with acting_as(identity):
                place.mkdir(mode=0o700, exist_ok=True)
                layout = BuildLayout(directory, frozenset(self.made))
                link(checkout, place, layout)
                _copy(place / each for each in reversed(layout.real))
                printer.write_text("\n".join(self._printed()))
            ended = machine.run(
                ("make", "-f", name, "-f", str(printer), GOAL),
                cwd=place / directory,
                timeout=self.limit,
                identity=identity,
                extra=machine.temporary(identity),
                held=(lock,),
            )
        finally:
            remove_tree(place, identity)
        return self._answer(ended, str(place))

    def _printed(self) -> Iterator[str]:
        """A makefile that is read last and prints what the others have set."""
        for name in self.variables:
            yield f"$(info {GOAL} {name} $(word 1,$(origin {name})) $(strip $({name})))"
        yield f".PHONY: {GOAL}\n{GOAL}:\n\t@:\n"

    def _answer(self, ended: ProcessResult, place: str) -> MakeSays | NoAnswer:
        if ended.timed_out:
            return NoAnswer("timed-out", f"no end after {self.limit:g} seconds")
        if ended.exit_code != 0:
            said = decoded(ended.stderr).strip().splitlines()
            return NoAnswer("broken", said[-1][:500] if said else f"make: {ended.exit_code}")
        values: dict[str, str] = {}
        origins: dict[str, str] = {}
        for line in decoded(ended.stdout).splitlines():
            goal, name, origin, value = (*line.split(" ", 3), "", "", "", "")[:4]
            if goal == GOAL and name in self.variables:
                values[name] = value.replace(place, self.checkout)
                origins[name] = origin
        if len(values) < len(self.variables):
            return NoAnswer("too-large" if ended.truncated else "broken", "make says nothing of it")
        return MakeSays(values, origins)


def _copy(directories: Iterable[Path]) -> None:
    """Make copies of what is linked: make may write the makefiles that a makefile includes."""
    left = COPIED
    there = (directory for directory in directories if directory.is_dir())
    for path in (each for directory in there for each in sorted(directory.iterdir())):
        if path.is_symlink() and left > 0:
            left -= 1 + (_copy_tree(path, left) if path.is_dir() else _copy_file(path))


def _copy_file(path: Path) -> int:
    """One file, where it is small and may be read."""
    with contextlib.suppress(OSError):
        source = path.resolve()
        if source.is_file() and source.stat().st_size <= LARGEST:
            path.unlink()
            shutil.copy2(source, path)
    return 0


def _copy_tree(path: Path, most: int) -> int:
    """A directory with few files; the number of them."""
    source = path.resolve()
    count = _count(source, most + 1)
    if count > most:
        return 0
    path.unlink()
    shutil.copytree(source, path, symlinks=True, ignore_dangling_symlinks=True)
    return count


def _count(source: Path, most: int) -> int:
    """How many entries are below a directory, up to `most`.

    One that is large, or no file, directory or link, or lies deep, counts for all.
    """
    met, left = 0, [(os.fspath(source), 0)]
    while left and met < most:
        place, depth = left.pop()
        for entry in os.scandir(place):
            if depth > DEEPEST or not _is_small(entry):
                return most
            met += 1
            if entry.is_dir(follow_symlinks=False):
                left.append((entry.path, depth + 1))
    return met


def _is_small(entry: os.DirEntry[str]) -> bool:
    mode, size = (facts := entry.stat(follow_symlinks=False)).st_mode, facts.st_size
    return stat.S_ISDIR(mode) or stat.S_ISLNK(mode) or (stat.S_ISREG(mode) and size <= LARGEST)
