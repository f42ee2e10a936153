"""How the files of a submodule come back; nothing that a suspicious checkout makes a command of."""

from __future__ import annotations

from collections.abc import Iterable

from bpfdoctor.host.git.submodule import Submodule
from bpfdoctor.host.git.submodules import Submodules
from bpfdoctor.host.shell_words import to_paste
from bpfdoctor.model import ByHand, Fix, Install, Run
from bpfdoctor.projects.model import Project
from bpfdoctor.visible import visible

UPDATE = ("submodule", "update", "--init", "--recursive")
GIT_FIRST = Install(("git",), text="git then tells how the files come back")
MOST_NAMED = 20
"""Files that a command to paste names."""


def clone_again(project: Project) -> ByHand:
    """Get the checkout anew: what is there is left alone."""
    return ByHand(visible(f"clone the checkout again: {project.kind.clone}".rstrip(": ")))


def make_it_a_clone(project: Project) -> ByHand:
    """For a ZIP download: git learns which commits belong to it, and no file is changed."""
    root, url = project.path, project.kind.clone.rpartition(" ")[2]
    if not url:
        return clone_again(project)
    lines = [
        "make a checkout of the download (your files stay; git status shows how they differ):",
        f"  {to_paste('git', 'init', root)}",
        f"  {to_paste('git', '-C', root, 'remote', 'add', 'origin', url)}",
        f"  {to_paste('git', '-C', root, 'fetch', 'origin', 'HEAD')}",
        f"  {to_paste('git', '-C', root, 'reset', 'FETCH_HEAD')}",
        f"  {to_paste('git', '-C', root, *UPDATE)}",
        visible(f"or get it anew, elsewhere: {project.kind.clone}"),
    ]
    return ByHand("\n".join(lines))


class Remedies:
    """What to do about one submodule of the work tree `tree`, `about` in the checkout."""

    def __init__(
        self, project: Project, tree: str, about: str, level: Submodules, submodule: Submodule
    ) -> None:
        self.project, self.tree, self.about = project, tree, about
        self.level, self.submodule = level, submodule
        self.place = f"{tree}/{submodule.path}"
        self.programs = (*level.programs, *submodule.programs)

    def filling(self) -> list[Fix]:
        """How to get the files of one that holds none."""
        submodule, root = self.submodule, self.project.path
        by_hand = self._only_by_hand()
        if by_hand:
            return [by_hand]
        if submodule.place == "filled" and self.level.trouble == "absent":
            return [GIT_FIRST]
        if submodule.restorable:
            return self.mending()
        if submodule.place == "bare" and not submodule.half:
            return [self._trusted(self._update(force=submodule.unwritten and not submodule.moved))]
        text = "git takes no submodule from a path by itself: allow it with protocol.file.allow"
        half = visible(f"a fetch was cut off: move {submodule.kept} away first, as fix does")
        told = half if submodule.half else text if submodule.local else ""
        run = self._trusted(Run(("git", "-C", root, *UPDATE), text=told, checkout=root))
        return [Install(("git",)), run] if self.level.trouble == "absent" else [run]

    def restoring(self, missing: Iterable[str]) -> list[Fix]:
        """How these files come back, where the submodule has others."""
        if self.submodule.restorable:
            return self.mending()
        if "absent" in (self.level.trouble, self.submodule.trouble):
            return [GIT_FIRST]
        lost = [path for path in missing if path in self.submodule.lost]
        if lost:
            words = ("git", "-C", self.place, "checkout", "--", *lost[:MOST_NAMED])
            return [ByHand(f"{self.obeyed()}what you changed stays: {to_paste(*words)}")]
        return [self._only_by_hand() or self._anew()]

    def mending(self) -> list[Fix]:
        """What to do about a submodule that is not as git has it."""
        submodule = self.submodule
        if submodule.restorable:
            write = ("git", "-C", self.place, "checkout", "--", ".")
            text = "no file is changed: nothing is lost"
            return [self._trusted(Run(write, text=text, checkout=self.project.path))]
        if submodule.absent or submodule.changed:
            look = to_paste("git", "-C", self.place, "diff")
            return [ByHand(f"{self.obeyed()}look at it, then keep or restore: {look}")]
        if submodule.moved and not submodule.refused:
            return [self._trusted(self._update())]
        return [ByHand(f"{self.obeyed()}read them first")] if submodule.programs else []

    def mend_gitmodules(self) -> ByHand:
        """For what `.gitmodules` names and nobody should follow."""
        why = f"{self.about} is not fetched: {self.submodule.refused}"
        return ByHand(visible(f"{why}; mend .gitmodules, or get a checkout that you trust"))

    def obeyed(self) -> str:
        """What git would run or write to, for a sentence to begin with."""
        return visible(f"git would obey {', '.join(self.programs)}; ") if self.programs else ""

    def _only_by_hand(self) -> ByHand | None:
        """What to do where no command of ours will."""
        submodule, level, root = self.submodule, self.level, self.project.path
        if level.trouble == "not-a-repository" and self.tree == root:
            filled = submodule.place == "filled"  # where git would write nothing
            return clone_again(self.project) if filled else make_it_a_clone(self.project)
        if submodule.refused:
            return self.mend_gitmodules()
        if level.trouble == "not-a-repository" or not (level.trouble or submodule.pinned):
            return clone_again(self.project)
        return self._anew() if submodule.place in ("file", "filled") and not self._own() else None

    def _own(self) -> bool:
        """It has a repository of its own, or nothing says that it has none."""
        return self.submodule.place == "filled" and self.submodule.trouble != "not-a-repository"

    def _anew(self) -> ByHand:
        """git writes into no directory that holds something: it may be somebody's work."""
        update = to_paste("git", "-C", self.project.path, *UPDATE)
        return ByHand(visible(f"move {self.place} away, then: {update}"))

    def _update(self, *, force: bool = False) -> Run:
        """Check out what is pinned; plain `update` sees the right commit and stops."""
        options = ("--force", "--") if force else ("--",)
        argv = ("git", "-C", self.tree, *UPDATE, *options, self.submodule.path)
        text = "--force writes the files; there are none to lose" if force else ""
        return Run(argv, text=text, checkout=self.project.path)

    def _trusted(self, run: Run) -> Fix:
        """A command, where git would run no program that the checkout names; else words."""
        if not self.programs:
            return run
        return ByHand(f"{self.obeyed()}if you trust these settings: {to_paste(*run.argv)}")
