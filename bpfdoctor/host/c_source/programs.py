"""Which BPF programs and maps an expression of C may stand for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from bpfdoctor.host.c_source.code import CodeFunction, SourceCode
from bpfdoctor.host.c_source.steps import StepLimit, TooMuchError

Meant = tuple[str, str, int]
"""("program", name, 0), ("map", name, 0), or a parameter: ("", function, its number)."""

EVERY: Meant = ("every", "", 0)
"""Whichever program or map there is: it is computed."""

_MEMBERS = {"progs": "program", "maps": "map"}
_BY_NAME = {
    "bpf_object__find_program_by_name": "program",
    "bpf_object__find_map_by_name": "map",
}
_SOME = re.compile(
    r"bpf_object__(?:next|prev)_(?:program|map)|bpf_(?:program|map)__(?:next|prev)"
    r"|bpf_object__find_program_by_title"
)
_EACH = re.compile(r"bpf_object__for_each_(?:program|map)|bpf_map__for_each(?:_safe)?")
_ROUNDS = 12
"""Variables that are given to variables: so many times."""
DEEPEST = 64
"""Brackets within brackets that are followed."""


class Expressions:
    """What the expressions of some code may stand for, wherever its control goes."""

    def __init__(self, code: SourceCode, steps: StepLimit) -> None:
        self.code, self.steps = code, steps
        self._functions = {each.name: each for each in code.functions}
        names = (word for at, word in enumerate(code.words) if not code.owner(at))
        self._everybodys = {word for word in names if word.isidentifier()}
        self._held: dict[tuple[str, str], set[Meant]] = {}
        self._loops()
        self._settle(self._given)

    def meant(self, start: int, end: int, depth: int = 0) -> set[Meant]:
        """The programs, maps and parameters that the words between two places may stand for."""
        if depth > DEEPEST:
            raise TooMuchError
        found: set[Meant] = set()
        at, words = start, self.code.words
        while at < end:
            self.steps.spend()
            if words[at] in ("(", "{"):
                shut = self.code.shut.get(at, at)
                more, at = self._members(self.meant(at + 1, shut, depth + 1), shut + 1, end)
                found |= more
            elif self.code.is_name(at):
                more, at = self._chain(at, end)
                found |= more
            else:
                at = self.code.shut.get(at, at) + 1
        return found

    def _chain(self, at: int, end: int) -> tuple[set[Meant], int]:
        """`a(…)`, `a.b[i]->c`, from its first name on; and where it ends."""
        words = self.code.words
        called = words[at + 1 : at + 2] == ["("]
        return self._members(self._called(at) if called else self._known(at), at + 1, end)

    def _members(self, found: set[Meant], at: int, end: int) -> tuple[set[Meant], int]:
        """What follows an expression: `(…)`, `[i]`, `.b->c`; and where it ends."""
        words, shut = self.code.words, self.code.shut
        while at < end:
            if words[at] in ("[", "("):
                at = shut.get(at, at) + 1
            elif words[at] in (".", "->") and self.code.is_name(at + 1):
                name, at = words[at + 1], at + 2
                if name in _MEMBERS:
                    member = at < end and words[at] in (".", "->") and self.code.is_name(at + 1)
                    found = {(_MEMBERS[name], words[at + 1], 0) if member else EVERY}
                    at += 2 if member else 0
                else:
                    found = found | self._held.get(("", f".{name}"), set())
            else:
                break
        return found, at

    def _known(self, at: int) -> set[Meant]:
        """What a variable holds, or which parameter it is."""
        owner, name = self.code.owner(at), self.code.words[at]
        held = self._held.get((owner, name), set()) | self._held.get(("", name), set())
        function = self._functions.get(owner)
        if function and name in function.parameters:
            return held | {("", owner, function.parameters.index(name))}
        return held

    def _called(self, at: int) -> set[Meant]:
        """What a call returns."""
        name = self.code.words[at]
        if _SOME.fullmatch(name):
            return {EVERY}
        if name in _BY_NAME:
            shut = self.code.shut.get(at + 1, at + 1)
            text = self.code.words[shut - 1]
            literal = shut - at > 3 and text[0] == '"' and self.code.words[shut - 2] == ","
            return {(_BY_NAME[name], text.strip('"'), 0) if literal else EVERY}
        return self._held.get(("", f"{name}()"), set())

    def _loops(self) -> None:
        for call in self.code.calls:
            if _EACH.fullmatch(call.name) and call.arguments:
                self._hold(call.function, self.code.words[call.arguments[0][0]], {EVERY})

    def _hold(self, function: str, name: str, meant: set[Meant]) -> bool:
        held = self._held.setdefault((function, name), set())
        before = len(held)
        held |= meant
        return len(held) > before

    def _given(self) -> bool:
        """Follow every assignment and `return` once; whether anything came of it."""
        more = False
        for each in self.code.assignments:
            meant = self.meant(each.start, each.end)
            if not meant:
                continue
            owner = "" if each.name in self._everybodys else each.function
            more = (each.name != "" and self._hold(owner, each.name, meant)) or more
            more = (each.field != "" and self._hold("", f".{each.field}", meant)) or more
        for function in self._functions.values():
            for start, end in self._returned(function):
                more = self._hold("", f"{function.name}()", self.meant(start, end)) or more
        return more

    def _returned(self, function: CodeFunction) -> Iterator[tuple[int, int]]:
        for at in range(function.start, function.end):
            if self.code.words[at] == "return":
                yield at + 1, self.code.end_of(at + 1)
        self.steps.spend(function.end - function.start)

    def _settle(self, once: Callable[[], bool]) -> None:
        for _ in range(_ROUNDS):
            if not once():
                return
        raise TooMuchError
