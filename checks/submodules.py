"""The submodules of a checkout: there, at the right commit, and safe to fetch."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from bpfdoctor.api import ByHand, Context, Evidence, Finding, Fix, Run, Stage
from bpfdoctor.api import blocked, check, evidence, failed, passed, unknown, warned
from bpfdoctor.api import files, git

ID = "checkout.submodules"
DEEPEST = 8
"""Submodules within submodules: a hostile checkout nests them without end."""
NO_FILES = {
    "missing": "is missing",
    "empty": "is empty",
    "bare": "holds nothing but .git",
    "file": "is a file, not a directory",
}
MOST_NAMED = 20
"""Files of a warning by which a failed build may name it."""
OWNERS = ("refuses-owner", "cannot-become-owner")
WITHHELD = (*OWNERS, "timed-out", "broken")
"""Why git told nothing of a repository that is there; without git there is no more to be had."""


@check(ID, title="git submodules")
def submodules(context: Context) -> Iterator[Finding]:
    """Whether every submodule of the checkout, nested ones too, holds the files it should.

    libbpf-bootstrap builds libbpf, bpftool (with a libbpf of its own inside) and others from their
    sources, which git keeps as submodules: a clone without `--recurse-submodules` leaves their
    directories empty, and so does a ZIP download, where nothing can fill them. What is missing,
    empty or in conflict stops the build, and so does one lost file that the build reads: where git
    says that files are absent, or cannot say, the makefile's lists are read, and the C compiler is
    asked which headers it does not find. A submodule at another commit than the checkout pins,
    with changed files or without some that no build needs, or cloned shallow, is a warning: the
    build decides.

    git is asked for facts only. No filter, hook or command that a checkout's settings name is run;
    no path in `.gitmodules` is followed out of the checkout or through a link. Where git refuses a
    checkout that belongs to somebody else, run bpfdoctor as its owner.
    """
    if not context.project.path or context.project.kind.build is None:
        return
    found: list[Finding] = []
    for finding in _level(context, "", 0):
        found.append(finding)
        yield finding
    yield from _unlisted(context, found)


def _level(context: Context, prefix: str, depth: int) -> Iterator[Finding]:
    """The submodules of one work tree (`prefix`: empty, or a path ending in `/`), and of theirs."""
    tree = context.project.inside(*prefix.split("/")).rstrip("/")
    question = git.AskSubmodules(tree)
    answer = context.ask(question)
    if not isinstance(answer, git.Submodules):
        seen = [evidence(question, answer)]
        why = f"{prefix}.gitmodules cannot be read: {answer.shown()}"
        yield unknown(why, about=f"{prefix}.gitmodules", seen=seen)
        return
    if answer.programs:
        yield _warned_of_programs(answer, question, prefix)
    for submodule in answer.found:
        judged = _Judged(context, tree, prefix, answer, submodule)
        yield judged.finding()
        if submodule.nested and not submodule.refused and depth < DEEPEST:
            yield from _level(context, f"{judged.about}/", depth + 1)


def _warned_of_programs(
    answer: git.Submodules, question: git.AskSubmodules, prefix: str
) -> Finding:
    names = ", ".join(answer.programs)
    text = f"read these settings before you run git there: {names}"
    return warned(
        f"its git settings name programs ({names}); none was run",
        about=f"{prefix}.git/config",
        seen=[Evidence(f"{question.source()} (settings only)", names)],
        fixes=[ByHand(text)],
    )


def _unlisted(context: Context, found: list[Finding]) -> Iterator[Finding]:
    """What the project is known to need and `.gitmodules` does not name, or could not be asked."""
    listed = {finding.about for finding in found}
    without = {finding.about for finding in found if finding.status.value in ("fail", "skip")}
    for about in needed(context):
        if about in listed:
            continue
        parents = [above for above in without if about.startswith(f"{above}/")]
        if parents and _absent(context, about):
            why = f"not there before {parents[0]} is"
            yield blocked(why, by=[f"{ID}[{parents[0]}]"], about=about)
        elif _makefile_names(context, about):
            finding = _without_entry(context, about)
            without |= {about} if finding.status.value == "fail" else set()
            yield finding


def _absent(context: Context, about: str) -> bool:
    names = context.ask(files.List(context.project.inside(about)))
    return not isinstance(names, files.Names) and names.absent


def needed(context: Context) -> list[str]:
    """The submodules that this checkout's programs are known to need, parents first."""
    project = context.project
    keys = {
        key for name in project.programs for stage in Stage for key in project.needs(name, stage)
    }
    start = f"{ID}["
    return sorted(key[len(start) : -1] for key in keys if key.startswith(start))


def _makefile_names(context: Context, about: str) -> bool:
    """Whether this checkout's makefile uses the directory: older ones had fewer of them."""
    build = context.project.kind.build
    text = context.ask(files.Read(context.project.inside(build.makefile))) if build else None
    return not isinstance(text, files.Text) or f"/{about.partition('/')[0]}/" in text.text


def _without_entry(context: Context, about: str) -> Finding:
    question = files.List(context.project.inside(about))
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    fixes: list[Fix] = [git.clone_again(context.project)]
    if isinstance(answer, files.Names) and set(answer.names) - {".git"}:
        sought = git.sought_sources(context.host, context.project, about, None)
        lacking = _lacking(about, sought, seen, fixes)
        if lacking:
            return lacking
        why = ".gitmodules does not name it, but its files are there: the build decides"
        return warned(why, about=about, seen=seen, explains=_named_by(context, about))
    if isinstance(answer, files.Names) or answer.absent:
        why = "its files are not there, and .gitmodules does not name it"
        return failed(why, about=about, seen=seen, fixes=fixes)
    return unknown(f"it cannot be looked at: {answer.shown()}", about=about, seen=seen)


def _lacking(
    about: str, sought: git.Sought | None, seen: list[Evidence], fixes: list[Fix]
) -> Finding | None:
    """What a build would miss of one that holds something, or that this could not be seen."""
    if sought is None or not (sought.lacking or sought.unanswered):
        return None
    seen = [*seen, *sought.seen]
    if sought.nothing:
        return failed(f"{about} holds none of its files", about=about, seen=seen, fixes=fixes)
    if sought.missing:
        return failed(_not_there(sought.missing), about=about, seen=seen, fixes=fixes)
    why = f"whether the build finds all that it needs was not seen: {sought.trouble}"
    return unknown(why, about=about, seen=seen, fixes=fixes)


def _not_there(missing: tuple[str, ...]) -> str:
    first, *others = missing
    if not others:
        return f"{first} is not there, and the build needs it"
    return f"{first} and {len(others)} more that the build needs are not there"


def _named_by(context: Context, about: str, paths: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The words by which a failed build names a submodule: where it is built, and these files."""
    build = context.project.kind.build
    sources = build.sources.get(about) if build else None
    top = posixpath.dirname(sources.makefile) if sources else ""
    return (posixpath.join(about, top).rstrip("/"), *(f"{about}/{path}" for path in paths))


class _Judged:
    """One submodule, with what is needed to judge it."""

    def __init__(
        self,
        context: Context,
        tree: str,
        prefix: str,
        level: git.Submodules,
        submodule: git.Submodule,
    ) -> None:
        self.context, self.tree, self.level, self.submodule = context, tree, level, submodule
        self.about = f"{prefix}{submodule.path}"
        self.place = f"{tree}/{submodule.path}"
        self.remedies = git.Remedies(context.project, tree, self.about, level, submodule)
        self.seen = [Evidence(git.AskSubmodules(tree).source(), submodule.shown())]
        if level.trouble:
            self.seen.append(Evidence(f"$ git -C {tree} ls-files --stage", level.detail))

    def finding(self) -> Finding:
        """The verdict: of what stands in the way first, then of what is there."""
        submodule = self.submodule
        if submodule.place == "refused":
            why = f"{submodule.refused}: it is not followed"
            fixes = [self.remedies.mend_gitmodules()]
            return failed(why, about=self.about, seen=self.seen, fixes=fixes)
        if submodule.place == "file" or submodule.without_files:
            return self._no_files()
        if submodule.place == "unreadable":
            look = Run(("ls", "-ld", self.place))
            return unknown("it cannot be read", about=self.about, seen=self.seen, fixes=[look])
        if submodule.conflict:
            return self._conflict()
        return self._link() if submodule.place == "link" else self._filled()

    def _no_files(self) -> Finding:
        submodule, level = self.submodule, self.level
        how = f"holds none of its {submodule.tracked} files"
        why = f"{self.about} {NO_FILES.get(submodule.place, how)}"
        if level.trouble == "not-a-repository":
            why += "; without .git, as in a ZIP download, git cannot fill it"
        elif submodule.refused:
            why += f", and {submodule.refused}"
        elif not level.trouble and not submodule.pinned and not submodule.conflict:
            why += ", and the checkout pins no commit of it"
            if self.about not in needed(self.context):
                return self._warned(why, [])
        return failed(why, about=self.about, seen=self.seen, fixes=self.remedies.filling())

    def _conflict(self) -> Finding:
        text = (
            f"settle which commit of {self.about} is meant: `git -C {self.tree} status` shows the "
            f"merge, `git -C {self.tree} merge --abort` takes it back"
        )
        why = "a merge left it in conflict: no one commit is pinned"
        return failed(why, about=self.about, seen=self.seen, fixes=[ByHand(text)])

    def _link(self) -> Finding:
        """Somebody's own libbpf, perhaps; git itself refuses a link here."""
        question = files.LookAt(self.place)
        facts = self.context.ask(question)
        seen = [*self.seen, evidence(question, facts)]
        fixes = [git.clone_again(self.context.project)]
        if isinstance(facts, files.PathFacts) and facts.target_kind == "directory":
            why = f"it is a link to {facts.target}, which was not followed: the build decides"
            named = _named_by(self.context, self.about)
            return warned(why, about=self.about, seen=seen, fixes=fixes, explains=named)
        return failed("it is a link to no directory", about=self.about, seen=seen, fixes=fixes)

    def _filled(self) -> Finding:
        submodule, level = self.submodule, self.level
        if not self._told_by_git() or submodule.absent:
            lost = submodule.lost if self._told_by_git() else None
            project = self.context.project
            sought = git.sought_sources(self.context.host, project, self.about, lost)
            fixes = self._bringing_back(sought) if sought else []
            lacking = _lacking(self.about, sought, self.seen, fixes)
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

    def _bringing_back(self, sought: git.Sought) -> list[Fix]:
        """How what is missing comes back; only the owner may ask git about somebody's tree."""
        trouble = self.level.trouble or self.submodule.trouble
        if trouble in WITHHELD:
            return [self._status()]
        return (
            self.remedies.filling() if sought.nothing else self.remedies.restoring(sought.missing)
        )

    def _withheld(self, said: str) -> Finding:
        why = f"its files are there, of a commit that git does not tell ({said}): the build decides"
        return self._warned(why, [self._status()])

    def _status(self) -> Run:
        owner = ("sudo", "-u", f"#{self.level.owner}") if self.level.trouble in OWNERS else ()
        ask = (*owner, "git", "-C", self.tree, "submodule", "status")
        return Run(ask, text="as the owner of the checkout" if owner else "says what is wrong")

    def _warned(self, why: str, fixes: list[Fix]) -> Finding:
        """It may do; where the build fails and names it, this is why."""
        submodule = self.submodule
        paths = tuple(dict.fromkeys((*submodule.examples, *submodule.lost[:MOST_NAMED])))
        explains = _named_by(self.context, self.about, paths)
        return warned(why, about=self.about, seen=self.seen, fixes=fixes, explains=explains)

    def _doubts(self) -> Iterator[str]:
        """What is odd about a submodule whose files are there."""
        submodule, level = self.submodule, self.level
        if level.trouble == "absent" or submodule.trouble == "absent":
            yield "its files are there; without git their commit is not known"
        elif level.trouble or submodule.trouble:
            yield f"its files are there, of no known commit ({level.detail or submodule.unknown})"
        else:
            yield from submodule.oddities()
