"""make's functions that look at variables, expand some arguments only, or ask something else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from bpfdoctor.projects.make_budget import steps_of
from bpfdoctor.projects.make_functions import FUNCTIONS, absolute
from bpfdoctor.projects.make_marks import first_mark, unmarked
from bpfdoctor.projects.make_values import AUTOMATIC, NotFollowed, Variable


class Expander(Protocol):
    """What a function needs of who calls it."""

    doubt: str
    variables: dict[str, Variable]
    evaluate: Callable[[str], None]

    def spend(self, steps: int) -> None:
        """Count work."""

    def expand(self, text: str) -> str:
        """Text with its references replaced."""

    def perhaps(self, text: str, why: str) -> None:
        """Expand what make may expand, or not."""

    def lookup(self, name: str) -> Variable | None:
        """A variable."""

    def variable(self, name: str) -> str:
        """What it is worth."""

    def mark(self, reason: str) -> str:
        """What stands for text that is not known."""

    def reason_in(self, text: str) -> str:
        """Why a text is not known."""

    def shell(self, command: str, whole: str = "") -> str:
        """What a command prints."""

    def on_text(self, function: Callable[..., str], *arguments: str) -> str:
        """A function of text."""

    def with_arguments(self, given: list[str], text: str) -> str:
        """Text with arguments in it."""

    def shortened(self, text: str, name: str) -> str:
        """Text as long as a value may be."""


Call = Callable[[Expander, list[str], str], str]


def _if(on: Expander, arguments: list[str], _: str) -> str:
    condition = on.expand(arguments[0].strip())
    branches = [*arguments[1:], "", ""][:2]
    mark = first_mark(condition)
    if not mark or condition.replace(mark, "").strip():
        return on.expand(branches[0] if condition else branches[1])
    for each in branches:
        on.perhaps(each, on.reason_in(mark))
    return mark


def _first_of(on: Expander, arguments: list[str], _: str, *, wanted: bool) -> str:
    """The first argument that is not empty (`or`), or that is (`and`); else the last."""
    value = unknown = ""
    for each in arguments:
        if unknown:
            on.perhaps(each, on.reason_in(unknown))
            continue
        value = on.expand(each.strip())
        if first_mark(value):
            unknown = first_mark(value)
        elif bool(value) == wanted:
            return value
    return unknown or ("" if wanted else value)


def _foreach(on: Expander, arguments: list[str], whole: str) -> str:
    if len(arguments) < 3:
        raise NotFollowed(f"{whole}, which lacks an argument")
    name, words = on.expand(arguments[0]).strip(), on.expand(arguments[1])
    if mark := first_mark(name, words):
        on.perhaps(arguments[2], on.reason_in(mark))
        return mark
    before = on.variables.get(name)
    values = []
    for word in words.split():
        on.variables[name] = Variable(word, simple=True)
        values.append(on.expand(arguments[2]))
    on.variables.pop(name, None)
    if before is not None:
        on.variables[name] = before
    return on.shortened(" ".join(values), whole)


def _call(on: Expander, arguments: list[str], whole: str) -> str:
    given = [on.expand(each) for each in arguments]
    given[0] = given[0].strip()
    name = given[0]
    if on.reason_in(name):
        raise NotFollowed(on.reason_in(name))
    if name in FUNCTIONS and len(given) - 1 == FUNCTIONS[name][0]:
        on.spend(steps_of(name, given[1:]))
        return on.on_text(FUNCTIONS[name][1], *given[1:])
    if name in FUNCTIONS or name in CALLS:
        raise NotFollowed(whole)
    known = on.lookup(name)
    if known is None or known.simple:
        return known.text if known else ""
    return on.with_arguments(given, known.text)


def _eval(on: Expander, arguments: list[str], _: str) -> str:
    on.evaluate(on.expand(arguments[0]))
    return ""


def _about(on: Expander, arguments: list[str], _: str, *, say: Callable[[Variable], str]) -> str:
    """`origin`, `flavor`: what is said of a variable, unless whose it is is not known."""
    name = on.expand(arguments[0]).strip()
    known = on.lookup(name)
    mark = first_mark(name, known.text if known and known.simple else "")
    if mark:
        return mark
    return say(known) if known else "undefined"


def _origin(on: Expander, arguments: list[str], whole: str) -> str:
    automatic = on.expand(arguments[0]).strip() in AUTOMATIC
    return "automatic" if automatic else _about(on, arguments, whole, say=lambda each: each.origin)


def _flavor(known: Variable) -> str:
    return "simple" if known.simple else "recursive"


def _value(on: Expander, arguments: list[str], _: str) -> str:
    name = on.expand(arguments[0]).strip()
    known = on.lookup(name)
    return first_mark(name) or (known.text if known else "")


def _abspath(on: Expander, arguments: list[str], _: str) -> str:
    text, here = on.expand(arguments[0]), on.variable("CURDIR")
    on.spend(len(here) * len(text.split()))
    return first_mark(here, text) or " ".join(absolute(word, here) for word in text.split())


def _error(on: Expander, arguments: list[str], whole: str) -> str:
    on.expand(arguments[0])
    if not on.doubt:
        raise NotFollowed(whole)
    return ""


def _said(on: Expander, arguments: list[str], _: str) -> str:
    on.expand(arguments[0])
    return ""


def _shell(on: Expander, arguments: list[str], whole: str) -> str:
    return on.shell(on.expand(arguments[0]), unmarked(whole))


def _asks(on: Expander, arguments: list[str], whole: str) -> str:
    """What takes its value from elsewhere."""
    on.expand(arguments[0])
    return on.mark(whole)


def _not_followed(on: Expander, _: list[str], whole: str) -> str:
    return on.mark(whole)


CALLS: dict[str, tuple[int, Call]] = {
    "abspath": (1, _abspath),
    "and": (0, partial(_first_of, wanted=False)),
    "call": (0, _call),
    "error": (1, _error),
    "eval": (1, _eval),
    "file": (0, _not_followed),
    "flavor": (1, partial(_about, say=_flavor)),
    "foreach": (3, _foreach),
    "guile": (0, _not_followed),
    "if": (3, _if),
    "info": (1, _said),
    "intcmp": (0, _not_followed),
    "let": (0, _not_followed),
    "or": (0, partial(_first_of, wanted=True)),
    "origin": (1, _origin),
    "realpath": (1, _asks),
    "shell": (1, _shell),
    "value": (1, _value),
    "warning": (1, _said),
    "wildcard": (1, _asks),
    "wordlist": (3, _not_followed),
}
"""By name: how many arguments it takes (0: any number), and what it does."""
