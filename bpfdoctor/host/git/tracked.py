"""What git has of one file, and whether the file is still that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfdoctor.host.acting import as_owner_of
from bpfdoctor.host.decode import decoded
from bpfdoctor.host.git.plumbing import Refusal, ask_git
from bpfdoctor.host.git.worktree import LINK, Tracked, compare, tracked_files
from bpfdoctor.host.question import Answer, NoAnswer, Question

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

LONGEST_TARGET = 4096
"""Bytes of a link's target: PATH_MAX of Linux."""


class KnownToGit(Answer, frozen=True):
    """Whether it is in the index; `link` is where it leads, for a symbolic link.

    `same`: what is in the work tree is what the index has.
    """

    tracked: bool
    link: str = ""
    same: bool = False

    def shown(self) -> str:
        if not self.tracked:
            return "not tracked"
        leads = f", a link to {self.link}" if self.link else ""
        return f"tracked{leads}, {'unchanged' if self.same else 'changed or absent'}"


class AskTracked(Question[KnownToGit], frozen=True):
    """What the repository whose work tree is `tree` has of `path`, which is relative to it."""

    tree: str
    path: str
    asks = "tree"

    def put(self, machine: Machine) -> KnownToGit | NoAnswer:
        try:
            with as_owner_of(self.tree):
                return self._found(machine)
        except OSError as error:
            return NoAnswer.from_error(error)

    def _found(self, machine: Machine) -> KnownToGit | NoAnswer:
        listed = ask_git(
            machine, self.tree, "ls-files", "--stage", "--debug", "-z", "--", self.path
        )
        if isinstance(listed, Refusal):
            return NoAnswer("refused", listed.detail)
        files = [each for each in tracked_files(listed) if decoded(each.path) == self.path]
        if len(files) != 1 or files[0].stage:  # a directory, or a conflict
            return KnownToGit(tracked=False)
        link = _target(machine, self.tree, files[0])
        if isinstance(link, Refusal):
            return NoAnswer("refused", link.detail)
        seen = compare(self.tree, files)  # which leaves out what a sparse checkout has not
        same = seen.tracked and not (seen.absent or seen.changed or seen.uncompared)
        return KnownToGit(True, link, bool(same))

    def command(self) -> str:
        return f"git -C {self.tree} ls-files --stage -- {self.path}"


def _target(machine: Machine, tree: str, file: Tracked) -> str | Refusal:
    """Where a link leads, by git's word; empty for a file."""
    if file.mode != LINK:
        return ""
    target = ask_git(machine, tree, "cat-file", "blob", file.object_id)
    if isinstance(target, Refusal):
        return target
    if not target or len(target) > LONGEST_TARGET:
        return Refusal("broken", "no path is that long")
    return decoded(target)
