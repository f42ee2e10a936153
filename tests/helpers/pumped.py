"""Strings that a slow regular expression is slow at, made of the expression's own characters.

Whoever imports this may make them; run as a program, it tries expressions given as JSON on its
standard input, and the kernel ends it at the first that takes too long (see `too_slow`).
"""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

SHORT, LONG = 8_000, 1_000_000
"""Characters: what takes four million steps of the short one takes for ever of the long one."""
SUSPECT, GROWTH = 0.001, 8
"""Seconds for a short string, and how many times those for a quarter of it: beyond both, the long
one is tried, and decides."""
MOST = 3.0
"""Seconds of this process's own time for one string: thousands of times what is needed."""

_parser: Any = importlib.import_module("re._parser" if sys.version_info >= (3, 11) else "sre_parse")
_ALPHABET = frozenset(chr(code) for code in (9, 10, *range(32, 127)))
_LIKED = "a0 _/.-:=\t\n\"'"
_CATEGORIES: dict[str, Callable[[str], bool]] = {
    "DIGIT": str.isdigit,
    "SPACE": str.isspace,
    "WORD": lambda character: character.isalnum() or character == "_",
}
_NO_LETTER = "\x01"


class Expression(NamedTuple):
    """A regular expression of ours, and how it is used: `search`, `fullmatch`, `sub` …"""

    where: str
    pattern: str
    flags: int
    methods: tuple[str, ...]

    @property
    def compiled(self) -> re.Pattern[str]:
        """As Python has it."""
        return re.compile(self.pattern, self.flags)


class Hostile(NamedTuple):
    """What a string is made of: `pump` is what there is much of."""

    before: str
    pump: str
    after: str
    together: bool

    def of_length(self, length: int) -> str:
        """The pump many times behind what comes before it, or both of them many times."""
        if self.together:
            unit = self.before + self.pump
            return unit * max(length // len(unit), 1) + self.after
        return self.before + self.pump * max(length // len(self.pump), 1) + self.after


def hostile(expression: Expression) -> list[Hostile]:
    """Every combination of a repeat's own characters, what leads there, and what ends it badly."""
    tree = _parser.parse(expression.pattern, expression.flags)
    repeats = list(_repeats(tree, ""))
    classes = [characters for _, body in repeats for characters in _classes(body)]
    ends = ["", _NO_LETTER, "\n" + _NO_LETTER]
    ends += dict.fromkeys(_liked(_ALPHABET - each) for each in classes if _ALPHABET - each)
    made = (
        Hostile(before, pump, after, together)
        for before, body in repeats
        for pump in _pumps(body, classes)
        for after in dict.fromkeys(ends)
        for together in (False, True)
    )
    return list(dict.fromkeys(made))


def _repeats(nodes: Any, before: str) -> Iterator[tuple[str, Any]]:
    """Each repeat that has no end, with a string that leads to it."""
    for kind, value in nodes:
        name = str(kind)
        if "REPEAT" in name:
            if value[1] > 100:
                yield before, value[2]
            yield from _repeats(value[2], before)
        elif name == "SUBPATTERN":
            yield from _repeats(value[3], before)
        elif name == "ATOMIC_GROUP":
            yield from _repeats(value, before)
        elif name == "BRANCH":
            for each in value[1]:
                yield from _repeats(each, before)
        elif name in ("ASSERT", "ASSERT_NOT"):
            yield from _repeats(value[1], before)
        before += _sample([(kind, value)])


def _sample(nodes: Any) -> str:
    """A string that fits, as a rule; what looks around is left out."""
    return "".join(_one(str(kind), value) for kind, value in nodes)


def _one(name: str, value: Any) -> str:
    if "REPEAT" in name:
        return _sample(value[2]) * int(max(value[0], min(value[1], 1)))
    if name == "SUBPATTERN":
        return _sample(value[3])
    if name == "ATOMIC_GROUP":
        return _sample(value)
    if name == "BRANCH":
        return _sample(value[1][0])
    characters = _characters(name, value)
    return _liked(characters) if characters else ""


def _liked(characters: frozenset[str]) -> str:
    return min(characters, key=lambda each: ((_LIKED + each).index(each), each))


def _characters(name: str, value: Any) -> frozenset[str]:
    """The characters of the alphabet that one node takes; none for a node that takes none."""
    if name == "LITERAL":
        return frozenset(chr(value))
    if name == "NOT_LITERAL":
        return _ALPHABET - {chr(value)}
    if name == "ANY":
        return _ALPHABET
    if name != "IN":
        return frozenset()
    found = frozenset[str]().union(*(_of_set(str(kind), what) for kind, what in value))
    return _ALPHABET - found if str(value[0][0]) == "NEGATE" else found


def _of_set(name: str, value: Any) -> frozenset[str]:
    if name == "RANGE":
        return frozenset(each for each in _ALPHABET if value[0] <= ord(each) <= value[1])
    if name == "CATEGORY":
        word = str(value).removeprefix("CATEGORY_")
        fits = _CATEGORIES[word.removeprefix("NOT_")]
        return frozenset(each for each in _ALPHABET if fits(each) != word.startswith("NOT_"))
    return _characters(name, value)


def _classes(nodes: Any) -> Iterator[frozenset[str]]:
    """What each node of one character takes, wherever it stands."""
    for kind, value in nodes:
        name = str(kind)
        inner = {"BRANCH": 1, "SUBPATTERN": 3, "ASSERT": 1, "ASSERT_NOT": 1}.get(name)
        if "REPEAT" in name:
            yield from _classes(value[2])
        elif name == "BRANCH":
            for each in value[1]:
                yield from _classes(each)
        elif inner is not None:
            yield from _classes(value[inner])
        elif characters := _characters(name, value):
            yield characters


def _pumps(body: Any, classes: list[frozenset[str]]) -> list[str]:
    """What a repeat may have much of: also what another repeat would take in its place."""
    found = [_sample(body), "\n"]
    for own in _classes(body):
        found.append(_liked(own))
        found += [_liked(own & each) for each in classes if own & each]
        found += [_liked(own - each) for each in classes if own - each]
    return [each for each in dict.fromkeys(found) if each][:12]


def used(expression: Expression) -> list[Callable[[str], object]]:
    """What is done with a text, for each way in which the expression is used."""
    compiled = expression.compiled
    every: dict[str, Callable[[str], object]] = {
        "sub": lambda text: compiled.sub("", text),
        "finditer": lambda text: sum(1 for _ in compiled.finditer(text)),
    }
    return [every.get(each) or getattr(compiled, each) for each in expression.methods]


def too_slow(expressions: list[Expression], most: float = MOST) -> list[str]:
    """Where and with what string each is too slow, tried in a process that the kernel ends."""
    found: list[str] = []
    rest = expressions
    while rest:
        ended = subprocess.run(
            [sys.executable, __file__, str(most)],
            input=json.dumps(rest),
            capture_output=True,
            text=True,
            check=False,
        )
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGVTALRM, ended.stderr[-2000:]
        place, what = ended.stdout.splitlines()[-1].split(" ", 1)
        found.append(f"{rest[int(place)].where}: {rest[int(place)].pattern!r} with {what}")
        rest = rest[int(place) + 1 :]
    return found


def _try(place: int, what: Hostile, length: int, use: Callable[[str], object]) -> float:
    text = what.of_length(length)
    os.write(1, f"{place} {list(what)} of {length:,} characters\n".encode())
    signal.setitimer(signal.ITIMER_VIRTUAL, float(sys.argv[1]))
    start = time.perf_counter()
    use(text)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return time.perf_counter() - start


def _suspect(place: int, what: Hostile, use: Callable[[str], object]) -> bool:
    """A guess, which only saves the long string: others work on this machine, too."""
    took = _try(place, what, SHORT, use)
    return took > SUSPECT and took > GROWTH * _try(place, what, SHORT // 4, use)


def _main() -> None:
    given = [Expression(a, b, c, tuple(d)) for a, b, c, d in json.load(sys.stdin)]
    for place, expression in enumerate(given):
        strings = hostile(expression)
        for use in used(expression):
            for what in strings:
                if all(_suspect(place, what, use) for _ in range(3)):
                    _try(place, what, LONG, use)


if __name__ == "__main__":
    _main()
