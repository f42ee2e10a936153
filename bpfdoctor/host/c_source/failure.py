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
STEPS = 100
"""What one look at a call is charged with."""
_DECIDES = frozenset(("if", "else", "switch", "while", "for", "do", "return", "goto"))
"""Words by which something is done, or not."""


class Failure:
    """How code goes on from a call that failed."""

    def __init__(self, code: SourceCode) -> None:
        self.code, self.words = code, code.words
        self._bodies = {each.name: each for each in code.functions}
        self._calls_of: dict[str, list[SourceCall]] = {}
        for each in code.calls:
            self._calls_of.setdefault(each.name, []).append(each)
        self._ignored: dict[tuple[int, int], bool] = {}

    def ends_the_program(self, call: SourceCall, depth: int = 0) -> bool:
        """Whether `main` makes this call in any case, and the program ends where it fails."""
        self.code.spend(STEPS)
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
        if (call.at, depth) not in self._ignored:
            self.code.spend(STEPS)
            self._ignored[call.at, depth] = self._goes_on(call, depth)
        return self._ignored[call.at, depth]

    def _goes_on(self, call: SourceCall, depth: int) -> bool:
        done = self._done_on_failure(call)
        if depth > DEEPEST or done is None or not _LEAVES.isdisjoint(done):
            return False
        if "return" not in done:
            return True
        callers = self._callers(call)
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

        A function that is not known to return stands there as one that does not, and what is kept
        of the failure may be asked for later.
        """
        if self._is_returned(call):
            return ["return"]
        if self._is_unused(call):
            return []
        at = self._behind_condition(call)
        if at < 0:
            return None
        end = self._end_of_block(at)
        calls = [each for each in self.code.calls if at <= each.at < end]
        told = all(_RETURNS.fullmatch(x.name) and x.name not in self._bodies for x in calls)
        kept = any(each[-1] == "=" or each in ("++", "--") for each in self.words[at:end])
        return None if kept or not told or self._is_asked_for(call, end) else self.words[at:end]

    def _end_of_block(self, at: int) -> int:
        """Where the block at `at` is over, or the one statement that is there."""
        if self.words[at] == "{":
            return self.code.shut.get(at, at)
        while at < len(self.words) and self.words[at] not in (";", "}"):
            self.code.spend(1)
            at = self.code.shut.get(at, at) + 1
        return at

    def _is_asked_for(self, call: SourceCall, end: int) -> bool:
        """Whether what the call returned is kept in a variable that is named behind `end`."""
        body = self._bodies.get(call.function)
        if body is None or self.words[call.at - 1] != "=":
            return body is None
        self.code.spend(body.end - end)
        return self.words[call.at - 2] in self.words[end : body.end]

    def _is_returned(self, call: SourceCall) -> bool:
        """Whether a function returns what this call returns, as it is."""
        end = self.code.shut.get(call.at + 1, 0)
        return self.words[call.at - 1] == "return" and self.words[end + 1] == ";"

    def _callers(self, call: SourceCall) -> list[SourceCall]:
        return self._calls_of.get(call.function, [])

    def _is_always_reached(self, function: str, depth: int) -> bool:
        if function == "main" or depth > DEEPEST:
            return function == "main"
        self.code.spend(STEPS)
        return any(
            self._is_always_made(each) and self._is_always_reached(each.function, depth + 1)
            for each in self._calls_of.get(function, [])
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
        if call.function == "main":
            return "goto" not in before and not self._may_work(body.start, start)
        return "goto" not in before and "return" not in before

    def _may_work(self, start: int, end: int) -> bool:
        """Whether `main` may return what a function of its did, between two places."""
        returns = [at for at in range(start, end) if self.words[at] == "return"]
        return any("(" in self.words[at : self.code.end_of(at)] for at in returns)

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
        """The last statement of the block at `at`, or the one that is there.

        None where something in the block may keep it from being reached.
        """
        if self.words[at] != "{":
            return self.words[at : self.code.end_of(at)]
        begin, last = at + 1, (at + 1, at + 1)
        shut = self.code.shut.get(at, at)
        at += 1
        opened = at
        while at < shut:
            end = self.code.shut.get(at, at)
            if self.words[at] in (";", "{"):
                last = (begin, end)
                begin = end + 1
            at = end + 1
        before = self.words[opened : last[0]]
        return [] if _DECIDES.intersection(before) else self.words[last[0] : last[1]]

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
