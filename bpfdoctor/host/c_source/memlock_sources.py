"""The limit that a loader raises, in its own source or in a function of one that lies beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from bpfdoctor.host.c_source.code import SourceCode
from bpfdoctor.host.c_source.macros import words_in
from bpfdoctor.host.c_source.memlock_limit import INFINITY, KNOWN, MEMLOCK, Raised, raised_to
from bpfdoctor.host.c_source.steps import StepLimit
from bpfdoctor.host.c_source.text import uncommented

Others = Callable[[Sequence[str]], Iterable[str]]
"""Finds the sources beside a loader that hold all of some words."""


def nothing_else(words: Sequence[str]) -> Iterable[str]:
    """No source beside it."""
    return ()


MOST_NAMES = 4
"""Functions of others that are looked for."""


def limit_of(text: str, others: Others, steps: StepLimit) -> Raised:
    """The limit that is raised whatever `#if` says: the same with and without what lies below."""
    beside = ""
    for name in _called_elsewhere(SourceCode(words_in(text, steps), steps))[:MOST_NAMES]:
        found = map(uncommented, others((MEMLOCK, name)))
        defining = list(islice((each for each in found if _defines(each, name, steps)), 2))
        if len(defining) > 1:  # the makefile says which
            return Raised(INFINITY, unsure=True)
        beside = "\n".join(dict.fromkeys((beside, *defining)))
    text = f"{text}\n{beside}"
    told = {
        raised_to(SourceCode(words_in(text, steps, certain=each), steps)) for each in (True, False)
    }
    limits = {each.limit for each in told} - {None}
    if len(told) == 1 or not limits:
        return told.pop()
    return Raised(limits.pop() if len(limits) == 1 else INFINITY, unsure=True)


def _defines(text: str, name: str, steps: StepLimit) -> bool:
    """Whether a function of that name is written here, and no program of its own."""
    code = SourceCode(words_in(text, steps), steps)
    defined = {each.name: each for each in code.functions}
    if name not in defined or "main" in defined:
        return False
    begin = defined[name].start
    while begin > 0 and code.words[begin - 1] not in (";", "}"):
        begin -= 1
    return "static" not in code.words[begin : defined[name].start]  # that is nobody else's


def _called_elsewhere(code: SourceCode) -> tuple[str, ...]:
    """The functions that it calls and does not define, and that raise a limit by their names."""
    defined = {each.name for each in code.functions}
    names = dict.fromkeys(call.name for call in code.calls if call.name not in defined)
    asked = (name for name in names if "memlock" in name or "rlimit" in name)
    return tuple(name for name in asked if name not in KNOWN)
