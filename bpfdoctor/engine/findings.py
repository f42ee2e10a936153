"""Findings by key, and the question that everything asks of them: which roots stand in the way?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bpfdoctor.api import ByHand, Finding, Instead, Status
from bpfdoctor.engine.load import check_of

OPEN = frozenset({Status.PASS, Status.WARN})
"""What does not stand in anyone's way."""


class Findings:
    """The findings of a run by key, and the ids of the checks that ran (also without finding)."""

    def __init__(self, ran: set[str] | None = None) -> None:
        self.by_key: dict[str, Finding] = {}
        self._of_check: dict[str, dict[str, Finding]] = {}
        self.ran: set[str] = ran or set()

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.by_key.values())

    def add(self, finding: Finding) -> None:
        """Add a finding; one of the same key is replaced."""
        self.by_key[finding.key] = finding
        self._of_check.setdefault(finding.id, {})[finding.key] = finding

    def matching(self, key: str) -> list[Finding]:
        """The findings that a need names.

        `id` means all of that check's; `id[about]` that one, and what the check said of itself as
        a whole (a crash, a skip).
        """
        wanted = check_of(key)
        whole = key == wanted
        return [
            finding
            for finding in self._of_check.get(wanted, {}).values()
            if whole or finding.key == key or not finding.about
        ]

    def blocking(self, keys: Iterable[str]) -> tuple[str, ...]:
        """Leave out the roots that another command gets around."""
        return tuple(key for key in self.roots(keys) if self.instead((key,)) is None)

    def instead(self, keys: Iterable[str]) -> Instead | None:
        """Join the commands that get around all these faults; None where one cannot be."""
        ways = [_way_round(self.by_key.get(key)) for key in keys]
        found: Instead | None = None
        for way in ways:
            if way is None:
                return None
            found = way if found is None else found.joined(way)
        return found

    def failed(self, key: str) -> bool:
        """Whether there is a finding of that key, and it failed."""
        finding = self.by_key.get(key)
        return finding is not None and finding.status is Status.FAIL

    def roots(self, keys: Iterable[str]) -> tuple[str, ...]:
        """The keys behind whatever of `keys` is not open: a skip stands for what blocks it."""
        found: dict[str, None] = {}
        for key in keys:
            for finding in self.matching(key):
                if finding.status not in OPEN:
                    found.update(dict.fromkeys(self._root_of(finding)))
        return tuple(found)

    def _root_of(self, finding: Finding, depth: int = 0) -> tuple[str, ...]:
        if not finding.blocked_by or depth > len(self.by_key):
            return (finding.key,)
        found: dict[str, None] = {}
        for key in finding.blocked_by:
            behind = self.by_key.get(key)
            if behind is None:
                found[key] = None
            elif behind.status not in OPEN:
                found.update(dict.fromkeys(self._root_of(behind, depth + 1)))
        return tuple(found)


def _way_round(finding: Finding | None) -> Instead | None:
    """Name the command that gets around a fault; None for none, or without a fault."""
    if finding is None or finding.status is not Status.FAIL:
        return None
    ways = (fix.instead for fix in finding.fixes if isinstance(fix, ByHand))
    return next((way for way in ways if way is not None), None)
