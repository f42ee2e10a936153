"""One submodule: the facts about it, and what they say together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from bpfdoctor.host.git.plumbing import Trouble

Place = Literal["missing", "empty", "bare", "filled", "link", "file", "unreadable", "refused"]
"""What is at a submodule's path. `bare`: nothing but `.git`; `refused`: it was not looked at."""


class Submodule(msgspec.Struct, frozen=True):
    """One submodule of a work tree.

    `refused` says why its path or URL is not followed. `pinned` is the commit in the superproject's
    index: empty where there is none or git did not answer; `conflict` when a merge left it
    undecided. `commit` (empty: none yet), `branch` (empty: none is checked out), `shallow` and the
    counts of files (`examples` names some that are absent or changed, `lost` up to a thousand of
    those that are absent or in whose place there is no file) are the submodule's own state, and
    mean nothing while `trouble` and, in words, `unknown` say why they could not be had. `nested`:
    it has submodules itself. `kept` is the repository that the superproject keeps for it; `half`: a
    fetch that was cut off left that, with nothing of anybody's in it. `programs` are the settings
    of its repository, and of those below, that name programs.
    """

    path: str
    url: str
    place: Place
    refused: str = ""
    local: bool = False
    pinned: str = ""
    conflict: bool = False
    commit: str = ""
    shallow: bool = False
    tracked: int = 0
    absent: int = 0
    changed: int = 0
    uncompared: int = 0
    examples: tuple[str, ...] = ()
    trouble: Trouble | Literal[""] = ""
    unknown: str = ""
    nested: bool = False
    name: str = ""
    branch: str = ""
    kept: str = ""
    half: bool = False
    programs: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    @property
    def emptied(self) -> bool:
        """Every file that git tracks in it is absent."""
        return 0 < self.tracked == self.absent

    @property
    def without_files(self) -> bool:
        """There is nothing to build from."""
        return self.place in ("missing", "empty", "bare") or (
            self.place == "filled" and self.emptied
        )

    @property
    def moved(self) -> bool:
        """It is at a commit, and not at the pinned one."""
        return bool(self.commit and self.pinned) and self.commit != self.pinned

    @property
    def unwritten(self) -> bool:
        """Its files have yet to be written, and no commit is lost when they are.

        A fetch that was cut off after the clone leaves a branch checked out and no index.
        """
        if self.place in ("missing", "empty") or self.half:
            return not self.trouble
        cloned = self.place == "bare" and not self.tracked and not self.trouble
        return cloned and bool(self.commit) and (bool(self.branch) or not self.moved)

    @property
    def restorable(self) -> bool:
        """Files are absent, and none is changed: git's index brings back what it tracks."""
        return bool(self.absent) and not self.changed and not self.uncompared

    def oddities(self) -> Iterator[str]:
        """What is unusual about one that has files, whose state git has told."""
        if not self.pinned:
            yield "the checkout pins no commit of it"
        elif not self.commit:
            yield "no commit is checked out in it"
        elif self.moved:
            yield f"at {self.commit[:12]}, not at {self.pinned[:12]}, which is pinned"
        if self.absent:
            yield f"absent: {self.absent} of {self.tracked} files (half updated)"
        if self.changed:
            yield f"changed: {self.changed} of {self.tracked} files (such as {self.examples[-1]})"
        if self.uncompared:
            yield f"{self.uncompared} files were not compared"
        if self.shallow:
            yield "shallow: its history is cut short"
        if self.programs:
            yield f"its git settings name programs ({', '.join(self.programs)}); none was run"
        if self.refused:
            yield self.refused

    def shown(self) -> str:
        """One line: what was seen."""
        seen = [
            f"pinned {self.pinned}" if self.pinned else "",
            "in conflict" if self.conflict else "",
            f"at {self.commit}" if self.commit else "",
            "shallow" if self.shallow else "",
            f"{self.absent} of {self.tracked} files absent" if self.absent else "",
            f"{self.changed} files changed" if self.changed else "",
            f"such as {' '.join(self.examples)}" if self.examples else "",
            f"{self.uncompared} files not compared" if self.uncompared else "",
            "of a fetch that was cut off" if self.half else "",
            f"settings that name programs: {' '.join(self.programs)}" if self.programs else "",
            self.refused,
            self.unknown,
        ]
        return f"{self.path}: " + ", ".join((self.place, *(word for word in seen if word)))
