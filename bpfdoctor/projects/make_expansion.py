"""Expand text as make does; what depends on something that is not followed is marked.

A mark is one character of a private area, which stands in a value for text that is not known; each
has its reason. So a rule that lists `$(wildcard *.h)` does not hide the programs, and a variable
that is made of it does not look like one that is known.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator

from bpfdoctor.projects.make_functions import BEYOND, FUNCTIONS, absolute, substituted
from bpfdoctor.projects.make_lines import closing
from bpfdoctor.projects.make_values import (
    AUTOMATIC,
    BUILT_IN,
    NOT_TOLD,
    OWN,
    Lost,
    Surroundings,
    Variable,
)

LONGEST = 1 << 16
"""Characters that a value may have; a makefile may ask for more than there is memory."""
PATIENCE = 4_000_000
"""Characters that are looked at before a makefile is given up: libbpf-bootstrap's takes 30,000."""
DEEPEST = 40
"""References within references that are followed."""

_FIRST, _MOST, _SHOWN = 0xF0000, 4096, 300
_MARK = re.compile(f"[{chr(_FIRST)}-{chr(_FIRST + _MOST)}]")
_CALL = re.compile(r"([a-z-]+)(?:[ \t\n]+|$)")
_MENTIONED = re.compile(r"\$(?:[({]\s*(?:call\s+)?([^\s$(){},:]*)(\$?)|([^({]))")
_STEADY = ("$(shell", "$(wildcard", "$(realpath")
"""What gives no more than words on one line."""


class Expansion:
    """The variables of a makefile, as far as it has been read, and what text with them is."""

    def __init__(self, around: Surroundings, evaluate: Callable[[str], None]) -> None:
        self.around, self.evaluate = around, evaluate
        self.variables: dict[str, Variable] = {}
        self.doubt = ""
        """Why it is not known whether make reads what is read now; empty where it does."""
        self._reasons: list[str] = []
        self._places: dict[str, int] = {}
        self._lost = ""
        self._arguments: list[list[str]] = []
        self._within: list[str] = []
        self._mentioning: set[str] = set()
        self.evaluates = False
        self._left = PATIENCE

    def spend(self, amount: int) -> None:
        """Count work. Raises Lost where a makefile asks for too much."""
        self._left -= amount + 16
        if self._left < 0:
            raise Lost("more than bpfdoctor works out")

    def mark(self, reason: str) -> str:
        """What stands for text that is not known."""
        reason = _MARK.sub("…", reason)[:_SHOWN]
        place = self._places.setdefault(reason, len(self._reasons))
        if place == len(self._reasons) < _MOST:
            self._reasons.append(reason)
        return chr(_FIRST + min(place, len(self._reasons) - 1))

    def reason_in(self, text: str) -> str:
        """Why a text is not known; empty for one that is."""
        found = _MARK.search(text)
        return self._reasons[ord(found[0]) - _FIRST] if found else ""

    @staticmethod
    def has_marks(text: str) -> bool:
        """Whether a text has characters that stand for what is not known."""
        return bool(_MARK.search(text))

    def unsteady(self, text: str) -> bool:
        """What is not known in it may be more than words."""
        return any(
            not self.reason_in(mark).startswith(_STEADY) for mark in set(_MARK.findall(text))
        )

    def lose(self, reason: str) -> None:
        """From here on nothing is known of any variable."""
        self._lost = self._lost or self.mark(reason)

    @contextlib.contextmanager
    def doubting(self, why: str) -> Iterator[None]:
        """Meanwhile it is not known whether make reads this (where there is a reason)."""
        before = self.doubt
        self.doubt = before or why
        try:
            yield
        finally:
            self.doubt = before

    # variables

    def lookup(self, name: str) -> Variable | None:
        """The variable, None where nobody sets it."""
        if self._lost:
            return Variable(self._lost, simple=True)
        known = self.variables.get(name)
        if known is not None:
            return known if known.set else None
        if name in AUTOMATIC:
            return None
        if name == "CURDIR":
            text = self.around.directory or self.mark("$(CURDIR)")
            return Variable(text, simple=True, origin="file")
        if name in NOT_TOLD:
            return Variable(self.mark(f"$({name})"), simple=True, origin="file")
        if name in OWN:
            return Variable(OWN[name], origin="file")
        given = self.around.environment(name)
        if given is not None:
            return Variable(self._own(given), origin="environment")
        if name in BUILT_IN:
            return Variable(BUILT_IN[name], origin="default")
        return None

    def _own(self, text: str) -> str:
        """Text without characters that would pass for marks."""
        return _MARK.sub("\ufffd", text)

    def variable(self, name: str) -> str:
        """What a variable is worth where it is used."""
        if name.isdigit() and self._arguments:
            given = self._arguments[-1]
            return given[int(name[:9])] if int(name[:9]) < len(given) else ""
        known = self.lookup(name)
        if known is None:
            return ""
        if known.simple:
            return known.text
        if name in self._within:
            return self.mark(f"$({name}), which names itself")
        with self._deeper(name):
            return self._short(self.expand(known.text), name)

    def _short(self, text: str, name: str) -> str:
        return text if len(text) <= LONGEST else self.mark(f"$({name}), which is too long")

    @contextlib.contextmanager
    def _deeper(self, name: str) -> Iterator[None]:
        if len(self._within) > DEEPEST:
            raise Lost(f"$({name}), nested too deep")
        self._within.append(name)
        try:
            yield
        finally:
            self._within.pop()

    def assign(self, name: str, operator: str, text: str, override: bool) -> str:
        """Set a variable as make would; its name. Raises Lost where the name is not known."""
        name = self.expand(name).strip()
        if self.reason_in(name):
            raise Lost(self.reason_in(name))
        known = self.lookup(name)
        unsure = self.doubt or (self.reason_in(known.text) if known else "")
        if unsure and self.may_evaluate(text):
            raise Lost(unsure)
        if known is not None and known.origin == "override" and not override:
            return name
        if operator == "?=" and known is not None:
            return name
        before = self.variables.get(name)
        new = self._assigned(known, operator, text)
        if self.variables.get(name) is not before:
            raise Lost(f"{name} {operator} {text}")
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
            return Variable(self._shell(self.expand(text)), simple=True)
        if operator in (":=", "::=", ":::="):
            return Variable(self.expand(text), simple=True)
        if operator != "+=" or known is None:
            return Variable(text)
        more = self.expand(text) if known.simple else text
        self.spend(len(known.text))
        joined = f"{known.text} {more}" if known.text else more
        return Variable(self._short(joined, "+="), known.simple)

    def undefine(self, name: str, *, override: bool) -> None:
        """Forget a variable."""
        name = self.expand(name).strip()
        if self.reason_in(name):
            raise Lost(self.reason_in(name))
        known = self.lookup(name)
        if known is None or (known.origin == "override" and not override):
            return
        gone = Variable("", set=False)
        self.variables[name] = Variable(self.mark(self.doubt), simple=True) if self.doubt else gone

    # references

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
        return self._short(whole, "…")

    def _reference(self, text: str, at: int) -> tuple[str, int]:
        """The value of the reference at a place, and where the text goes on."""
        sign = text[at + 1 : at + 2]
        if sign == "$":
            return "$", at + 2
        if sign not in ("(", "{") or not sign:
            return (self.variable(sign) if sign.strip() else ""), at + 2
        function = _CALL.match(text, at + 2)
        name = function[1] if function else ""
        known = name in FUNCTIONS or name in BEYOND or hasattr(self, f"_do_{name}")
        end = closing(text, at + 1) if known else self._end_of_name(text, at)
        if end < 0:
            raise Lost(f"{text[at : at + 40]}, which has no end")
        self.spend(end - at)
        inside = text[at + 2 : end]
        if known and function is not None:
            rest = inside[function.end() - at - 2 :]
            with self._deeper(name):
                return self._call(name, rest, sign, f"${sign}{inside}{text[end]}"), end + 1
        return self._named(inside), end + 1

    @staticmethod
    def _end_of_name(text: str, at: int) -> int:
        """As make finds it: brackets count only where something is referred to within them."""
        shut = {"(": ")", "{": "}"}[text[at + 1]]
        first = text.find(shut, at)
        return closing(text, at + 1) if "$" in text[at + 2 : max(first, 0)] else first

    def _named(self, inside: str) -> str:
        name = inside
        if "$" in inside:
            with self._deeper("…"):
                name = self.expand(inside)
        if self.reason_in(name):
            return _MARK.findall(name)[0]
        before, colon, change = name.partition(":")
        old, equals, new = change.partition("=")
        if not colon or not equals:
            return self.variable(name)
        if "%" not in old:
            old, new = f"%{old}", f"%{new}"
        return self._on_text(substituted, old, new, self.variable(before))

    def _on_text(self, function: Callable[..., str], *arguments: str) -> str:
        """A function of text; of what is not known, nothing is known."""
        for each in arguments:
            self.spend(len(each))
            if found := _MARK.search(each):
                return found[0]
        return function(*arguments)

    # functions

    def _call(self, name: str, rest: str, sign: str, whole: str) -> str:
        if own := getattr(self, f"_do_{name}", None):
            value: str = own(self._split(rest, sign, {"if": 3, "foreach": 3}.get(name, 0)))
            return value
        if name in BEYOND:
            return self._beyond(name, rest, sign, whole)
        count, function = FUNCTIONS[name]
        arguments = [self.expand(each) for each in self._split(rest, sign, count)]
        if len(arguments) < count:
            raise Lost(f"{whole}, which lacks an argument")
        if name.startswith("filter"):
            self.spend(len(arguments[0]) * arguments[1].count(" "))
        if name.startswith("add"):
            self.spend(len(arguments[0]) * arguments[1].count(" "))
        if name in ("patsubst", "subst"):
            self.spend(len(arguments[1]) * len(arguments[2]))
        try:
            return self._short(self._on_text(function, *arguments), name)
        except ValueError:
            raise Lost(whole) from None

    @staticmethod
    def _split(text: str, sign: str, most: int) -> list[str]:
        """The arguments of a function: at commas outside brackets of its own kind."""
        shut, depth, start = {"(": ")", "{": "}"}[sign], 0, 0
        parts: list[str] = []
        for found in re.finditer(f"[{re.escape(sign + shut)},]", text):
            depth += (found[0] == sign) - (found[0] == shut)
            if found[0] == "," and depth == 0:
                parts.append(text[start : found.start()])
                start = found.end()
                if most and len(parts) == most - 1:
                    break
        return [*parts, text[start:]]

    def _beyond(self, name: str, rest: str, sign: str, whole: str) -> str:
        if name in ("let", "intcmp", "guile", "file", "wordlist"):
            return self.mark(whole)
        argument = self.expand(rest)
        if name in ("info", "warning"):
            return ""
        if name == "error":
            if self.doubt:
                return ""
            raise Lost(whole)
        if name == "shell":
            return self._shell(argument, whole)
        return self.mark(whole)

    def _shell(self, command: str, whole: str = "") -> str:
        known = None if self.reason_in(command) else self.around.shell(command)
        return self.mark(whole or f"$(shell {command})") if known is None else self._own(known)

    def _do_abspath(self, arguments: list[str]) -> str:
        text = self.expand(",".join(arguments))
        here = self.variable("CURDIR")
        if self.reason_in(here + text):
            return _MARK.findall(here + text)[0]
        return " ".join(absolute(word, here) for word in text.split())

    def _do_if(self, arguments: list[str]) -> str:
        condition = self.expand(arguments[0].strip())
        branches = [*arguments[1:], "", ""][:2]
        if _MARK.sub("", condition).strip():
            return self.expand(branches[0])
        if not self.reason_in(condition):
            return self.expand(branches[1]) if condition == "" else self.expand(branches[0])
        for each in branches:
            self._perhaps(each, self.reason_in(condition))
        return _MARK.findall(condition)[0]

    def _perhaps(self, text: str, why: str) -> None:
        """What make may evaluate, or not."""
        if self.may_evaluate(text):
            with self.doubting(why):
                self.expand(text)

    def _do_or(self, arguments: list[str]) -> str:
        return self._first_of(arguments, wanted=True)

    def _do_and(self, arguments: list[str]) -> str:
        return self._first_of(arguments, wanted=False)

    def _first_of(self, arguments: list[str], *, wanted: bool) -> str:
        """The first argument that is not empty, or that is; else the last."""
        value = unknown = ""
        for each in arguments:
            if unknown:
                self._perhaps(each, self.reason_in(unknown))
                continue
            value = self.expand(each.strip())
            if self.reason_in(value) and not _MARK.sub("", value):
                unknown = value
            elif bool(value) == wanted:
                return value
        return unknown or ("" if wanted else value)

    def _do_foreach(self, arguments: list[str]) -> str:
        if len(arguments) < 3:
            raise Lost("$(foreach …), which lacks an argument")
        name, words = self.expand(arguments[0]).strip(), self.expand(arguments[1])
        if self.reason_in(name + words):
            self._perhaps(arguments[2], self.reason_in(name + words))
            return _MARK.findall(name + words)[0]
        before = self.variables.get(name)
        values = []
        for word in words.split():
            self.variables[name] = Variable(word, simple=True)
            values.append(self.expand(arguments[2]))
        self.variables.pop(name, None)
        if before is not None:
            self.variables[name] = before
        return self._short(" ".join(values), "foreach")

    def _do_call(self, arguments: list[str]) -> str:
        given = [self.expand(each) for each in arguments]
        name = given[0].strip()
        if self.reason_in(name):
            raise Lost(self.reason_in(name))
        if name in FUNCTIONS:
            count, function = FUNCTIONS[name]
            if len(given) - 1 != count:
                raise Lost(f"$(call {name},…)")
            return self._on_text(function, *given[1:])
        if name in BEYOND or hasattr(self, f"_do_{name}"):
            raise Lost(f"$(call {name},…)")
        known = self.lookup(name)
        if known is None or known.simple:
            return known.text if known else ""
        self._arguments.append(given)
        try:
            with self._deeper(name):
                return self._short(self.expand(known.text), name)
        finally:
            self._arguments.pop()

    def _do_eval(self, arguments: list[str]) -> str:
        self.evaluate(self.expand(",".join(arguments)))
        return ""

    def _do_origin(self, arguments: list[str]) -> str:
        name = self.expand(",".join(arguments)).strip()
        if found := _MARK.search(name):
            return found[0]
        if name in AUTOMATIC:
            return "automatic"
        known = self.lookup(name)
        if known is not None and known.simple and self.reason_in(known.text):
            return _MARK.findall(known.text)[0]
        return known.origin if known else "undefined"

    def _do_flavor(self, arguments: list[str]) -> str:
        name = self.expand(",".join(arguments)).strip()
        known = self.lookup(name)
        if found := _MARK.search(name + (known.text if known and known.simple else "")):
            return found[0]
        return ("simple" if known.simple else "recursive") if known else "undefined"

    def _do_value(self, arguments: list[str]) -> str:
        name = self.expand(",".join(arguments)).strip()
        if found := _MARK.search(name):
            return found[0]
        known = self.lookup(name)
        return known.text if known else ""

    # what may be evaluated

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
            for name, computed, single in _MENTIONED.findall(part):
                if computed:
                    return True
                name = name or single
                if name in self._mentioning and name not in met:
                    met.add(name)
                    waiting.append(self.variables[name].text)
        return False
