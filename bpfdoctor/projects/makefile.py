"""Read variables of a makefile as make would; nothing of the makefile is run.

What make's own functions compute from text is computed; what they take from elsewhere (files, most
commands, included makefiles) is not: a variable that depends on it is not followed, and says on
what. It is never guessed.
"""

from __future__ import annotations

import msgspec

from bpfdoctor.projects.make_expansion import Expansion
from bpfdoctor.projects.make_marks import first_mark, reason_shown
from bpfdoctor.projects.make_text import MakeText, steers
from bpfdoctor.projects.make_values import NotFollowed, Outside

DEEPEST = 8
"""Texts that `$(eval …)` reads within each other."""


class Reading(msgspec.Struct, frozen=True):
    """What a variable is worth to make.

    `text` is its value, empty where `computed` says by what the makefile computes it that is not
    followed here. `origin` is make's word for where it is from (`file`, `environment`, `default`).
    """

    text: str = ""
    origin: str = "undefined"
    computed: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """Its words, in order."""
        return tuple(self.text.split())


def read_makefile(text: str, outside: Outside, *, whole: bool = True) -> Makefile:
    """Read a makefile; `whole` is False where `text` is only its beginning."""
    return Makefile(text, outside, whole)


class Makefile:
    """A makefile that was read, and what its variables are worth at its end."""

    def __init__(self, text: str, outside: Outside, whole: bool) -> None:
        self.expansion = Expansion(outside, self._evaluated)
        self.depth = 0
        if outside.environment("MAKEFILES"):
            self.expansion.lose("$MAKEFILES of the environment")
        for name in ("MAKEFLAGS", "GNUMAKEFLAGS"):
            if steers(outside.environment(name) or ""):
                self.expansion.lose(f"${name} of the environment")
        if first_mark(text):
            self.expansion.lose("characters that no makefile has")
        if not whole:
            self.expansion.lose("a makefile longer than bpfdoctor reads")
        self._guarded(text)

    def value(self, name: str) -> Reading:
        """What a variable is worth to whoever uses it once all is read."""
        found = self.expansion
        try:
            known = found.lookup(name)
            text = found.variable(name)
            reason = found.reason_in(text)
            origin = known.origin if known else "undefined"
            return Reading("" if reason else text, origin, reason)
        except (NotFollowed, RecursionError) as lost:
            told = isinstance(lost, NotFollowed)
            reason = reason_shown(str(lost)) if told else "references nested too deep"
            if found.evaluates:  # a part of the makefile was not read
                found.lose(reason)
            return Reading(computed=reason)

    def _guarded(self, text: str) -> None:
        try:
            MakeText(self.expansion).read(text)
        except NotFollowed as lost:
            self.expansion.lose(str(lost))
        except RecursionError:
            self.expansion.lose("references nested too deep")

    def _evaluated(self, text: str) -> None:
        """What `$(eval …)` got is read as a part of the makefile."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise NotFollowed("$(eval …) in $(eval …)")
        if self.expansion.unsteady(text):
            raise NotFollowed(self.expansion.reason_in(text))
        MakeText(self.expansion).read(text)
        self.depth -= 1
