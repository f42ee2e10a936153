"""Expand text as make does; what depends on something that is not followed is marked."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator

from bpfdoctor.projects.make_budget import ASKED, steps_of, steps_of_substitution
from bpfdoctor.projects.make_calls import CALLS
from bpfdoctor.projects.make_functions import FUNCTIONS, substituted
from bpfdoctor.projects.make_lines import BRACKETS, arguments_of, closing
from bpfdoctor.projects.make_marks import first_mark, unmarked
from bpfdoctor.projects.make_store import Store
from bpfdoctor.projects.make_values import NotFollowed, Outside, Variable

DEEPEST = 40
"""References within references that are followed."""

_CALL = re.compile(r"([a-z-]+)(?:[ \t\n]+|$)")
_ARGUMENT = re.compile(r"0|[1-9][0-9]*")
_MENTIONED = re.compile(r"\$(?:[({]\s*(?:call\s+)?([^\s$(){},:]*)(\$?)|([^({]))")


class Expansion(Store):
    """Values as whoever uses them gets them, and the assignments that make them."""

    def __init__(self, outside: Outside, evaluate: Callable[[str], None]) -> None:
        super().__init__(outside)
        self.evaluate = evaluate
        self.evaluates = False
        """Some text that was read has an `$(eval …)`."""
        self._arguments: list[list[str]] = []
        self._within: list[str] = []
        self._mentioning: set[str] = set()

    def variable(self, name: str) -> str:
        """What a variable is worth where it is used."""
        if self._arguments and _ARGUMENT.fullmatch(name):
            given = self._arguments[-1]
            return given[int(name[:9])] if int(name[:9]) < len(given) else ""
        known = self.lookup(name)
        if known is None:
            return ""
        if known.simple:
            return known.text
        if name in self._within:
            return self.mark(f"$({name}), which names itself")
        with self.deeper(name):
            return self.shortened(self.expand(known.text), f"$({name})")

    @contextlib.contextmanager
    def deeper(self, name: str) -> Iterator[None]:
        if len(self._within) > DEEPEST:
            raise NotFollowed(f"$({name}), nested too deep")
        self._within.append(name)
        try:
            yield
        finally:
            self._within.pop()

    def assign(self, name: str, operator: str, text: str, override: bool) -> str:
        """Set a variable as make would; its name. Raises NotFollowed for one that is not known."""
        name = self.expand(name).strip()
        if self.reason_in(name):
            raise NotFollowed(self.reason_in(name))
        known = self.lookup(name)
        unsure = self.doubt or (self.reason_in(known.text) if known else "")
        if unsure and self.may_evaluate(text):
            raise NotFollowed(unsure)
        if known is not None and known.origin == "override" and not override:
            return name
        if operator == "?=" and known is not None:
            return name
        before = self.variables.get(name)
        new = self._assigned(known, operator, text)
        if self.variables.get(name) is not before:
            raise NotFollowed(f"{name} {operator} {text}")
        if self.doubt:
            new = Variable(self.mark(self.doubt), simple=True)
        if "$" in new.text or "eval" in new.text:
            self._mentioning.add(name)
            self.evaluates |= "eval" in new.text
        origin = "override" if override else "file"
        self.variables[name] = Variable(new.text, new.simple, origin)
        return name

    def _assigned(self, known: Variable | None, operator: str, text: str) -> Variable:
        if operator == "!=":
            return Variable(self.shell(self.expand(text)), simple=True)
        if operator in (":=", "::=", ":::="):
            return Variable(self.expand(text), simple=True)
        if operator != "+=" or known is None:
            return Variable(text)
        more = self.expand(text) if known.simple else text
        self.spend(len(known.text))
        joined = f"{known.text} {more}" if known.text else more
        return Variable(self.shortened(joined, "+="), known.simple)

    def undefine(self, name: str, *, override: bool) -> None:
        """Forget a variable."""
        name = self.expand(name).strip()
        if self.reason_in(name):
            raise NotFollowed(self.reason_in(name))
        known = self.lookup(name)
        if known is None or (known.origin == "override" and not override):
            return
        gone = Variable("", set=False)
        self.variables[name] = Variable(self.mark(self.doubt), simple=True) if self.doubt else gone

    def expand(self, text: str) -> str:
        """`text` with its references replaced."""
        self.spend(len(text))
        at = text.find("$")
        if at < 0:
            return text
        pieces, done = [], 0
        while at >= 0:
            pieces.append(text[done:at])
            value, done = self._reference(text, at)
            pieces.append(value)
            at = text.find("$", done)
        whole = "".join([*pieces, text[done:]])
        self.spend(len(whole))
        return self.shortened(whole, "a text")

    def _reference(self, text: str, at: int) -> tuple[str, int]:
        """The value of the reference at a place, and where the text goes on."""
        sign = text[at + 1 : at + 2]
        if sign == "$":
            return "$", at + 2
        if sign not in ("(", "{") or not sign:
            return (self.variable(sign) if sign.strip() else ""), at + 2
        function = _CALL.match(text, at + 2)
        name = function[1] if function else ""
        known = name in FUNCTIONS or name in CALLS
        end = closing(text, at + 1) if known else self._end_of_name(text, at)
        if end < 0:
            raise NotFollowed(f"{text[at : at + 40]}, which has no end")
        self.spend(end - at)
        inside = text[at + 2 : end]
        if known and function is not None:
            rest = inside[function.end() - at - 2 :]
            with self.deeper(name):
                return self._called(name, rest, sign, f"${sign}{inside}{text[end]}"), end + 1
        return self._named(inside), end + 1

    @staticmethod
    def _end_of_name(text: str, at: int) -> int:
        """As make finds it: brackets count only where something is referred to within them."""
        shut = BRACKETS[text[at + 1]]
        first = text.find(shut, at)
        return closing(text, at + 1) if "$" in text[at + 2 : max(first, 0)] else first

    def _named(self, inside: str) -> str:
        name = inside
        if "$" in inside:
            with self.deeper("…"):
                name = self.expand(inside)
        if mark := first_mark(name):
            return mark
        before, colon, change = name.partition(":")
        old, equals, new = change.partition("=")
        if not colon or not equals:
            return self.variable(name)
        if "%" not in old:
            old, new = f"%{old}", f"%{new}"
        text = self.variable(before)
        self.spend(steps_of_substitution(old, new, text))
        return self.on_text(substituted, old, new, text)

    def on_text(self, function: Callable[..., str], *arguments: str) -> str:
        """A function of text; of what is not known, nothing is known."""
        for each in arguments:
            self.spend(len(each))
        return first_mark(*arguments) or function(*arguments)

    def _called(self, name: str, rest: str, sign: str, whole: str) -> str:
        if name in CALLS:
            most, call = CALLS[name]
            return call(self, arguments_of(rest, sign, most), whole)
        count, function = FUNCTIONS[name]
        arguments = [self.expand(each) for each in arguments_of(rest, sign, count)]
        if len(arguments) < count:
            raise NotFollowed(f"{whole}, which lacks an argument")
        self.spend(steps_of(name, arguments))
        try:
            return self.shortened(self.on_text(function, *arguments), whole)
        except ValueError:
            raise NotFollowed(whole) from None

    def with_arguments(self, given: list[str], text: str) -> str:
        """Text as `$(call …)` has it: with arguments for `$(1)` and so on."""
        self._arguments.append(given)
        try:
            with self.deeper(given[0]):
                return self.shortened(self.expand(text), f"$(call {given[0]},…)")
        finally:
            self._arguments.pop()

    def shell(self, command: str, whole: str = "") -> str:
        """What a command prints, where that is known without running it."""
        self.spend(ASKED * len(command))
        known = None if self.reason_in(command) else self.outside.shell(command)
        return self.mark(whole or f"$(shell {command})") if known is None else unmarked(known)

    def perhaps(self, text: str, why: str) -> None:
        """Expand what make may expand, or not: only for what it has make evaluate."""
        if self.may_evaluate(text):
            with self.doubting(why):
                self.expand(text)

    def may_evaluate(self, text: str) -> bool:
        """Whether expanding this may come to an `$(eval …)`: what else it does is of no matter."""
        if not self.evaluates and "eval" not in text:
            return False
        waiting, met = [text], set()
        while waiting:
            part = waiting.pop()
            self.spend(len(part))
            if "eval" in part:
                return True
            for named, computed, single in _MENTIONED.findall(part):
                if computed:
                    return True
                name = named or single
                if name in self._mentioning and name not in met:
                    met.add(name)
                    waiting.append(self.variables[name].text)
        return False
