"""What the user space part of a program does with its BPF programs and maps, read off its C.

The compiled object says what may be loaded; the loader, which of it is, where it is attached, and
how large its maps are. Reading it only ever weakens what the object says: whatever is computed may
be any of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from bpfdoctor.host.c_source.code import SourceCode
from bpfdoctor.host.c_source.macros import words_of
from bpfdoctor.host.c_source.memlock_limit import raised_to
from bpfdoctor.host.c_source.programs import Expressions
from bpfdoctor.host.c_source.steps import StepLimit, TooMuchError
from bpfdoctor.host.c_source.text import lines_of, uncommented
from bpfdoctor.host.c_source.uses import (
    BY_HAND,
    CHANGED,
    OPTIONAL,
    RETARGETED,
    SIZED,
    Uses,
    files_opened,
)
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.reading import NotRegularError, PrivateError, read_published

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

LARGEST = 1 << 20
"""Bytes of one source."""
MOST_STEPS = 1_500_000


class Loader(Answer, frozen=True):
    """What a loader does, by the names of BPF programs and maps.

    `optional`: it may leave these programs out. `by_hand`: it attaches them itself, or hands their
    descriptors on. `retargeted`: it says to what they attach. `changed`: it gives them another
    type, other flags or other code. `sized`: maps that it gives another size or type, reuses or
    leaves out. Each `every_…` says that it may be any. `memlock` is what it raises RLIMIT_MEMLOCK
    to in bytes (-1: infinity), where it ends if it may not; None where it does not, or carries on.
    `opened` are its skeletons, and the objects that it opens by file, named as those are. `unread`
    says why it could not be read to its end.
    """

    optional: tuple[str, ...] = ()
    every_optional: bool = False
    by_hand: tuple[str, ...] = ()
    every_by_hand: bool = False
    retargeted: tuple[str, ...] = ()
    every_retargeted: bool = False
    changed: tuple[str, ...] = ()
    every_changed: bool = False
    sized: tuple[str, ...] = ()
    every_sized: bool = False
    memlock: int | None = None
    opened: tuple[str, ...] = ()
    unread: str = ""

    def may_leave_out(self, program: str) -> bool:
        """Whether it may not load a program."""
        return self.every_optional or program in self.optional

    def attaches(self, program: str) -> bool:
        """Whether it may attach a program itself."""
        return self.every_by_hand or program in self.by_hand

    def retargets(self, program: str) -> bool:
        """Whether it may say to what a program attaches."""
        return self.every_retargeted or program in self.retargeted

    def changes(self, program: str) -> bool:
        """Whether it may load a program as another than the object says."""
        return self.every_changed or program in self.changed

    def sizes(self, name: str) -> bool:
        """Whether a map may have another size or type than the object says, or not be made."""
        return self.every_sized or name in self.sized

    def shown(self) -> str:
        said = {
            "may leave out": _listed(self.optional, every=self.every_optional),
            "attaches by hand": _listed(self.by_hand, every=self.every_by_hand),
            "sends elsewhere": _listed(self.retargeted, every=self.every_retargeted),
            "changes": _listed(self.changed, every=self.every_changed),
            "sizes": _listed(self.sized, every=self.every_sized),
            "raises RLIMIT_MEMLOCK to": _limit(self.memlock),
            "not read": self.unread,
        }
        return "\n".join(f"{what} {names}" for what, names in said.items() if names) or "(none)"


ANYTHING = Loader(
    every_optional=True,
    every_by_hand=True,
    every_retargeted=True,
    every_changed=True,
    every_sized=True,
)
"""A loader of which nothing is known: it may do anything."""


def _listed(names: tuple[str, ...], *, every: bool) -> str:
    return ", ".join((*names, *(["any of them"] if every else [])))


def _limit(limit: int | None) -> str:
    return "" if limit is None else "infinity" if limit < 0 else f"{limit} bytes"


class AskLoader(Question[Loader], frozen=True):
    """Read the C of a program's user space part; the first file is the program's own.

    Nothing is run or compiled, and no `#include` is followed: a function that is in none of the
    files may do anything with a program or map that it is given.
    """

    files: tuple[str, ...]

    asks = "tree"

    def put(self, machine: Machine) -> Loader | NoAnswer:
        texts: list[str] = []
        for path in self.files:
            text = _text(path)
            if isinstance(text, NoAnswer):
                return text
            texts.append(text)
        return read_loader(texts)

    def source(self) -> str:
        return f"the calls of libbpf in {' '.join(self.files)}"


def _text(path: str) -> str | NoAnswer:
    try:
        data = read_published(path, LARGEST + 1)
    except NotRegularError as error:
        return NoAnswer("refused", str(error.strerror))
    except PrivateError as error:
        return NoAnswer("EACCES", str(error.strerror))
    except OSError as error:
        return NoAnswer.from_error(error)
    except ValueError as error:  # a path with a NUL byte
        return NoAnswer("refused", str(error))
    if len(data) > LARGEST:
        return NoAnswer("too-large", f"more than {LARGEST} bytes")
    return data.decode(errors="replace")


def read_loader(texts: list[str]) -> Loader:
    """What a loader does whose sources are these; the first is the program's own."""
    steps = StepLimit(MOST_STEPS)
    bare = [uncommented(text) for text in texts]
    try:
        code = SourceCode([word for each in bare for word in _words(each, steps)], steps)
        uses = Uses(code, Expressions(code, steps), steps)
        limit = _memlock(bare[0], steps) if bare else None
    except TooMuchError:
        return msgspec.structs.replace(ANYTHING, unread="more steps than are spent on it")
    return Loader(
        *uses.programs(OPTIONAL),
        *uses.programs(BY_HAND),
        *uses.programs(RETARGETED),
        *uses.programs(CHANGED),
        *uses.maps(SIZED),
        limit,
        (*uses.opened, *files_opened(code)),
    )


def _memlock(text: str, steps: StepLimit) -> int | None:
    """The limit that is raised whatever `#if` says: the same with and without what lies below."""
    told = {
        raised_to(SourceCode(_words(text, steps, certain=each), steps)) for each in (True, False)
    }
    return told.pop() if len(told) == 1 else None


def _words(text: str, steps: StepLimit, *, certain: bool = False) -> list[str]:
    return words_of(lines_of(text, certain=certain), steps)
