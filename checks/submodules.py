"""The submodules of a checkout: there, at the right commit, and safe to fetch."""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.api import ByHand, Context, Evidence, Finding, Fix, Install, Run, Stage
from bpfdoctor.api import blocked, check, evidence, failed, passed, unknown, warned
from bpfdoctor.api import files, git, tools

ID = "checkout.submodules"
DEEPEST = 8
"""Submodules within submodules: a hostile checkout nests them without end."""
NO_FILES = {
    "missing": "is missing",
    "empty": "is empty",
    "bare": "holds nothing but .git",
    "file": "is a file, not a directory",
}
UPDATE = ("submodule", "update", "--init", "--recursive")
OWNERS = ("refuses-owner", "cannot-become-owner")
WITHHELD = (*OWNERS, "timed-out", "broken")
"""Why git told nothing of a repository that is there; without git there is no more to be had."""


@check(ID, title="git submodules")
def submodules(context: Context) -> Iterator[Finding]:
    """Whether every submodule of the checkout, nested ones too, holds the files it should.

    libbpf-bootstrap builds libbpf, bpftool (with a libbpf of its own inside) and others from their
    sources, which git keeps as submodules: a clone without `--recurse-submodules` leaves their
    directories empty, and so does a ZIP download, where nothing can fill them. What is missing,
    empty or in conflict stops the build. A submodule at another commit than the checkout pins,
    with changed or absent files, or cloned shallow, is a warning: the build decides.

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
        if parents:
            why = f"not there before {parents[0]} is"
            yield blocked(why, by=[f"{ID}[{parents[0]}]"], about=about)
        elif _makefile_names(context, about):
            yield _without_entry(context, about)


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
    if isinstance(answer, files.Names) and set(answer.names) - {".git"}:
        why = ".gitmodules does not name it, but its files are there: the build decides"
        return warned(why, about=about, seen=seen)
    if isinstance(answer, files.Names) or answer.absent:
        why = "its files are not there, and .gitmodules does not name it"
        return failed(why, about=about, seen=seen, fixes=[_clone_again(context)])
    return unknown(f"it cannot be looked at: {answer.shown()}", about=about, seen=seen)


def _clone_again(context: Context) -> ByHand:
    return ByHand(f"clone the checkout again: {context.project.kind.clone}".rstrip(": "))


def _make_it_a_clone(context: Context) -> ByHand:
    """For a ZIP download: git learns which commits belong to it, and no file is changed."""
    root, url = context.project.path, context.project.kind.clone.rpartition(" ")[2]
    if not url:
        return _clone_again(context)
    lines = [
        "make a checkout of the download (your files stay; git status shows how they differ):",
        f"  {tools.to_paste('git', 'init', root)}",
        f"  {tools.to_paste('git', '-C', root, 'remote', 'add', 'origin', url)}",
        f"  {tools.to_paste('git', '-C', root, 'fetch', 'origin', 'HEAD')}",
        f"  {tools.to_paste('git', '-C', root, 'reset', 'FETCH_HEAD')}",
        f"  {tools.to_paste('git', '-C', root, *UPDATE)}",
        f"or get it anew, elsewhere: {context.project.kind.clone}",
    ]
    return ByHand("\n".join(lines))


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
        self.programs = (*level.programs, *submodule.programs)
        self.seen = [Evidence(git.AskSubmodules(tree).source(), submodule.shown())]
        if level.trouble:
            self.seen.append(Evidence(f"$ git -C {tree} ls-files --stage", level.detail))

    def finding(self) -> Finding:
        """The verdict: of what stands in the way first, then of what is there."""
        submodule = self.submodule
        if submodule.place == "refused":
            why = f"{submodule.refused}: it is not followed"
            return failed(why, about=self.about, seen=self.seen, fixes=[self._mend_gitmodules()])
        if submodule.place == "file" or submodule.without_files:
            return self._no_files()
        if submodule.place == "unreadable":
            look = Run(("ls", "-ld", self.place))
            return unknown("it cannot be read", about=self.about, seen=self.seen, fixes=[look])
        if submodule.conflict:
            return self._conflict()
        return self._link() if submodule.place == "link" else self._filled()

    def _mend_gitmodules(self) -> ByHand:
        why = f"{self.about} is not fetched: {self.submodule.refused}"
        return ByHand(f"{why}; mend .gitmodules, or get a checkout that you trust")

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
                return warned(why, about=self.about, seen=self.seen)
        return failed(why, about=self.about, seen=self.seen, fixes=self._filling())

    def _filling(self) -> list[Fix]:
        """How to get the files; nothing that a suspicious checkout would turn into a command."""
        submodule, root = self.submodule, self.context.project.path
        by_hand = self._only_by_hand()
        if by_hand:
            return [by_hand]
        if submodule.restorable:
            return self._mending()
        if submodule.place == "bare" and not submodule.half:
            return [self._trusted(self._update(force=submodule.unwritten and not submodule.moved))]
        text = "git takes no submodule from a path by itself: allow it with protocol.file.allow"
        half = f"a fetch was cut off: move {submodule.kept} away first, as fix does"
        told = half if submodule.half else text if submodule.local else ""
        run = self._trusted(Run(("git", "-C", root, *UPDATE), text=told, checkout=root))
        return [Install(("git",)), run] if self.level.trouble == "absent" else [run]

    def _only_by_hand(self) -> ByHand | None:
        """What to do where no command of ours will."""
        submodule, level, root = self.submodule, self.level, self.context.project.path
        if level.trouble == "not-a-repository" and self.tree == root:
            return _make_it_a_clone(self.context)
        if submodule.refused:
            return self._mend_gitmodules()
        if level.trouble == "not-a-repository" or not (level.trouble or submodule.pinned):
            return _clone_again(self.context)
        if submodule.place == "file":
            update = tools.to_paste("git", "-C", root, *UPDATE)
            return ByHand(f"move {self.place} away, then: {update}")
        return None

    def _update(self, *, force: bool = False) -> Run:
        """Check out what is pinned; plain `update` sees the right commit and stops."""
        options = ("--force", "--") if force else ("--",)
        argv = ("git", "-C", self.tree, *UPDATE, *options, self.submodule.path)
        text = "--force writes the files; there are none to lose" if force else ""
        return Run(argv, text=text, checkout=self.context.project.path)

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
        fixes = [_clone_again(self.context)]
        if isinstance(facts, files.PathFacts) and facts.target_kind == "directory":
            why = f"it is a link to {facts.target}, which was not followed: the build decides"
            return warned(why, about=self.about, seen=seen, fixes=fixes)
        return failed("it is a link to no directory", about=self.about, seen=seen, fixes=fixes)

    def _filled(self) -> Finding:
        submodule, level = self.submodule, self.level
        withheld = level.trouble in WITHHELD or submodule.trouble in WITHHELD
        if withheld:
            return self._withheld(level.detail or submodule.unknown)
        doubts = list(self._doubts())
        if doubts:
            why = f"{'; '.join(doubts)}: the build decides"
            return warned(why, about=self.about, seen=self.seen, fixes=self._mending())
        why = f"at {submodule.commit[:12]}, as pinned"
        return passed(why, about=self.about, seen=self.seen)

    def _withheld(self, said: str) -> Finding:
        why = f"its files are there, of a commit that git does not tell ({said}): the build decides"
        owner = ("sudo", "-u", f"#{self.level.owner}") if self.level.trouble in OWNERS else ()
        ask = (*owner, "git", "-C", self.tree, "submodule", "status")
        run = Run(ask, text="as the owner of the checkout" if owner else "says what is wrong")
        return warned(why, about=self.about, seen=self.seen, fixes=[run])

    def _doubts(self) -> Iterator[str]:
        """What is odd about a submodule whose files are there."""
        submodule, level = self.submodule, self.level
        if level.trouble == "absent" or submodule.trouble == "absent":
            yield "its files are there; without git their commit is not known"
        elif level.trouble or submodule.trouble:
            yield f"its files are there, of no known commit ({level.detail or submodule.unknown})"
        else:
            yield from submodule.oddities()

    def _mending(self) -> list[Fix]:
        submodule = self.submodule
        if submodule.restorable:
            write = ("git", "-C", self.place, "checkout", "--", ".")
            text = "no file is changed: nothing is lost"
            return [self._trusted(Run(write, text=text, checkout=self.context.project.path))]
        if submodule.absent or submodule.changed:
            look = tools.to_paste("git", "-C", self.place, "diff")
            return [ByHand(f"{self._obeyed()}look at it, then keep or restore: {look}")]
        if submodule.moved and not submodule.refused:
            return [self._trusted(self._update())]
        return [ByHand(f"{self._obeyed()}read them first")] if submodule.programs else []

    def _trusted(self, run: Run) -> Fix:
        """A command, where git would run no program that the checkout names; else words."""
        if not self.programs:
            return run
        return ByHand(f"{self._obeyed()}if you trust these settings: {tools.to_paste(*run.argv)}")

    def _obeyed(self) -> str:
        return f"git would obey {', '.join(self.programs)}; " if self.programs else ""
