"""Read off the C of a loader what it does with its BPF programs and maps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import msgspec

from bpfdoctor.host.c_source.code import SourceCode
from bpfdoctor.host.c_source.loader import ANYTHING, Loader
from bpfdoctor.host.c_source.macros import words_of
from bpfdoctor.host.c_source.memlock_limit import (
    INFINITY,
    MEMLOCK,
    Raised,
    called_elsewhere,
    raised_to,
)
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
    brings_btf,
    files_opened,
)

Others = Callable[[Sequence[str]], Iterable[str]]
"""Finds the sources beside a loader that hold all of some words."""


def nothing_else(words: Sequence[str]) -> Iterable[str]:
    """No source beside it."""
    return ()


MOST_STEPS = 1_500_000

MOST_NAMES = 4
"""Functions of others that are looked for."""


def read_loader(texts: list[str], others: Others = nothing_else) -> Loader:
    """What a loader does whose sources are these; the first is the program's own.

    `others` finds sources of functions that it calls, which raise a limit.
    """
    steps = StepLimit(MOST_STEPS)
    bare = [uncommented(text) for text in texts]
    try:
        code = SourceCode([word for each in bare for word in _words(each, steps)], steps)
        uses = Uses(code, Expressions(code, steps), steps)
        limit = _memlock(bare[0], others, steps) if bare else Raised()
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


def _memlock(text: str, others: Others, steps: StepLimit) -> Raised:
    """The limit that is raised whatever `#if` says: the same with and without what lies below."""
    beside = ""
    for name in called_elsewhere(SourceCode(_words(text, steps), steps))[:MOST_NAMES]:
        found = map(uncommented, others((MEMLOCK, name)))
        defining = list(islice((each for each in found if _defines(each, name, steps)), 2))
        if len(defining) > 1:  # the makefile says which
            return Raised(INFINITY, unsure=True)
        beside = "\n".join(dict.fromkeys((beside, *defining)))
    text = f"{text}\n{beside}"
    told = {
        raised_to(SourceCode(_words(text, steps, certain=each), steps)) for each in (True, False)
    }
    limits = {each.limit for each in told} - {None}
    if len(told) == 1 or not limits:
        return told.pop()
    return Raised(limits.pop() if len(limits) == 1 else INFINITY, unsure=True)


def _defines(text: str, name: str, steps: StepLimit) -> bool:
    """Whether a function of that name is written here, and no program of its own."""
    code = SourceCode(_words(text, steps), steps)
    defined = {each.name: each for each in code.functions}
    if name not in defined or "main" in defined:
        return False
    begin = defined[name].start
    while begin > 0 and code.words[begin - 1] not in (";", "}"):
        begin -= 1
    return "static" not in code.words[begin : defined[name].start]  # that is nobody else's


def _words(text: str, steps: StepLimit, *, certain: bool = False) -> list[str]:
    return words_of(lines_of(text, certain=certain), steps)
