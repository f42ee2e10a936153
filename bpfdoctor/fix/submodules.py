"""Filling a checkout's submodules: what is empty is fetched, what holds work is left alone."""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.fix.plan import Manual, Step
from bpfdoctor.host.git.gitmodules import entries_of
from bpfdoctor.host.git.plumbing import PLUMBING
from bpfdoctor.host.git.submodules import AskSubmodules, Submodule, Submodules
from bpfdoctor.host.question import Host
from bpfdoctor.host.system.files import FileText, ListDirectory, Names, ReadFile
from bpfdoctor.host.tools.commands import Completed, RunCommand

DEEPEST = 8
"""Submodules within submodules; bpftool's libbpf is at 2."""
CAREFUL = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor="),
    *("-c", "protocol.ext.allow=never"),
    *("-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60"),
)
"""No program of the tree's own; a server that falls silent for a minute is given up."""
UPDATE = ("submodule", "update", "--init", "--recursive", "--checkout", "--progress")
"""`--checkout` outranks a `submodule.*.update` that names a command."""


def plan_submodules(
    host: Host, checkout: str, why: tuple[str, ...]
) -> tuple[list[Step], list[Manual]]:
    """The steps that fill what holds no files, nested ones too; the rest is left and explained.

    `why` are the keys of the findings; where they say which submodules (`id[about]`), it is these.
    """
    plan = _SubmodulePlan(host, checkout.rstrip("/"), why)
    plan.repository(plan.checkout, DEEPEST)
    return plan.steps, plan.manual


class _SubmodulePlan:
    def __init__(self, host: Host, checkout: str, why: tuple[str, ...]) -> None:
        self.host, self.checkout, self.every, self.why = host, checkout, why, why
        self.steps: list[Step] = []
        self.manual: list[Manual] = []

    def repository(self, tree: str, depth: int) -> None:
        """One work tree, then those of its submodules that have some themselves."""
        level = self.host.ask(AskSubmodules(tree))
        self.why = self.every
        if not isinstance(level, Submodules) or level.trouble == "absent":
            return  # without git: once it is installed, another plan is made
        if level.trouble:
            self._leave(_not_told(tree, level))
        elif level.programs and level.found:
            self._leave(
                f"{tree}/.git/config names programs that git would run "
                f"({', '.join(level.programs)}): remove these settings, then run fix again"
            )
        else:
            for submodule in level.found:
                self._submodule(tree, submodule, depth)

    def _submodule(self, tree: str, submodule: Submodule, depth: int) -> None:
        place = f"{tree}/{submodule.path}"
        self.why = self._asked(place.removeprefix(f"{self.checkout}/"))
        reason = _refusal(submodule)
        if not self.why:
            pass
        elif reason:
            self._leave(f"the submodule {place} is not fetched: {reason}")
        elif not submodule.pinned or submodule.conflict:
            pass  # nothing says which commit it should be at; the finding does say so
        elif _holds_no_files(submodule):
            self.steps += self._filling(tree, submodule)
        elif submodule.commit and submodule.commit != submodule.pinned:
            self._leave(_moved(tree, submodule))
        elif submodule.changed or submodule.absent:
            self._leave(f"{place} holds changes, which may be your work: it is left alone")
        if submodule.nested and not submodule.refused and depth:
            self.repository(place, depth - 1)

    def _asked(self, about: str) -> tuple[str, ...]:
        """The findings about this submodule, and those that are about none in particular."""
        return tuple(k for k in self.every if k.endswith(f"[{about}]") or not k.endswith("]"))

    def _filling(self, tree: str, submodule: Submodule) -> Iterator[Step]:
        git = ("git", "-C", tree)
        name, known = self._registered(tree, submodule)
        half = half_cloned(self.host, tree, name)
        if half:
            yield self._step(
                f"sweep:{tree}/{submodule.path}",
                f"remove the half of {submodule.path} that a cut-off fetch left (no commit)",
                ("rm", "-rf", "--", half, f"{tree}/{submodule.path}/.git"),
                tree,
                undo=(),
            )
        force = () if half or submodule.place in ("missing", "empty") else ("--force",)
        sync = f"sync:{tree}/{submodule.path}"
        moved = bool(known) and not submodule.url.startswith(".") and known != submodule.url
        if moved:
            yield self._step(
                sync,
                f"take the address of {submodule.path} from .gitmodules (it was {known})",
                (*git, "submodule", "sync", "--", submodule.path),
                tree,
                undo=(*git, "config", f"submodule.{name}.url", known),
            )
        yield self._step(
            f"submodule:{tree}/{submodule.path}",
            f"fetch the submodule {submodule.path} from {submodule.url}",
            (*git, *CAREFUL, *UPDATE, *force, "--", submodule.path),
            tree,
            undo=() if known else (*git, "submodule", "deinit", "--", submodule.path),
            after=tuple(
                name
                for name, needed in ((sync, moved), (f"sweep:{tree}/{submodule.path}", half))
                if needed
            ),
        )

    def _step(  # noqa: PLR0913  (fields of a step)
        self,
        step_id: str,
        title: str,
        argv: tuple[str, ...],
        tree: str,
        *,
        undo: tuple[str, ...],
        after: tuple[str, ...] = (),
    ) -> Step:
        return Step(
            id=step_id,
            kind="submodule",
            title=title,
            argv=argv,
            why=self.why,
            owner_of=tree,
            undo=undo,
            undo_text="" if undo else "it was registered before: its files stay",
            after=after,
        )

    def _registered(self, tree: str, submodule: Submodule) -> tuple[str, str]:
        """The name of a submodule, and the address that `.git/config` has for it; empty if none."""
        text = self.host.ask(ReadFile(f"{tree}/.gitmodules"))
        entries = entries_of(text.text) if isinstance(text, FileText) else ()
        name = next((e.name for e in entries if e.path == submodule.path), submodule.path)
        argv = (*PLUMBING, "-C", tree, "config", "--local", "--get", f"submodule.{name}.url")
        answer = self.host.ask(RunCommand(argv, owner_of=tree))
        known = answer.stdout.strip() if isinstance(answer, Completed) and answer.ok else ""
        return name, known

    def _leave(self, text: str) -> None:
        self.manual.append(Manual(self.why, text))


def half_cloned(host: Host, tree: str, name: str) -> str:
    """The repository of a submodule whose fetch was cut off; empty where there is none.

    git takes it for a finished one ("Unable to find current revision") until it is removed. It has
    no ref: nothing of anybody's is in it.
    """
    if ".." in name.split("/") or not name.isprintable():
        return ""
    answer = host.ask(
        RunCommand((*PLUMBING, "-C", tree, "rev-parse", "--absolute-git-dir"), owner_of=tree)
    )
    if not isinstance(answer, Completed) or not answer.ok:
        return ""
    place = f"{answer.stdout.strip()}/modules/{name}"
    if not isinstance(host.ask(ListDirectory(place)), Names):
        return ""
    argv = (*PLUMBING, f"--git-dir={place}", "for-each-ref", "--count=1")
    refs = host.ask(RunCommand(argv, owner_of=tree))
    return place if isinstance(refs, Completed) and not refs.stdout.strip() else ""


def _holds_no_files(submodule: Submodule) -> bool:
    """Nothing can be lost: it is empty, or every file that git tracks in it is absent."""
    emptied = bool(submodule.tracked) and submodule.absent == submodule.tracked
    return submodule.place in ("missing", "empty", "bare") or (
        submodule.place == "filled" and emptied
    )


def _refusal(submodule: Submodule) -> str:
    """Why it is not fetched; empty for an honest one that is a place on the network."""
    if submodule.place == "file":
        return "a file is in its place: move it away, then run fix again"
    if submodule.refused or submodule.place in ("link", "refused"):
        return submodule.refused or "a link is in its place"
    if submodule.local and _holds_no_files(submodule):
        return f"its URL {submodule.url} is a place on this machine, which the checkout chose"
    return ""


def _not_told(tree: str, level: Submodules) -> str:
    """What to do where git would not tell about a tree."""
    if level.trouble == "not-a-repository":
        return (
            f"{tree} is no git repository (a ZIP download?): nothing says which commits of its "
            "submodules belong to it. Clone it with git clone --recurse-submodules"
        )
    owner = f"sudo -u '#{level.owner}' git -C {tree} submodule update --init --recursive"
    return f"git does not tell about {tree} ({level.detail}); as its owner: {owner}"


def _moved(tree: str, submodule: Submodule) -> str:
    return (
        f"{tree}/{submodule.path} is at {submodule.commit[:12]}, the checkout pins "
        f"{submodule.pinned[:12]}: it is left alone, for that may be your work. To take what is "
        f"pinned: git -C {tree} submodule update --checkout -- {submodule.path}"
    )
