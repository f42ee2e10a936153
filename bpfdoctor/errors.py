"""The one error that a user caused and can mend, and the hint at a name that was meant."""

from __future__ import annotations

from collections.abc import Iterable


class BpfDoctorError(Exception):
    """Wrong usage or configuration: one clear sentence, and what to do about it.

    Caught once, in `bpfdoctor.cli`, and turned into exit status 2.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UndeterminedError(BpfDoctorError):
    """What could not be found out in time, in one clear sentence: exit status 3, not 2."""


def near_miss(name: str, known: Iterable[str], otherwise: str) -> str:
    """The hint at the one of `known` that comes near `name`; `otherwise` where none does."""
    import difflib  # only once something went wrong

    near = difflib.get_close_matches(name, list(known), 1)
    return f"did you mean {near[0]}?" if near else otherwise
