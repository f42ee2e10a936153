"""Filling a checkout's submodules: what is empty is fetched, what holds work is left alone."""

from __future__ import annotations

from bpfdoctor.fix.plan import Manual, Step
from bpfdoctor.fix.planning.submodule_steps import SubmoduleSteps
from bpfdoctor.host.git.submodule import Submodule
from bpfdoctor.host.git.submodules import AskSubmodules, Submodules
from bpfdoctor.host.question import Host
from bpfdoctor.shell import command_line
from bpfdoctor.visible import visible

MAX_DEPTH = 8
"""Submodules within submodules; bpftool's libbpf is at 2."""


def plan_submodules(
    host: Host, checkout: str, why: tuple[str, ...]
) -> tuple[list[Step], list[Manual]]:
    """The steps that fill what holds no files, nested ones too; the rest is left and explained.

    `why` are the keys of the findings; where they say which submodules (`id[about]`), it is these.
    """
    plan = _SubmodulePlan(host, checkout.rstrip("/"), why)
    plan.repository(plan.checkout, MAX_DEPTH)
    return plan.steps, plan.manual


class _SubmodulePlan:
    def __init__(self, host: Host, checkout: str, why: tuple[str, ...]) -> None:
        self.host, self.checkout, self.every, self.why = host, checkout, why, why
        self.steps: list[Step] = []
        self.manual: list[Manual] = []

    def repository(self, tree: str, depth: int) -> None:
        """One work tree, then those of its submodules that have some themselves."""
        self.why = self._asked(tree, below=True)
        level = self.host.ask(AskSubmodules(tree)) if self.why else None
        if not isinstance(level, Submodules) or level.trouble == "absent":
            return  # without git: once it is installed, another plan is made
        if level.trouble:
            self._leave(_not_told(tree, level))
        elif level.programs and level.found:
            self._leave(_would_obey(f"{tree}/.git/config", level.programs))
        else:
            for submodule in level.found:
                self._submodule(tree, level, submodule, depth)

    def _submodule(self, tree: str, level: Submodules, submodule: Submodule, depth: int) -> None:
        place = f"{tree}/{submodule.path}"
        self.why = self._asked(place)
        if self.why:
            reason = _refusal(submodule)
            if reason:
                self._leave(f"the submodule {place} is not fetched: {reason}")
            elif submodule.pinned:  # else nothing says which commit it should be at
                self._judge(tree, level, submodule)
        if submodule.nested and not submodule.refused and depth:
            self.repository(place, depth - 1)

    def _judge(self, tree: str, level: Submodules, submodule: Submodule) -> None:
        place = f"{tree}/{submodule.path}"
        steps = SubmoduleSteps(self.host, tree, level.repository, submodule, self.why)
        if submodule.programs and (submodule.unwritten or submodule.restorable):
            where = f"{submodule.kept or f'{place}/.git'}/config"
            self._leave(_would_obey(where, submodule.programs))
        elif submodule.unwritten:
            self.steps += steps.fetch()
        elif submodule.restorable:
            self.steps += steps.restore()
        elif submodule.moved:
            self._leave(_moved(tree, submodule))
        elif submodule.without_files:
            self._leave(_unreadable(tree, submodule))
        elif submodule.changed or submodule.absent:
            self._leave(f"{place} holds changes, which may be your work: it is left alone")

    def _asked(self, place: str, *, below: bool = False) -> tuple[str, ...]:
        """The findings about this place (or one below it), and those about none in particular."""
        about = place.removeprefix(self.checkout).lstrip("/")
        start = f"[{about}/" if below and about else "[" if below else f"[{about}]"
        return tuple(key for key in self.every if start in key or not key.endswith("]"))

    def _leave(self, text: str) -> None:
        self.manual.append(Manual(self.why, visible(text, newlines=True)))


def _refusal(submodule: Submodule) -> str:
    """Why it is not fetched; empty for an honest one that is a place on the network."""
    if submodule.place == "file":
        return "a file is in its place: move it away, then run fix again"
    if submodule.refused or submodule.place in ("link", "refused"):
        return submodule.refused or "a link is in its place"
    if submodule.local and submodule.without_files:
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


def _would_obey(where: str, programs: tuple[str, ...]) -> str:
    return (
        f"{where} names programs that git would run, or another place that it would write to "
        f"({', '.join(programs)}): remove these settings, then run fix again"
    )


def _moved(tree: str, submodule: Submodule) -> str:
    return (
        f"{tree}/{submodule.path} is at {submodule.commit[:12]}, the checkout pins "
        f"{submodule.pinned[:12]}: it is left alone, for that may be your work. To take what is "
        f"pinned: git -C {tree} submodule update --checkout -- {submodule.path}"
    )


def _unreadable(tree: str, submodule: Submodule) -> str:
    """A repository is there of which git makes nothing: how to fetch it anew and lose nothing."""
    place = f"{tree}/{submodule.path}"
    said = submodule.unknown or "no commit is checked out in it"
    update = ("git", "-C", tree, "submodule", "update", "--init", "--recursive", "--")
    lines = [
        f"{place} is left alone, for its repository may hold your work ({said}). To fetch it anew:",
        *(f"  mv -- {_pair(path)}" for path in (submodule.kept,) if path),
        *(f"  mv -- {_pair(path)}" for path in (place,) if submodule.place == "bare"),
        f"  {command_line((*update, submodule.path))}",
    ]
    return "\n".join(lines)


def _pair(path: str) -> str:
    return command_line((path, f"{path}.aside"))
