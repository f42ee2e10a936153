"""Read off the C of a loader what it does with its BPF programs and maps."""

from __future__ import annotations

import msgspec

from bpfdoctor.host.c_source.code import SourceCode
from bpfdoctor.host.c_source.loader import ANYTHING, Loader
from bpfdoctor.host.c_source.macros import words_of
from bpfdoctor.host.c_source.memlock_limit import raised_to
from bpfdoctor.host.c_source.programs import Expressions
from bpfdoctor.host.c_source.steps import StepLimit, TooMuchError
from bpfdoctor.host.c_source.text import lines_of, uncommented
from bpfdoctor.host.c_source.uses import (
    BY_HAND,
    CHANGED,
    OPTIONAL,
    RETARGETED,
    SIZED,
    Uses,
    files_opened,
)

MOST_STEPS = 1_500_000


def read_loader(texts: list[str]) -> Loader:
    """What a loader does whose sources are these; the first is the program's own."""
    steps = StepLimit(MOST_STEPS)
    bare = [uncommented(text) for text in texts]
    try:
        code = SourceCode([word for each in bare for word in _words(each, steps)], steps)
        uses = Uses(code, Expressions(code, steps), steps)
        limit = _memlock(bare[0], steps) if bare else None
    except TooMuchError:
        return msgspec.structs.replace(ANYTHING, unread="more steps than are spent on it")
    return Loader(
        *uses.programs(OPTIONAL),
        *uses.programs(BY_HAND),
        *uses.programs(RETARGETED),
        *uses.programs(CHANGED),
        *uses.maps(SIZED),
        limit,
        (*uses.opened, *files_opened(code)),
    )


def _memlock(text: str, steps: StepLimit) -> int | None:
    """The limit that is raised whatever `#if` says: the same with and without what lies below."""
    told = {
        raised_to(SourceCode(_words(text, steps, certain=each), steps)) for each in (True, False)
    }
    return told.pop() if len(told) == 1 else None


def _words(text: str, steps: StepLimit, *, certain: bool = False) -> list[str]:
    return words_of(lines_of(text, certain=certain), steps)
