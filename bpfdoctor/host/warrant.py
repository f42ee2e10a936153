"""What one run may ask root: told once by the parent, before any question, and frozen.

Without a smoke test root runs nothing of the user's, neither a program nor code in the kernel. With
one it runs what the parent was granted by a build of its own, and nothing else. Whatever is asked
stays within the closed list (`bpfdoctor.host.root_questions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from bpfdoctor.host.catalog import name_of
from bpfdoctor.host.grant import Grant, grant_of
from bpfdoctor.host.root_questions import CLOSED_LIST, outside
from bpfdoctor.typed import from_plain

if TYPE_CHECKING:
    from bpfdoctor.host.question import Question

SMOKE = "--smoke"
"""The one argument of the privileged process: this run builds, and root may run what is built."""

GRANTED = {"RunProgram": ("binary", "sha256"), "Fire": ("code", "map_references")}
"""What is only asked in a smoke test, and its fields that a grant must have named."""

MOST_GRANTS = 1000
"""Programs of one run."""


class Warrant(msgspec.Struct, frozen=True):
    """What a run may ask. `smoke`: it may have programs run, once each was granted."""

    smoke: bool = False

    @classmethod
    def told(cls, arguments: Sequence[str]) -> Warrant:
        """The warrant in the arguments of the privileged process. Raises ValueError."""
        if list(arguments) not in ([], [SMOKE]):
            raise ValueError(f"it takes {SMOKE} or nothing")
        return cls(smoke=bool(arguments))

    @property
    def arguments(self) -> tuple[str, ...]:
        """How the privileged process is told: sudo logs them, and a rule of sudoers names them."""
        return (SMOKE,) if self.smoke else ()


class Grants:
    """A warrant, and what has been granted under it so far. Safe under threads."""

    def __init__(self, warrant: Warrant) -> None:
        self.warrant = warrant
        self._granted: frozenset[Grant] = frozenset()

    def add(self, plain: Any) -> None:
        """Take a grant of the parent's; one that is none, or beyond the warrant, grants nothing."""
        try:
            grant = from_plain(plain, Grant)
            known = self._granted | {grant_of(grant.ask, grant.named)}
        except (TypeError, ValueError):
            return
        if self.warrant.smoke and len(known) <= MOST_GRANTS:
            self._granted = known

    def refusal(self, question: Question[Any]) -> str:
        """Why root does not put a question; empty where it does."""
        kind = name_of(type(question))
        if not question.privileged or kind not in CLOSED_LIST:
            return "only questions that depend on privilege are put as root"
        if kind in GRANTED and not self.warrant.smoke:
            return "without a smoke test nothing is run as root"
        if kind in GRANTED and _named_by(question, kind) not in self._granted:
            return "root runs only what this run has built"
        beyond = outside(question)
        return f"root does not put it: its {beyond} is beyond what bpfdoctor asks" if beyond else ""


def _named_by(question: Question[Any], kind: str) -> Grant:
    return grant_of(kind, [getattr(question, name) for name in GRANTED[kind]])
