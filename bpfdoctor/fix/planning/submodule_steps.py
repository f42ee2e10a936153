"""The steps that fill one submodule: nothing that may be somebody's work is overwritten by them."""

from __future__ import annotations

import os

from bpfdoctor.fix.plan import Step
from bpfdoctor.host.git.plumbing import PLUMBING
from bpfdoctor.host.git.submodule import Submodule
from bpfdoctor.host.question import Host
from bpfdoctor.host.system.free_name import free_name
from bpfdoctor.host.tools.commands import Completed, RunCommand

CAREFUL = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor="),
    *("-c", "protocol.ext.allow=never"),
    *("-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60"),
)
"""No program of the tree's own; a server that falls silent for a minute is given up."""
SUBMODULE_UPDATE = ("submodule", "update", "--init", "--recursive", "--checkout", "--progress")
"""`--checkout` outranks a `submodule.*.update` that names a command."""


class SubmoduleSteps:
    """One submodule of the work tree `tree`, whose repository is `repository`."""

    def __init__(
        self, host: Host, tree: str, repository: str, submodule: Submodule, why: tuple[str, ...]
    ) -> None:
        self.host, self.tree, self.repository, self.why = host, tree, repository, why
        self.submodule = submodule
        self.place = f"{tree}/{submodule.path}"

    def fetch(self) -> list[Step]:
        """Fetch it; what a cut-off fetch left is set aside before, a new address taken over."""
        before = [*self._aside(), *self._sync()]
        submodule = self.submodule
        # git sees the right commit and stops; nothing but .git is there that could be overwritten
        force = submodule.place == "bare" and submodule.commit == submodule.pinned
        new = not self._known() and submodule.place != "bare"
        update = self._step(
            f"submodule:{self.place}",
            f"fetch the submodule {submodule.path} from {submodule.url}",
            self._git(*SUBMODULE_UPDATE, *(("--force",) if force else ()), "--", submodule.path),
            undo=self._git("submodule", "deinit", "--", submodule.path) if new else (),
            undo_text="it was registered before: its files stay",
            after=tuple(step.id for step in before),
            notes=(self._what_stays(),) if new else (),
        )
        return [*before, update]

    def restore(self) -> list[Step]:
        """Write its absent files again, as git's index has them; no commit is left for another."""
        step = self._step(
            f"restore:{self.place}",
            f"write the {self.submodule.absent} absent files of {self.submodule.path} again",
            ("git", "-C", self.place, *CAREFUL, "checkout", "--", "."),
            undo_text="nothing to take back: they are as git has them",
        )
        return [step]

    def _aside(self) -> list[Step]:
        """Move away what git would take for a finished fetch, and the `.git` that points to it."""
        if not self.submodule.half:
            return []
        kept = self.submodule.kept
        aside = free_name(self.host, f"{kept}.cut-off")
        steps = [
            self._step(
                f"aside:{self.place}",
                f"set aside the half of {self.submodule.path} that a cut-off fetch left",
                ("mv", "-T", "--", kept, aside),
                undo_text=f"no commit is in it; it stays at {aside} until you remove it",
            )
        ]
        if self.submodule.place == "bare":
            steps += [
                self._step(
                    f"pointer:{self.place}",
                    f"and with it the .git of {self.submodule.path}, which points there",
                    ("mv", "-T", "--", f"{self.place}/.git", f"{aside}/work-tree.git"),
                    undo_text=f"it is kept as {aside}/work-tree.git",
                    after=(steps[0].id,),
                )
            ]
        return steps

    def _sync(self) -> list[Step]:
        """Where `.git/config` knows another address than `.gitmodules`: the upstream has moved."""
        known, submodule = self._known(), self.submodule
        if not known or submodule.url.startswith(".") or known == submodule.url:
            return []
        step = self._step(
            f"sync:{self.place}",
            f"take the address of {submodule.path} from .gitmodules (it was {known})",
            self._git("submodule", "sync", "--", submodule.path),
            undo=self._git("config", f"submodule.{submodule.name}.url", known),
        )
        return [step]

    def _known(self) -> str:
        """The address that `.git/config` has for it; empty where it is not registered."""
        key = f"submodule.{self.submodule.name}.url"
        argv = (*PLUMBING, "-C", self.tree, "config", "--local", "--get", key)
        answer = self.host.ask(RunCommand(argv, owner_of=self.tree))
        return answer.stdout.strip() if isinstance(answer, Completed) and answer.ok else ""

    def _what_stays(self) -> str:
        kept = os.path.join(self.repository, "modules", self.submodule.name)
        return (
            f"to undo it empties {self.place}; what was fetched stays in {kept}, with any commit "
            "of yours, until you remove that yourself"
        )

    def _git(self, *arguments: str) -> tuple[str, ...]:
        return ("git", "-C", self.tree, *CAREFUL, *arguments)

    def _step(  # noqa: PLR0913  (fields of a step)
        self,
        step_id: str,
        title: str,
        argv: tuple[str, ...],
        *,
        undo: tuple[str, ...] = (),
        undo_text: str = "",
        after: tuple[str, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> Step:
        return Step(
            id=step_id,
            kind="submodule",
            title=title,
            argv=argv,
            why=self.why,
            owner_of=self.tree,
            undo=undo,
            undo_text="" if undo else undo_text,
            after=after,
            notes=notes,
        )
