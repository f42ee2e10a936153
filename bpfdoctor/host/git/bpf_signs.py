"""What around a directory names BPF: sources of BPF programs, and build files that mention it.

Upwards each directory is looked at as far as the root of its git work tree; below, git's index says
which files there are. Neither goes through a home, or through a directory of the system.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bpfdoctor.host.acting import as_owner_of
from bpfdoctor.host.git.bpf_search import SHOWN, Search, Sign
from bpfdoctor.host.git.common_places import CommonPlaces
from bpfdoctor.host.git.names_below import tracked_below, walked_below
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.system.files import AskDirectory, Directory

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine


class BpfSigns(Answer, frozen=True):
    """What names BPF around `directory`.

    `root` is the root of its git work tree, empty where it is in none. Paths of signs begin at
    `base`. `above` are those in the directory and above it, nearest first; `below` those deeper.
    `unseen` are files and directories that cannot be read; `partial`: there is more than is looked
    at.
    """

    directory: str
    root: str = ""
    above: tuple[Sign, ...] = ()
    below: tuple[Sign, ...] = ()
    unseen: tuple[str, ...] = ()
    partial: bool = False

    @property
    def base(self) -> str:
        """Where the paths of the signs begin: the root, or the directory where there is none."""
        return self.root or self.directory

    def place_of(self, sign: Sign) -> str:
        """The directory that a sign lies in."""
        return os.path.dirname(f"{self.base.rstrip('/')}/{sign.path}")

    def shown(self) -> str:
        lines = [sign.shown() for sign in (*self.above, *self.below)] or ["(none)"]
        return "\n".join([*lines, *(f"{path}: cannot be read" for path in self.unseen)])

    def cut(self) -> bool:
        return self.partial


class AskBpfSigns(Question[BpfSigns], frozen=True):
    """What at, above and below a directory names BPF; `directory` may be relative."""

    directory: str
    asks = "tree"

    def put(self, machine: Machine) -> BpfSigns | NoAnswer:
        here = AskDirectory(self.directory).put(machine)
        if isinstance(here, NoAnswer):
            return here
        try:
            with as_owner_of(here.path):
                return _found(machine, here)
        except OSError as error:
            return NoAnswer.from_error(error)

    def source(self) -> str:
        return f"*.bpf.c and build files at, above and below {self.directory}"


def _found(machine: Machine, here: Directory) -> BpfSigns:
    common = CommonPlaces(machine.environ)
    if common.has(here.path):
        return BpfSigns(here.path)
    tree = _tree(here, common)
    root = tree[-1] if os.path.lexists(f"{tree[-1]}/.git") else ""
    search = Search(here.path, root or here.path)
    above = search.above(tree)
    tracked = tracked_below(machine, root, here.path) if root else None
    below = search.below(tracked or walked_below(common, here.path))
    return BpfSigns(here.path, root, above, below, tuple(search.unseen[:SHOWN]), search.partial)


def _tree(here: Directory, common: CommonPlaces) -> tuple[str, ...]:
    """The directory and those above it, up to the root of its git work tree; alone without one."""
    places = (here.path, *here.parents)
    for count, place in enumerate(places, 1):
        if common.has(place):
            break
        if os.path.lexists(f"{place}/.git"):
            return places[:count]
    return places[:1]
