"""To what a program raises RLIMIT_MEMLOCK, where it ends if it may not.

This is the one thing read of a loader that accuses. So it is certain only of one call, which `main`
makes in any case, to a limit that is written there, and whose failure ends the program. Where the
program certainly carries on, it is nothing; all between may be either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from bpfdoctor.host.c_source.code import Assignment, SourceCall, SourceCode
from bpfdoctor.host.c_source.failure import Failure
from bpfdoctor.host.c_source.numbers import value_of

INFINITY = -1
_CALLS = {"setrlimit": (0, 1), "setrlimit64": (0, 1), "prlimit": (1, 2), "prlimit64": (1, 2)}
"""By function, which of its arguments are the resource and the limit."""
KNOWN = (*_CALLS, "getrlimit", "getrlimit64")
"""The functions of the C library that take the name of a limit."""
MEMLOCK = "RLIMIT_MEMLOCK"
_OURSELVES = ("0", "getpid()")
_INFINITE = frozenset(
    (
        "RLIM_INFINITY",
        "RLIM64_INFINITY",
        "(rlim_t)RLIM_INFINITY",
        "(rlim_t)-1",
        "-1",
        "~0UL",
        "~0ULL",
    )
)
_RLIMIT = re.compile(r"&?\(structrlimit(?:64)?\)")


class Raised(NamedTuple):
    """A limit in bytes (-1: infinity) that a program raises; None where it raises none.

    It ends where it may not; `unsure`: it may carry on then, and the limit may be another.
    """

    limit: int | None = None
    unsure: bool = False


def raised_to(code: SourceCode) -> Raised:
    """To what the program raises the limit, where it may insist on that."""
    failure = Failure(code)
    made = (call for call in code.calls if call.name in _CALLS and _is_used(code, call.function))
    calls = [call for call in made if _is_memlock(code, call)]
    counting = _named_otherwise(code) or not all(map(failure.is_ignored, calls))
    limit = _limit(code, calls[0]) if len(calls) == 1 else None
    if limit is not None and failure.ends_the_program(calls[0]):
        return Raised(limit)
    return Raised(INFINITY if limit is None else limit, unsure=True) if counting else Raised()


def _named_otherwise(code: SourceCode) -> bool:
    """Whether this limit is named where nothing is read: in a variable, for syscall(2)."""
    known = [call for call in code.calls if call.name in KNOWN]
    read = {at for call in known for at in range(call.at, code.shut.get(call.at + 1, call.at))}
    return any(word == MEMLOCK and at not in read for at, word in enumerate(code.words))


def _is_used(code: SourceCode, function: str) -> bool:
    """Whether a function is named anywhere but where it is defined."""
    called = code.words.count(function) > 1 or "constructor" in code.words
    return called or function in ("main", "")


def _is_memlock(code: SourceCode, call: SourceCall) -> bool:
    """Whether it sets this limit; one that is only asked for (prlimit with NULL) is not set."""
    resource, limit = _CALLS[call.name]
    given = [_text(code, *place) for place in call.arguments]
    if len(given) <= limit or (resource and given[0] not in _OURSELVES):
        return False
    return given[resource].strip("()") == MEMLOCK and given[limit] not in ("NULL", "0")


def _text(code: SourceCode, start: int, end: int) -> str:
    return "".join(code.words[start:end])


def _limit(code: SourceCode, call: SourceCall) -> int | None:
    """The value of the struct that a call is given: both of its halves must be written."""
    start, end = call.arguments[_CALLS[call.name][1]]
    compound = _RLIMIT.fullmatch(_text(code, start, max(start, _brace(code, start, end))))
    if compound:
        halves = [_initialised(code, _brace(code, start, end))]
    elif end - start == 2 and code.words[start] == "&":
        halves = list(_written(code, call, code.words[start + 1]))
    else:
        return None
    soft = {each[0] for each in halves if each[0] is not None}
    hard = {each[1] for each in halves if each[1] is not None}
    if len(soft) != 1 or len(hard) != 1 or UNREAD in soft | hard:
        return None
    return hard.pop()


UNREAD = -2
"""A half that is given something else than a number."""
Halves = tuple[int | None, int | None]
"""The soft and the hard limit; None for one that is not given."""


def _brace(code: SourceCode, start: int, end: int) -> int:
    return next((at for at in range(start, end) if code.words[at] == "{"), -1)


def _written(code: SourceCode, call: SourceCall, name: str) -> Iterator[Halves]:
    """What a variable of this function, or of the file, is given."""
    for each in code.assignments:
        if each.name == name and each.function in ("", call.function):
            yield _assigned(code, each)
    if _may_be_another(code, name):
        yield UNREAD, UNREAD
    for other in code.calls:
        for start, end in other.arguments:
            if other != call and _text(code, start, end) == f"&{name}":
                yield UNREAD, UNREAD  # getrlimit(2) fills it, or who knows what


def _may_be_another(code: SourceCode, name: str) -> bool:
    """Whether it is changed by another operator than `=`, or through a pointer."""
    words = code.words
    for at, word in enumerate(words):
        if word != name:
            continue
        if words[at - 1] == "&" and words[at - 2] not in ("(", ","):
            return True
        if words[at + 1 : at + 2] == ["."] and _CHANGES.match("".join(words[at + 3 : at + 6])):
            return True
    return False


_CHANGES = re.compile(r"(?:[-+*/%&|^]|<<|>>)=|\+\+|--")
"""Other operators than `=` that give what is left of them a value."""


def _assigned(code: SourceCode, given: Assignment) -> Halves:
    value = given.start
    if not given.field and code.words[value] == "{":
        return _initialised(code, value)
    for at in range(given.start, given.end):  # r.rlim_cur = r.rlim_max = …
        value = at + 1 if code.words[at] == "=" else value
    limit = _number(code, value, given.end)
    if given.field == "rlim_cur":
        return limit, None
    return (None, limit) if given.field == "rlim_max" else (UNREAD, UNREAD)


def _initialised(code: SourceCode, brace: int) -> Halves:
    """`{ soft, hard }`, or with their names."""
    halves: dict[str, int] = {}
    for number, (start, end) in enumerate(code.parts(brace + 1, code.shut.get(brace, brace))):
        if code.words[start] == "." and code.words[start + 2 : start + 3] == ["="]:
            halves[code.words[start + 1]] = _number(code, start + 3, end)
        else:
            halves["rlim_max" if number else "rlim_cur"] = _number(code, start, end)
    return halves.get("rlim_cur", UNREAD), halves.get("rlim_max", UNREAD)


def _number(code: SourceCode, start: int, end: int) -> int:
    words = code.words[start:end]
    while len(words) > 2 and words[0] == "(" and code.shut.get(start) == end - 1:
        start, end = start + 1, end - 1
        words = code.words[start:end]
    if "".join(words) in _INFINITE:
        return INFINITY
    value = value_of(words)
    if value is None:
        return UNREAD
    if value < 1 << 63:
        return value
    return INFINITY if value == (1 << 64) - 1 else UNREAD
