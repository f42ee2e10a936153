"""Whether a program ends when a call of its own fails: certainly, or perhaps not."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bpfdoctor.host.c_source.code import SourceCall, SourceCode

_ENDS = frozenset(("exit", "_exit", "_Exit", "quick_exit", "abort", "err", "errx"))
_LEAVES = _ENDS | {"goto", "break", "continue", "asm", "__asm__"}
"""Words behind which a program may end, or go on elsewhere."""
_RETURNS = re.compile(r"\w*printf|perror|warnx?|f?puts|strerror|geteuid")
"""Functions behind which it goes on."""
_FAILED = re.compile(r"(?:\w+=)?#(?:<0|!=0|==-1)?")
"""A condition, parentheses left out, that holds where what is written `#` has failed."""
_NO_FAILURE = ("0", "false", "")
DEEPEST = 4
"""Functions from `main` to the call."""


class Failure:
    """How code goes on from a call that failed."""

    def __init__(self, code: SourceCode) -> None:
        self.code, self.words = code, code.words
        self._bodies = {each.name: each for each in code.functions}

    def ends_the_program(self, call: SourceCall, depth: int = 0) -> bool:
        """Whether `main` makes this call in any case, and the program ends where it fails."""
        if depth > DEEPEST or not self._is_always_made(call):
            return False
        last = self._last_of_failing(call)
        first = last[0] if last else ""
        if first in _ENDS and first not in self._bodies:
            return self._is_always_reached(call.function, depth)
        if first == "return" and call.function == "main":
            return not self._is_returned(call)
        if first == "return" and "".join(last[1:]) not in _NO_FAILURE:
            return any(self.ends_the_program(each, depth + 1) for each in self._callers(call))
        return first == "goto" and call.function == "main" and self._skips_all(call, last[1])

    def is_ignored(self, call: SourceCall, depth: int = 0) -> bool:
        """Whether the program certainly goes on where this call fails."""
        callers = self._callers(call)
        if depth > DEEPEST or self._is_returned(call):
            done: Sequence[str] | None = ["return"] if depth <= DEEPEST else None
        else:
            done = [] if self._is_unused(call) else self._done_on_failure(call)
        if done is None or not _LEAVES.isdisjoint(done):
            return False
        if "return" not in done:
            return True
        if call.function == "main" or not callers:
            return False
        return all(self.is_ignored(each, depth + 1) for each in callers)

    def _is_unused(self, call: SourceCall) -> bool:
        """It is a statement, and nothing asks what it returned."""
        before, end = call.at - 1, self.code.shut.get(call.at + 1, -1)
        if self.words[end + 1 : end + 2] != [";"]:
            return False
        if self.words[before] == ")":
            opened = self.code.opened.get(before, 0)
            if self.words[opened : before + 1] == ["(", "void", ")"]:
                return True
            return self.words[opened - 1] in ("if", "while", "for")
        return self.words[before] in (";", "{", "}", "else", "do")

    def _done_on_failure(self, call: SourceCall) -> Sequence[str] | None:
        """The words of what is done where it failed; None where that is not told.

        A function that is not known to return stands there as one that does not.
        """
        at = self._behind_condition(call)
        if at < 0:
            return None
        end = self.code.shut.get(at, at) if self.words[at] == "{" else self.code.end_of(at)
        calls = [each for each in self.code.calls if at <= each.at < end]
        if all(_RETURNS.fullmatch(each.name) for each in calls):
            return self.words[at:end]
        return None

    def _is_returned(self, call: SourceCall) -> bool:
        """Whether a function returns what this call returns, as it is."""
        end = self.code.shut.get(call.at + 1, 0)
        return self.words[call.at - 1] == "return" and self.words[end + 1] == ";"

    def _callers(self, call: SourceCall) -> list[SourceCall]:
        return [each for each in self.code.calls if each.name == call.function]

    def _is_always_reached(self, function: str, depth: int) -> bool:
        if function == "main" or depth > DEEPEST:
            return function == "main"
        callers = [each for each in self.code.calls if each.name == function]
        return any(
            self._is_always_made(each) and self._is_always_reached(each.function, depth + 1)
            for each in callers
        )

    def _is_always_made(self, call: SourceCall) -> bool:
        """It is a statement of its function's own, behind nothing that leaves the function."""
        body = self._bodies.get(call.function)
        start = self._statement(call)
        if body is None or start < 0 or self.words[start - 1] not in (";", "{", "}"):
            return False
        inside = (at for at, end in self.code.shut.items() if body.start < at < start < end)
        if any(self.words[at] == "{" for at in inside):
            return False
        before = self.words[body.start : start]
        return "goto" not in before and (call.function == "main" or "return" not in before)

    def _statement(self, call: SourceCall) -> int:
        """Where the statement begins that is this call, with an `if` or `x =` around it; or -1."""
        condition = self._condition(call)
        if condition >= 0:
            return condition - 1
        at = call.at
        if self._is_returned(call):
            return at - 1
        if self.words[at - 1] == ")" and self.words[at - 3 : at] == ["(", "void", ")"]:
            return at - 3
        if self.words[at - 1] == "=" and self.code.is_name(at - 2):
            return at - 3 if self.code.is_name(at - 3) else at - 2
        return at

    def _condition(self, call: SourceCall) -> int:
        """Where the parenthesis of the `if` opens that asks for this call alone; or -1."""
        for at in range(call.at - 1, max(call.at - 7, 0), -1):
            if self.words[at] == "(" and self.words[at - 1] == "if":
                return at if self.code.shut.get(at, 0) > call.at else -1
            if self.words[at] in (";", "{", "}"):
                break
        return -1

    def _last_of_failing(self, call: SourceCall) -> Sequence[str]:
        """The last statement of what is done where the call failed; none where that is not told."""
        if self._is_returned(call):
            return self.words[call.at - 1 : self.code.end_of(call.at)]
        at = self._behind_condition(call)
        return self._last(at) if at >= 0 else []

    def _behind_condition(self, call: SourceCall) -> int:
        """Where that begins which is done only where the call failed; -1 where that is not told."""
        opened, end = self._condition(call), self.code.shut.get(call.at + 1, 0)
        asked = [call.at, end + 1]
        if opened < 0:  # err = call(…); if (err)
            if self.words[call.at - 1] != "=" or self.words[end + 1 : end + 4] != [";", "if", "("]:
                return -1
            opened, name = end + 3, self.words[call.at - 2]
            asked = next(
                ([at, at + 1] for at in range(opened, opened + 3) if self.words[at] == name), [0, 0]
            )
        shut = self.code.shut.get(opened, -1)
        if not opened < asked[0] < asked[1] <= shut:
            return -1
        words = [*self.words[opened : asked[0]], "#", *self.words[asked[1] : shut + 1]]
        condition = "".join(word for word in words if word not in ("(", ")"))
        return shut + 1 if _FAILED.fullmatch(condition) else -1

    def _last(self, at: int) -> Sequence[str]:
        """The last statement of the block at `at`, or the one that is there."""
        if self.words[at] != "{":
            return self.words[at : self.code.end_of(at)]
        begin, last = at + 1, (at + 1, at + 1)
        shut = self.code.shut.get(at, at)
        at += 1
        while at < shut:
            end = self.code.shut.get(at, at)
            if self.words[at] in (";", "{"):
                last = (begin, end)
                begin = end + 1
            at = end + 1
        return self.words[last[0] : last[1]]

    def _skips_all(self, call: SourceCall, label: str) -> bool:
        """Whether what `main` opens is opened between here and the label."""
        body = self._bodies["main"]
        labels = (
            at
            for at in range(call.at, body.end)
            if self.words[at] == label and self.words[at + 1] == ":"
        )
        there = next(labels, 0)
        return any(call.at < each.at < there and "__open" in each.name for each in self.code.calls)
