"""What a smoke saw, as data."""

from __future__ import annotations

import msgspec

from bpfdoctor.model import Evidence, Instead, Stage


class Outcome(msgspec.Struct, frozen=True):
    """One stage of one program, for real.

    `happened`: True when it was seen to work, False when it was seen to fail, None when it could
    not be tried or seen (`summary` says why). `seen` keeps the lines that show it, whole.
    `broke_at`: what a build broke at (`build_failure`), the same for all that one thing breaks;
    `log` what make said of it.
    """

    stage: Stage
    happened: bool | None
    summary: str
    seen: tuple[Evidence, ...] = ()
    broke_at: frozenset[str] = frozenset()
    log: str = ""


class Observed(msgspec.Struct, frozen=True):
    """The stages of one program that were tried, in order; none after one that did not happen.

    `instead`: it was not built as the user would build it, but with this. `object` is the BPF
    object that the build made, empty where there is none.
    """

    program: str
    outcomes: tuple[Outcome, ...]
    instead: Instead | None = None
    object: str = ""
