"""Read off the C of a loader what it does with its BPF programs and maps."""

from __future__ import annotations

import msgspec

from bpfdoctor.host.c_source.code import SourceCode
from bpfdoctor.host.c_source.loader import ANYTHING, Loader
from bpfdoctor.host.c_source.macros import words_in
from bpfdoctor.host.c_source.memlock_limit import Raised
from bpfdoctor.host.c_source.memlock_sources import Others, limit_of, nothing_else
from bpfdoctor.host.c_source.programs import Expressions
from bpfdoctor.host.c_source.steps import StepLimit, TooMuchError
from bpfdoctor.host.c_source.text import uncommented
from bpfdoctor.host.c_source.uses import (
    BY_HAND,
    CHANGED,
    OPTIONAL,
    RETARGETED,
    SIZED,
    Uses,
    brings_btf,
    files_opened,
)

MOST_STEPS = 1_500_000


def read_loader(texts: list[str], others: Others = nothing_else) -> Loader:
    """What a loader does whose sources are these; the first is the program's own.

    `others` finds sources of functions that it calls, which raise a limit.
    """
    steps = StepLimit(MOST_STEPS)
    bare = [uncommented(text) for text in texts]
    try:
        code = SourceCode([word for each in bare for word in words_in(each, steps)], steps)
        uses = Uses(code, Expressions(code, steps), steps)
        limit = limit_of(bare[0], others, steps) if bare else Raised()
    except TooMuchError:
        return msgspec.structs.replace(ANYTHING, unread="more steps than are spent on it")
    return Loader(
        *uses.programs(OPTIONAL),
        *uses.programs(BY_HAND),
        *uses.programs(RETARGETED),
        *uses.programs(CHANGED),
        *uses.maps(SIZED),
        *limit,
        brings_btf(code),
        (*uses.opened, *files_opened(code)),
    )
