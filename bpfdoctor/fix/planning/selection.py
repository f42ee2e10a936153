"""Which findings are to be repaired: what is needed, or what the user named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bpfdoctor.errors import BpfDoctorError, near_miss
from bpfdoctor.model import Reported, Status


def to_repair(findings: Iterable[Reported], ids: frozenset[str] = frozenset()) -> list[Reported]:
    """Needed failures; with `ids`, whatever of those ids or keys does not pass."""
    if not ids:
        return [each for each in findings if each.needed and each.status is Status.FAIL]
    wrong = (Status.FAIL, Status.WARN, Status.UNKNOWN)
    return [f for f in findings if (f.id in ids or f.key in ids) and f.status in wrong]


def require_known(findings: Iterable[Reported], names: Sequence[str]) -> None:
    """Raise BpfDoctorError for a key with an `[about]` that is none of these findings' keys."""
    keys = [each.key for each in findings]
    for name in names:
        if "[" in name and name not in keys:
            hint = near_miss(name, keys, "bpfdoctor check names what it found")
            raise BpfDoctorError(f"there is no finding called {name!r} here", hint)
