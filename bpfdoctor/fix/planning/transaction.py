"""One transaction of a package manager, as steps: repair, repositories, lists, installation."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from bpfdoctor.fix.catalogue.packages import Choice, Local, unconfirmed
from bpfdoctor.fix.catalogue.tables import Manager, require_plain
from bpfdoctor.fix.managers.base import PackageManager
from bpfdoctor.fix.managers.registry import MANAGERS
from bpfdoctor.fix.plan import Step, StepKind
from bpfdoctor.fix.planning.repositories import Known
from bpfdoctor.host.question import Host
from bpfdoctor.model import Run

PACKAGES = "packages"
"""The id of the one step that installs."""


class Transaction:
    """What is gathered for one transaction; packages and repositories each with their findings."""

    def __init__(self, host: Host, here: Local) -> None:
        self.host = host
        self.known: PackageManager = MANAGERS[here.manager_name]
        self.commands: Manager = here.manager
        self.stale = self.known.stale(host)
        self.empty = bool(self.known.empty(host))
        self.packages: dict[str, list[str]] = {}
        self.repositories: dict[str, tuple[Known, list[str]]] = {}
        self.notes: list[str] = []

    def want(self, choice: Choice | None, names: Sequence[str], why: list[str]) -> None:
        """Take packages along, for the findings `why`."""
        if names and choice is not None and choice.unverified:
            self.notes.append(unconfirmed(choice))
        for name in names:
            reasons = self.packages.setdefault(require_plain(name), [])
            reasons += [key for key in why if key not in reasons]

    def switch_on(self, known: Known, why: list[str]) -> None:
        """Switch a repository on first, for the findings `why`."""
        self.repositories.setdefault(known.key, (known, []))[1].extend(why)

    def steps(self) -> list[Step]:
        """What prepares for the installation, then the installation; none without a package."""
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
        for key, (known, why) in self.repositories.items():
            own = known.names.get("name", "")
            title = f"switch on {known.repository.title}{own and f': {own}'}"
            enable = known.filled(known.repository.enable)
            step = self._step(f"repository:{key}", "repository", title, enable)
            undo = known.filled(known.repository.disable)
            steps.append(replace(step, why=tuple(dict.fromkeys(why)), undo=undo))
        return steps

    def _refresh(self) -> list[Step]:
        if not self.commands.refresh or not (self.stale or self.repositories):
            return []
        reason = self.stale or "a repository is added"
        title, undo = f"refresh the package lists: {reason}", "nothing to take back"
        kind: StepKind = "install" if self.commands.upgrades else "refresh"
        if self.commands.upgrades:
            title = f"upgrade all that is installed, and refresh the package lists: {reason}"
            undo = "removes the packages that it added; what it upgraded stays upgraded"
        step = self._step("refresh", kind, title, self.commands.refresh)
        after = tuple(f"repository:{name}" for name in self.repositories)
        return [replace(step, after=after, undo_text=undo)]

    def _install(self, after: tuple[str, ...]) -> Step:
        names = tuple(self.packages)
        notes = list(dict.fromkeys(self.notes))
        if self.empty:
            notes.append(f"not yet confirmed that {self.known.name} has them: {self.stale}")
        title = "install 1 package" if len(names) == 1 else f"install {len(names)} packages"
        step = self._step(PACKAGES, "install", title, (*self.commands.install, *names))
        undo = f"removes exactly the packages that it added, with {' '.join(self.commands.remove)}"
        return replace(step, packages=names, notes=tuple(notes), undo_text=undo, after=after)

    def _step(self, name: str, kind: StepKind, title: str, argv: tuple[str, ...]) -> Step:
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
