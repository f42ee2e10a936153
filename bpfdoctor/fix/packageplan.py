"""The package part of a plan: ask the manager what it has, then one transaction for all of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from bpfdoctor.fix.catalogue import Manager, catalogue, require_plain
from bpfdoctor.fix.managers import MANAGERS, Package, PackageManager
from bpfdoctor.fix.packages import Choice, Local, Wanted, described, local, resolve
from bpfdoctor.fix.plan import Kind, Manual, Step
from bpfdoctor.host.question import Host, NoAnswer
from bpfdoctor.host.system.facts import AskDistribution, AskKernel, Distribution
from bpfdoctor.host.tools.search import FindTool
from bpfdoctor.model import Install, Run

PACKAGES = "packages"
"""The id of the one step that installs."""
Reasons = Mapping[Wanted, Sequence[str]]
"""Capabilities that are missing, each with the keys of the findings that say so."""


def plan_packages(
    missing: Reasons, host: Host, expected: Reasons | None = None
) -> tuple[list[Step], list[Manual]]:
    """Steps that install what is missing, and what a person must do instead.

    `expected` is what blocked checks would most likely ask for: it is taken along where it is to
    be had and not installed, and is nobody's failure otherwise.
    """
    if not missing:
        return [], []
    distribution, release = _machine(host)
    here = local(distribution, release)
    if here is None or not here.manager.automatic:
        return [], [_by_hand(missing, distribution, release)]
    if isinstance(host.ask(FindTool(here.manager.install[0])), NoAnswer):
        return [], [_by_hand(missing, distribution, release)]
    return _PackagePlan(missing, expected or {}, host, here).made()


def _machine(host: Host) -> tuple[Distribution | None, str]:
    distribution, kernel = host.ask(AskDistribution()), host.ask(AskKernel())
    return (
        None if isinstance(distribution, NoAnswer) else distribution,
        "" if isinstance(kernel, NoAnswer) else kernel.release,
    )


def _by_hand(missing: Reasons, distribution: Distribution | None, release: str) -> Manual:
    names = tuple(f"{n.name}>={n.minimum}" if n.minimum else n.name for n in missing)
    fix = resolve(Install(names), distribution, release)
    why = tuple(dict.fromkeys(key for keys in missing.values() for key in keys))
    if not fix.argv:
        return Manual(why, fix.text)
    command = " ".join((*(("sudo",) if fix.privileged else ()), *fix.argv))
    return Manual(why, "; ".join(filter(None, (command, fix.text))))


class _PackagePlan:
    """What is found out about one transaction."""

    def __init__(self, missing: Reasons, expected: Reasons, host: Host, here: Local) -> None:
        self.missing, self.expected, self.host, self.here = missing, expected, host, here
        self.known: PackageManager = MANAGERS[here.manager_name]
        self.commands: Manager = here.manager
        self.stale = self.known.stale(host)
        self.empty = "days old" not in self.stale and bool(self.stale)
        self.manual: list[Manual] = []
        self.packages: dict[str, list[str]] = {}
        self.repositories: dict[str, list[str]] = {}
        self.notes: list[str] = []

    def made(self) -> tuple[list[Step], list[Manual]]:
        """The steps, in order, and what is left to a person."""
        choices = {need: self.here.choice(need) for need in (*self.missing, *self.expected)}
        names = [name for choice in choices.values() if choice for name in choice.packages]
        looked = self.known.look(self.host, tuple(dict.fromkeys(names))) if names else {}
        for need, choice in choices.items():
            why = list(self.missing.get(need) or self.expected[need])
            if need not in self.missing:
                self._want(self._along(choice, looked), why)
            elif choice is None:
                self._leave(why, f"install {described(need)} by hand: no package is known here")
            else:
                self._choose(choice, looked, why)
        return self._steps(), self.manual

    def _along(self, choice: Choice | None, looked: Mapping[str, Package]) -> list[str]:
        """The packages of an expected capability that can be taken along."""
        names = choice.packages if choice else ()
        return [n for n in names if not looked[n].installed and self._to_be_had(looked[n])]

    def _choose(self, choice: Choice, looked: Mapping[str, Package], why: list[str]) -> None:
        need = choice.wanted
        there = [name for name in choice.packages if looked[name].installed]
        absent = [
            n for n in choice.packages if not looked[n].installed and not self._to_be_had(looked[n])
        ]
        too_old = need.minimum > 0 and any(
            0 < looked[name].major < need.minimum for name in choice.packages[:1]
        )
        if too_old or len(there) == len(choice.packages):
            self._newer(choice, why, "is too old" if too_old else "is installed and does not do")
        elif absent:
            self._absent(choice, absent, looked, why)
        else:
            self._want((n for n in choice.packages if n not in there), why)

    def _to_be_had(self, package: Package) -> bool:
        """By its own name, through one that provides it, or, with empty lists, as far as known."""
        return bool(
            package.candidate or len(package.provided_by) == 1 or package.unsure or self.empty
        )

    def _newer(self, choice: Choice, why: list[str], fault: str) -> None:
        """The newest package of one version that fits (`clang-16`), or words."""
        pattern, minimum = choice.versioned, choice.wanted.minimum
        names = self.known.matching(self.host, pattern) if pattern else ()
        numbers = sorted({_number(name, pattern) for name in names}, reverse=True)
        fits = [number for number in numbers if number >= minimum]
        own = " ".join(choice.packages)
        for number in fits:
            name = pattern.format(number)
            if not self.known.look(self.host, (name,))[name].installed:
                self.notes.append(f"{own} {fault}: {name} instead")
                self._want((name,), why)
                return
        command = " ".join((*self.commands.install, "--reinstall", own))
        advice = f"; if its files were removed: sudo {command}" if self.known.name == "apt" else ""
        self._leave(why, f"{own} {fault}, and there is no other package to try{advice}")

    def _absent(
        self, choice: Choice, absent: list[str], looked: Mapping[str, Package], why: list[str]
    ) -> None:
        names = " ".join(absent)
        repository = catalogue().repositories.get(choice.repository)
        if repository is not None and repository.enable:
            self.repositories.setdefault(choice.repository, []).extend(why)
            self._want(choice.packages, why)
            return
        where = f"; it may be in {repository.title}, which has to be added" if repository else ""
        others = [p for name in absent for p in looked[name].provided_by]
        which = f"; one of these provides it: {' '.join(others)}" if others else ""
        self._leave(why, f"{names} is not in the lists of {self.known.name}{where}{which}")

    def _want(self, names: Iterable[str], why: list[str]) -> None:
        for name in names:
            reasons = self.packages.setdefault(require_plain(name), [])
            reasons += [key for key in why if key not in reasons]

    def _leave(self, why: list[str], text: str) -> None:
        self.manual.append(Manual(tuple(why), text))

    def _steps(self) -> list[Step]:
        if not self.packages:
            return []
        steps = [*self._repair(), *self._enable(), *self._refresh()]
        steps.append(self._install(tuple(step.id for step in steps)))
        return steps

    def _repair(self) -> list[Step]:
        fix = self.known.broken(self.host)
        if not isinstance(fix, Run):
            return []
        title = "finish what an interrupted installation left half done"
        step = self._step("repair", "repair", title, fix.argv)
        return [replace(step, undo_text="it is not taken back")]

    def _enable(self) -> list[Step]:
        steps = []
        for name, why in self.repositories.items():
            repository = catalogue().repositories[name]
            title = f"switch on {repository.title}"
            step = self._step(f"repository:{name}", "repository", title, repository.enable)
            steps.append(replace(step, why=tuple(why), undo=repository.disable))
        return steps

    def _refresh(self) -> list[Step]:
        if not self.commands.refresh or not (self.stale or self.repositories):
            return []
        title = f"refresh the package lists: {self.stale or 'a repository is added'}"
        step = self._step("refresh", "refresh", title, self.commands.refresh)
        after = tuple(f"repository:{name}" for name in self.repositories)
        return [replace(step, after=after, undo_text="nothing to take back")]

    def _install(self, after: tuple[str, ...]) -> Step:
        names = tuple(self.packages)
        notes = list(self.notes)
        if self.empty:
            notes.append(f"not yet confirmed that {self.known.name} has them: {self.stale}")
        title = "install 1 package" if len(names) == 1 else f"install {len(names)} packages"
        step = self._step(PACKAGES, "install", title, (*self.commands.install, *names))
        undo = f"removes exactly the packages that it added, with {' '.join(self.commands.remove)}"
        return replace(step, packages=names, notes=tuple(notes), undo_text=undo, after=after)

    def _step(self, name: str, kind: Kind, title: str, argv: tuple[str, ...]) -> Step:
        return Step(
            id=name,
            kind=kind,
            title=title,
            argv=argv,
            why=tuple(dict.fromkeys(key for keys in self.packages.values() for key in keys)),
            privileged=self.commands.privileged,
            environment=self.known.environment,
            manager=self.known.name,
        )


def _number(name: str, pattern: str) -> int:
    before, _, behind = pattern.partition("{}")
    digits = name[len(before) : len(name) - len(behind)]
    return int(digits) if digits.isdigit() else 0
