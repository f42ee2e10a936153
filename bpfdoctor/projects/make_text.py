"""A text of make's language, line by line, as make itself reads it (read.c of GNU make)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bpfdoctor.projects.make_expansion import Expansion
from bpfdoctor.projects.make_lines import (
    CONDITION,
    assignment,
    collapsed,
    comparison,
    logical_lines,
    outside_references,
    rule_takes_recipe,
    uncommented,
)
from bpfdoctor.projects.make_values import NotFollowed

NESTED = 64
"""Conditions within each other."""

_STEERING = (
    *("--environment-overrides", "--no-builtin-variables", "--eval", "--file", "--makefile"),
    *("--directory", "--include-dir", "--just-print", "--dry-run", "--recon", "--question"),
    "--touch",
)
_WITH_VALUE = re.compile(r"[jlO].*")
"""Flags of one letter of which the rest of the word is the value: `-Otarget`."""
_DEPENDENCIES = re.compile(r"\.d\)*$")
"""What compilers write for make: rules, and no variable."""


class _Branches:
    """A condition that is open. `taken`: one of its branches was in force; None: perhaps."""

    def __init__(self, truth: bool | None, why: str) -> None:
        self.now = self.taken = truth
        self.why = why

    def another(self, truth: bool | None, why: str = "") -> None:
        """The next branch: in force where none before it was."""
        self.why = why or self.why
        if self.taken or truth is False:
            self.now = False
            return
        self.now = truth if self.taken is False else None
        self.taken = True if truth else None


class MakeText:
    """One text of make's language, line by line."""

    def __init__(self, expansion: Expansion) -> None:
        self.expansion = expansion
        self.conditions: list[_Branches] = []
        self.recipe: bool | None = False
        """The lines that begin with a tab are a rule's; None: perhaps."""

    def read(self, text: str) -> None:
        """All of it. Raises NotFollowed for what make would not read either, too."""
        lines = logical_lines(text)
        for raw in lines:
            self.expansion.spend(len(raw) + 64)
            if raw.startswith(self.expansion.prefix) and self.recipe:
                continue
            line = uncommented(collapsed(raw)).strip()
            sure = not (raw.startswith(self.expansion.prefix) and self.recipe is None)
            found = assignment(line)
            if found is not None:
                self._assigned(found, lines, sure)
            elif not line:
                continue
            elif not sure:
                raise NotFollowed(f"{line}, in a recipe or not")
            elif not self._condition(line) and not self._ignored:
                self._statement(line)
        if self.conditions:
            raise NotFollowed("a condition without endif")

    @property
    def _ignored(self) -> bool:
        return any(each.now is False for each in self.conditions)

    @property
    def _unsure(self) -> bool:
        """Whether make reads this line is not known."""
        return bool(self._doubt or self.expansion.doubt)

    @property
    def _doubt(self) -> str:
        """The condition in force that cannot be told, or nothing."""
        return next((each.why for each in self.conditions if each.now is None), "")

    def _assigned(
        self, found: tuple[list[str], str, str, str], lines: Iterator[str], sure: bool
    ) -> None:
        modifiers, name, operator, text = found
        if "define" in modifiers:
            text = self._body(lines, nested=not self._ignored)
        if self._ignored:
            return
        self._ends_rule()
        with self.expansion.doubting(
            self._doubt or ("" if sure else "a line that begins a recipe")
        ):
            if "undefine" in modifiers:
                self.expansion.undefine(name, override="override" in modifiers)
                return
            name = self.expansion.assign(name, operator, text, "override" in modifiers)
        self._special(name, text)

    def _body(self, lines: Iterator[str], *, nested: bool) -> str:
        """The lines of a `define` up to its `endef`; make counts those within, unless it skips."""
        body: list[str] = []
        depth = 1
        for raw in lines:
            self.expansion.spend(len(raw))
            word = "" if raw.startswith("\t") else (raw.split(None, 1) or [""])[0]
            depth += (nested and word == "define") - (word == "endef")
            if depth == 0:
                return "\n".join(body)
            body.append(collapsed(raw))
        raise NotFollowed("define without endef")

    def _ends_rule(self) -> None:
        self.recipe = None if self.recipe is not False and self._unsure else False

    def _special(self, name: str, text: str) -> None:
        """The variables by which a makefile changes how make reads it."""
        if name == ".RECIPEPREFIX":
            value = self.expansion.variable(name)
            if self.expansion.reason_in(value):
                raise NotFollowed(f"{name} = {text}")
            self.expansion.prefix = value[:1] or "\t"
        if name in ("MAKEFLAGS", "GNUMAKEFLAGS") and steers(text):
            raise NotFollowed(f"{name} = {text}")

    def _condition(self, line: str) -> bool:
        """Whether a line opens, goes on with or ends a condition; what follows of it."""
        found = CONDITION.match(line)
        if found is None:
            return False
        otherwise, word, rest = found.groups()
        if otherwise or word in ("else", "endif"):
            if not self.conditions:
                raise NotFollowed(f"{line} without a condition")
            self._goes_on(word, rest, line, bool(otherwise) and word not in ("else", "endif"))
        else:
            truth = False if self._ignored else self._truth(word, rest)
            self.conditions.append(_Branches(truth, line))
            if len(self.conditions) > NESTED:
                raise NotFollowed(f"{line}, nested too deep")
            if truth is False and any(each.now is False for each in self.conditions[:-1]):
                self.conditions[-1].taken = True
        return True

    def _goes_on(self, word: str, rest: str, line: str, otherwise: bool) -> None:
        last = self.conditions[-1]
        if word == "endif":
            self.conditions.pop()
        elif not otherwise:
            last.another(True)
        elif last.taken:
            last.another(False)
        else:
            last.another(self._truth(word, rest), line)

    def _truth(self, word: str, text: str) -> bool | None:
        """Whether a condition holds; None where it cannot be told."""
        expand, reason = self.expansion.expand, self.expansion.reason_in
        if word in ("ifdef", "ifndef"):
            name = expand(text).strip()
            known = None if reason(name) else self.expansion.lookup(name)
            if reason(name) or (known is not None and reason(known.text)):
                return None
            return bool(known is not None and known.text) == (word == "ifdef")
        sides = comparison(text)
        if sides is None:
            raise NotFollowed(f"{word} {text}")
        left, right = expand(sides[0]), expand(sides[1])
        if reason(left) or reason(right):
            return None
        return (left == right) == (word == "ifeq")

    def _statement(self, line: str) -> None:
        if unknown := self.expansion.reason_in(line.partition(":")[0]):
            raise NotFollowed(unknown)  # it may be an assignment
        word, _, rest = line.partition(" ") if " " in line else line.partition("\t")
        if word in ("include", "-include", "sinclude"):
            self._include(line, rest)
        elif word in ("load", "-load"):
            raise NotFollowed(line)
        elif word in ("export", "unexport"):
            self._exported(rest)
        elif word == "vpath":
            self._ends_rule()
            self._evaluate(rest)
        else:
            self._rule(line)

    def _exported(self, names: str) -> None:
        """make gives a variable that is only exported an empty value."""
        self._ends_rule()
        with self.expansion.doubting(self._doubt):
            named = self.expansion.expand(names)
            if reason := self.expansion.reason_in(named):
                raise NotFollowed(reason)
            for name in named.split():
                if self.expansion.lookup(name) is None:
                    self.expansion.assign(name, ":=", "", override=False)

    def _include(self, line: str, names: str) -> None:
        found = self.expansion.expand(names)
        words = [self.expansion.reason_in(word) or word for word in found.split()]
        if not all(_DEPENDENCIES.search(word) for word in words):
            raise NotFollowed(line)
        self._ends_rule()

    def _rule(self, line: str) -> None:
        """A rule, or what stands for one: of no matter, but for what it has make evaluate."""
        if line.startswith(".POSIX"):
            raise NotFollowed(line)
        if ":" in outside_references(line):
            line = line.partition(";")[0]
            before = self.recipe
            self.recipe = rule_takes_recipe(line)
            if self._unsure and self.recipe is not before:
                self.recipe = None
            self._evaluate(line)
        else:
            text = self._evaluate(line) if self._unsure else self.expansion.expand(line)
            if text and text.strip() and not self._unsure and not self._may_be_rule(text):
                raise NotFollowed(f"{line[:60]}, which make does not take")
            self.recipe = False if text is not None and not text.strip() else None

    def _may_be_rule(self, text: str) -> bool:
        """Whether what a line expands to is more than words, or not known."""
        return ":" in text or "=" in text or bool(self.expansion.reason_in(text))

    def _evaluate(self, line: str) -> str | None:
        """Expand a line, where that may read more of the makefile or end it; else None."""
        if "$" not in line:
            return line
        if "$(error" not in line and not self.expansion.may_evaluate(line):
            return None
        with self.expansion.doubting(self._doubt):
            return self.expansion.expand(line)


def steers(text: str) -> bool:
    """Whether make's flags change what variables are worth, or have it build nothing."""
    for word in text.split():
        if word.startswith(_STEERING) or "$" in word:
            return True
        if word.startswith("--"):
            continue
        if "=" in word or set(_WITH_VALUE.sub("", word)) & set("eRfEICnqt"):
            return True
    return False
