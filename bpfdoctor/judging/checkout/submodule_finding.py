"""The finding on one submodule: obstacles first, then its contents."""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.contract import Context, failed, passed, unknown, warned
from bpfdoctor.host.git.submodule import Submodule
from bpfdoctor.host.git.submodules import AskSubmodules, Submodules
from bpfdoctor.host.question import evidence
from bpfdoctor.host.system.files import LookAt, PathFacts
from bpfdoctor.judging.checkout.submodule_files import lacking_files, named_by
from bpfdoctor.judging.checkout.submodule_remedies import Remedies, clone_again
from bpfdoctor.judging.sources.search import sought_sources
from bpfdoctor.judging.sources.sought import Sought
from bpfdoctor.model import ByHand, Evidence, Finding, Fix, Run
from bpfdoctor.visible import visible

NO_FILES = {
    "missing": "is missing",
    "empty": "is empty",
    "bare": "holds nothing but .git",
    "file": "is a file, not a directory",
}
MOST_NAMED = 20
"""Files by which a failed build may name the submodule; no more are listed."""
OWNERS = ("refuses-owner", "cannot-become-owner")
WITHHELD = (*OWNERS, "timed-out", "broken")
"""Reasons for which git reports nothing about a repository that is there."""


class JudgedSubmodule:
    """One submodule, with what is needed to judge it."""

    def __init__(
        self,
        context: Context,
        tree: str,
        about: str,
        level: Submodules,
        submodule: Submodule,
    ) -> None:
        self.context, self.tree, self.level, self.submodule = context, tree, level, submodule
        self.about = about
        self.place = f"{tree}/{submodule.path}"
        self.remedies = Remedies(context.project, tree, self.about, level, submodule)
        self.seen = [Evidence(AskSubmodules(tree).source(), submodule.shown())]
        if level.trouble:
            self.seen.append(Evidence(f"$ git -C {tree} ls-files --stage", level.detail))

    def finding(self, *, required: bool) -> Finding:
        """Say what stands in the way, or what is there; `required`: a program needs its files."""
        submodule = self.submodule
        if submodule.place == "refused":
            why = f"{submodule.refused}: it is not followed"
            fixes = [self.remedies.mend_gitmodules()]
            return failed(why, about=self.about, seen=self.seen, fixes=fixes)
        if submodule.place == "file" or submodule.without_files:
            return self._no_files(required=required)
        if submodule.place == "unreadable":
            look = Run(("ls", "-ld", self.place))
            return unknown("it cannot be read", about=self.about, seen=self.seen, fixes=[look])
        if submodule.conflict:
            return self._conflict()
        return self._link() if submodule.place == "link" else self._filled()

    def _no_files(self, *, required: bool) -> Finding:
        submodule, level = self.submodule, self.level
        how = f"holds none of its {submodule.tracked} files"
        why = f"{self.about} {NO_FILES.get(submodule.place, how)}"
        if level.trouble == "not-a-repository":
            why += "; without .git, as in a ZIP download, git cannot fill it"
        elif submodule.refused:
            why += f", and {submodule.refused}"
        elif not level.trouble and not submodule.pinned and not submodule.conflict:
            why += ", and the checkout pins no commit of it"
            if not required:
                return self._warned(why, [])
        return failed(why, about=self.about, seen=self.seen, fixes=self.remedies.filling())

    def _conflict(self) -> Finding:
        text = (
            f"settle which commit of {self.about} is meant: `git -C {self.tree} status` shows the "
            f"merge, `git -C {self.tree} merge --abort` takes it back"
        )
        why = "a merge left it in conflict: no one commit is pinned"
        return failed(why, about=self.about, seen=self.seen, fixes=[ByHand(visible(text))])

    def _link(self) -> Finding:
        """Report a link in its place, perhaps to somebody's own libbpf; git itself refuses it."""
        question = LookAt(self.place)
        facts = self.context.ask(question)
        seen = [*self.seen, evidence(question, facts)]
        fixes = [clone_again(self.context.project)]
        if isinstance(facts, PathFacts) and facts.target_kind == "directory":
            why = f"it is a link to {facts.target}, which was not followed: the build decides"
            named = named_by(self.context.project, self.about)
            return warned(why, about=self.about, seen=seen, fixes=fixes, explains=named)
        return failed("it is a link to no directory", about=self.about, seen=seen, fixes=fixes)

    def _filled(self) -> Finding:
        submodule, level = self.submodule, self.level
        if not self._told_by_git() or submodule.lost:
            lost = submodule.lost if self._told_by_git() else None
            project = self.context.project
            sought = sought_sources(self.context.host, project, self.about, lost)
            fixes = self._bringing_back(sought) if sought else []
            lacking = lacking_files(self.about, sought, self.seen, fixes)
            if lacking:
                return lacking
        if level.trouble in WITHHELD or submodule.trouble in WITHHELD:
            return self._withheld(level.detail or submodule.unknown)
        doubts = list(self._doubts())
        if doubts:
            return self._warned(f"{'; '.join(doubts)}: the build decides", self.remedies.mending())
        why = f"at {submodule.commit[:12]}, as pinned"
        return passed(why, about=self.about, seen=self.seen)

    def _told_by_git(self) -> bool:
        return not (self.level.trouble or self.submodule.trouble)

    def _bringing_back(self, sought: Sought) -> list[Fix]:
        """Say how missing files come back; only the owner may ask git about a tree."""
        trouble = self.level.trouble or self.submodule.trouble
        if trouble in WITHHELD:
            return [self._status()]
        return (
            self.remedies.filling() if sought.nothing else self.remedies.restoring(sought.missing)
        )

    def _withheld(self, said: str) -> Finding:
        why = f"its files are there, but git does not report the commit ({said}): the build decides"
        return self._warned(why, [self._status()])

    def _status(self) -> Run:
        owner = ("sudo", "-u", f"#{self.level.owner}") if self.level.trouble in OWNERS else ()
        ask = (*owner, "git", "-C", self.tree, "submodule", "status")
        return Run(ask, text="as the owner of the checkout" if owner else "says what is wrong")

    def _warned(self, why: str, fixes: list[Fix]) -> Finding:
        """Warn: the build may work, and if it fails and names the submodule, this is the cause."""
        submodule = self.submodule
        paths = tuple(dict.fromkeys((*submodule.examples, *submodule.lost[:MOST_NAMED])))
        explains = named_by(self.context.project, self.about, paths)
        return warned(why, about=self.about, seen=self.seen, fixes=fixes, explains=explains)

    def _doubts(self) -> Iterator[str]:
        """List the oddities of a submodule whose files are there."""
        submodule, level = self.submodule, self.level
        if level.trouble == "absent" or submodule.trouble == "absent":
            yield "its files are there; without git their commit is not known"
        elif level.trouble or submodule.trouble:
            yield f"its files are there, of no known commit ({level.detail or submodule.unknown})"
        else:
            yield from submodule.oddities()
