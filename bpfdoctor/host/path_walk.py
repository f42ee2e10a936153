"""The directories and links on the way to a path, each opened in the one before it."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

LINKS = 40
"""How many links the kernel follows on the way to one path (MAXSYMLINKS of linux/namei.h)."""
_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = _LOOK | os.O_DIRECTORY
"""Without O_DIRECTORY, O_PATH mounts no home that autofs(5) would mount (open(2))."""


class Component(NamedTuple):
    """A directory, link or file on the way to a path: its own path, without links, and its facts.

    `parent` is a descriptor of the directory that it lies in, open until the next one is asked for;
    nothing comes behind the `last` one, unless that is a link.
    """

    path: str
    facts: os.stat_result
    parent: int
    last: bool


class _Steps:
    """What is still to be walked, and the directory reached."""

    def __init__(self, path: str) -> None:
        self.names = _names(path)
        self.links = 0
        self.place, self.shown = os.open("/", _DIRECTORY), "/"

    def enter(self, fresh: int, shown: str) -> None:
        """Be in the directory of a descriptor from now on, which is closed in the end."""
        os.close(self.place)
        self.place, self.shown = fresh, shown

    def follow(self, link: int) -> None:
        """Put what a link says in the place of its name."""
        self.links += 1
        if self.links > LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        target = os.readlink("", dir_fd=link)
        self.names += _names(target)
        if target.startswith("/"):
            self.enter(os.open("/", _DIRECTORY), "/")


def components(path: str, *, make: bool = False) -> Iterator[Component]:
    """Each component of an absolute path, from `/`; links are followed once they were yielded.

    With `make`, directories that are missing are made with mode 0700. What was yielded is what is
    walked through, whatever is put in its place meanwhile. Raises OSError.
    """
    way = _Steps(path)
    try:
        yield Component("/", os.fstat(way.place), way.place, last=not way.names)
        while way.names:
            yield from _step(way, make=make)
    finally:
        os.close(way.place)


def _step(way: _Steps, *, make: bool) -> Iterator[Component]:
    name = way.names.pop()
    shown = os.path.normpath(os.path.join(way.shown, name))
    inner = _opened(name, way.place, make=make)
    try:
        facts = os.fstat(inner)
        yield Component(shown, facts, way.place, last=not way.names)
        if stat.S_ISLNK(facts.st_mode):
            way.follow(inner)
        elif way.names or stat.S_ISDIR(facts.st_mode):
            way.enter(os.dup(inner), shown)  # of a file, to be told that it is no directory
    finally:
        os.close(inner)


def _opened(name: str, parent: int, *, make: bool) -> int:
    try:
        return _open(name, parent)
    except FileNotFoundError:
        if not make:
            raise
    with contextlib.suppress(FileExistsError):  # another run was faster
        os.mkdir(name, 0o700, dir_fd=parent)
    return _open(name, parent)


def _open(name: str, parent: int) -> int:
    try:
        return os.open(name, _DIRECTORY, dir_fd=parent)
    except NotADirectoryError:
        return os.open(name, _LOOK, dir_fd=parent)


def _names(path: str) -> list[str]:
    """The names in a path, the first one last."""
    return [name for name in reversed(path.split("/")) if name not in {"", "."}]
