"""What was found of the sources of one directory, and what a build would miss."""

from __future__ import annotations

import msgspec

from bpfdoctor.host.question import Answer, Question, evidence
from bpfdoctor.model import Evidence


class Sought(msgspec.Struct, frozen=True):
    """What a build would miss of one directory of sources.

    `missing` are files that the build reads and that are not there, relative to the directory; a
    header whose place only git knows is named as it is included. `nothing`: none of all that the
    build goes by is there. `trouble` says what could not be seen, and why; `unanswered`: for want
    of an answer of the machine.
    """

    missing: tuple[str, ...] = ()
    nothing: bool = False
    trouble: str = ""
    unanswered: bool = False
    seen: tuple[Evidence, ...] = ()

    @property
    def lacking(self) -> bool:
        """The build is known to miss something."""
        return self.nothing or bool(self.missing)

    def joined(self, other: Sought) -> Sought:
        """Both, of one directory."""
        return Sought(
            tuple(dict.fromkeys((*self.missing, *other.missing))),
            self.nothing or other.nothing,
            "; ".join(each for each in (self.trouble, other.trouble) if each),
            self.unanswered or other.unanswered,
            (*self.seen, *other.seen),
        )


def not_told(question: Question[Answer], answer: Answer) -> Sought:
    """The machine gave no answer."""
    shown = answer.shown()
    return Sought(trouble=shown, unanswered=True, seen=(evidence(question, answer),))
