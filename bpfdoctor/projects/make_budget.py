"""How much work a makefile may ask for: it is given up where it asks for more.

Steps are characters that are looked at or made, and a few for each thing that is done at all; so a
makefile of a kilobyte that would take a day ends as soon as one of a megabyte does.
"""

from __future__ import annotations

from bpfdoctor.projects.make_values import NotFollowed

PATIENCE = 4_000_000
"""Steps before a makefile is given up: libbpf-bootstrap's takes 34,000; all take a second."""
EACH = 16
"""Steps that doing anything takes, however little it looks at."""
ASKED = 16
"""Steps for each character of a command whose output is worked out."""


class Budget:
    """What is left of the steps that one makefile may take, its values included."""

    def __init__(self, steps: int = PATIENCE) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Take steps before they are done. Raises NotFollowed where there are too few."""
        self.left -= steps + EACH
        if self.left < 0:
            raise NotFollowed("more than bpfdoctor works out")


def steps_of(name: str, arguments: list[str]) -> int:
    """What one of make's functions of text looks at and makes, at the most."""
    long = sum(map(len, arguments))
    if name in ("addprefix", "addsuffix"):
        return long + len(arguments[0]) * _words(arguments[1])
    if name in ("filter", "filter-out"):
        return long + _words(arguments[0]) * _words(arguments[1])
    if name == "patsubst":
        return long + steps_of_substitution(*arguments)
    if name == "subst":
        return long + len(arguments[1]) * arguments[2].count(arguments[0] or "\0")
    return long


def steps_of_substitution(pattern: str, replacement: str, text: str) -> int:
    """The same of `$(patsubst …)` and `$(X:a=b)`: the replacement for each word."""
    return (len(pattern) + len(replacement)) * _words(text)


def _words(text: str) -> int:
    return len(text.split())
