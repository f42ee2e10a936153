"""The words of C code by their places: brackets, functions, calls, assignments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from bpfdoctor.host.c_source.steps import StepLimit

_PAIRS = {")": "(", "]": "[", "}": "{"}
_OF_TYPES = ("sizeof", "typeof", "__typeof__", "alignof", "_Alignof", "__attribute__")
_NO_CALL = frozenset(("if", "while", "for", "switch", "return", "do", "else", "case", *_OF_TYPES))
"""Words of the language that a parenthesis may follow."""


class CodeFunction(msgspec.Struct, frozen=True):
    """A function that is defined: its parameters, and where the brackets of its body are."""

    name: str
    parameters: tuple[str, ...]
    start: int
    end: int


class SourceCall(msgspec.Struct, frozen=True):
    """One call: of what, in which function (empty: in none), where; its arguments by place."""

    name: str
    function: str
    at: int
    arguments: tuple[tuple[int, int], ...]


class Assignment(msgspec.Struct, frozen=True):
    """`name`, or `field` of it, is given the words from `start` to `end`, by the `=` at `at`."""

    function: str
    name: str
    field: str
    at: int
    start: int
    end: int


class SourceCode:
    """Words of C, macros put in. `sound`: every bracket has its other half."""

    def __init__(self, words: Sequence[str], steps: StepLimit) -> None:
        self.words, self._steps = words, steps
        steps.spend(len(words))
        self.shut: dict[int, int] = {}
        self.opened: dict[int, int] = {}
        self.sound = self._match()
        self.functions = tuple(self._defined()) if self.sound else ()
        self._owner = self._owners()
        self.calls = tuple(self._called())
        self.assignments = tuple(self._assigned())

    def _match(self) -> bool:
        """Find the other half of each bracket."""
        waiting: list[int] = []
        sound = True
        for at, word in enumerate(self.words):
            if word in ("(", "[", "{"):
                waiting.append(at)
            elif word in _PAIRS:
                if waiting and self.words[waiting[-1]] == _PAIRS[word]:
                    self.shut[waiting[-1]] = at
                    self.opened[at] = waiting.pop()
                else:
                    sound = False
        return sound and not waiting

    def spend(self, steps: int) -> None:
        """Take steps of those that are left for this source. Raises TooMuchError."""
        self._steps.spend(steps)

    def is_name(self, at: int) -> bool:
        """Whether a word is an identifier."""
        return 0 <= at < len(self.words) and self.words[at].isidentifier()

    def parts(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The places of what commas divide, between two places."""
        at = begin = start
        while at < end:
            if self.words[at] == ",":
                yield begin, at
                begin = at + 1
            at = self.shut.get(at, at) + 1
        if begin < end:
            yield begin, end

    def owner(self, at: int) -> str:
        """The function that a word lies in; empty outside of any."""
        return self._owner[at]

    def _defined(self) -> Iterator[CodeFunction]:
        at = 1
        while at < len(self.words):
            end = self.shut.get(at, at)
            function = self._function(at, end) if self.words[at] == "{" else None
            if function:
                yield function
            at = end + 1

    def _function(self, at: int, end: int) -> CodeFunction | None:
        """The function whose body opens at `at`, where it is one's."""
        shut = at - 1
        while shut > 0 and self.words[shut] == ")":
            start = self.opened[shut]
            if not self.is_name(start - 1):
                return None
            if self.words[start - 1] != "__attribute__":
                named = tuple(self._parameter(*part) for part in self.parts(start + 1, shut))
                return CodeFunction(self.words[start - 1], named, at, end)
            shut = start - 2
        return None

    def _parameter(self, start: int, end: int) -> str:
        """The name of a parameter: the last identifier before what an array has behind it."""
        names = (self.words[at] for at in range(end - 1, start - 1, -1) if self.is_name(at))
        return next(names, "")

    def _owners(self) -> list[str]:
        owner = [""] * len(self.words)
        for each in self.functions:
            owner[each.start : each.end + 1] = [each.name] * (each.end + 1 - each.start)
        return owner

    def _called(self) -> Iterator[SourceCall]:
        bodies = {each.start for each in self.functions}
        for at, shut in self.shut.items():
            if self.words[at] != "(" or not self.is_name(at - 1):
                continue
            name = self.words[at - 1]
            if name not in _NO_CALL and shut + 1 not in bodies:
                yield SourceCall(name, self.owner(at), at - 1, tuple(self.parts(at + 1, shut)))

    def _assigned(self) -> Iterator[Assignment]:
        for at, word in enumerate(self.words):
            if word == "=":
                last, base = self._left(at - 1)
                if last:
                    end = self.end_of(at + 1)
                    field = "" if last == base else last
                    yield Assignment(self.owner(at), base, field, at, at + 1, end)

    def _left(self, at: int) -> tuple[str, str]:
        """The last and the first name of `a.b[i]->c`, which ends at `at`."""
        last = base = ""
        while at >= 0:
            while self.words[at] == "]" and at in self.opened:
                at = self.opened[at] - 1
            if not self.is_name(at):
                break
            base = self.words[at]
            last = last or base
            if at < 1 or self.words[at - 1] not in (".", "->"):
                return last, base
            at -= 2
        return last, ""

    def end_of(self, at: int) -> int:
        """Where the expression that begins at `at` is over."""
        while at < len(self.words) and self.words[at] not in (";", ",", ")", "]", "}"):
            self._steps.spend()
            at = self.shut.get(at, at) + 1
        return at
