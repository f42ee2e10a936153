"""Whether a file is one that git tracks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bpfdoctor.host.git.plumbing import Refusal, ask_git
from bpfdoctor.host.question import Answer, NoAnswer, Question

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine


class KnownToGit(Answer, frozen=True):
    """Whether it is in the index."""

    tracked: bool

    def shown(self) -> str:
        return "tracked" if self.tracked else "not tracked"


class AskTracked(Question[KnownToGit], frozen=True):
    """Whether the repository whose work tree is `tree` tracks `path`, which is relative to it."""

    tree: str
    path: str
    asks = "tree"

    def put(self, machine: Machine) -> KnownToGit | NoAnswer:
        listed = ask_git(machine, self.tree, "ls-files", "-z", "--", self.path)
        if isinstance(listed, Refusal):
            return NoAnswer("refused", listed.detail)
        return KnownToGit(bool(listed))

    def command(self) -> str:
        return f"git -C {self.tree} ls-files -- {self.path}"
