"""Questions and answers: what may be asked of a machine, as values.

A question is frozen data that knows how to put itself to a live machine; its answer is frozen data
too. That is all a snapshot needs: a list of both. A question never raises for a state of the
machine: where there is no answer, it returns `NoAnswer` with the reason.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    Literal,
    Protocol,
    TypeVar,
    cast,
    get_type_hints,
)

import msgspec

from bpfdoctor.host.limits import Shortage, shortage_of
from bpfdoctor.model import Evidence, Unrecorded

if TYPE_CHECKING:
    from bpfdoctor.host.grant import Grant
    from bpfdoctor.host.machine import Machine


class Answer(msgspec.Struct, frozen=True, tag=True, tag_field="answer"):
    """What a machine said. Subclasses say how it is shown as evidence."""

    def shown(self) -> str:
        """The answer as a person would have seen it."""
        return ""

    def cut(self) -> bool:
        """Whether `shown` is not all of it."""
        return False

    def grants(self) -> tuple[Grant, ...]:
        """What root may run because of it, in a run that builds and asks by `--sudo`."""
        return ()


NOT_RECORDED = "not-recorded"
"""The reason of a recorded machine that was never asked."""


class NoAnswer(Answer, frozen=True):
    """Why there is no answer.

    `reason` is an errno's name (`ENOENT`, `EACCES`), or `timed-out`, `too-large`, `not-recorded`,
    `refused` (bpfdoctor would not ask: the detail says why) or `broken`. `detail` is a sentence.
    """

    reason: str
    detail: str = ""

    def shown(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else self.reason

    @property
    def absent(self) -> bool:
        """The thing asked for positively does not exist."""
        return self.reason in ("ENOENT", "ENOTDIR")

    @classmethod
    def from_error(cls, error: OSError) -> NoAnswer:
        """The reason that the kernel gave; a limit of the machine with its value."""
        short = shortage_of(error)
        if short is not None:
            return cls.for_want(short)
        return cls(errno_name(error.errno or 0), os.strerror(error.errno or 0))

    @classmethod
    def for_want(cls, short: Shortage) -> NoAnswer:
        """The machine ran out of something: that says nothing about what was asked."""
        return cls(short.reason, str(short))


def errno_name(number: int) -> str:
    """`ENOENT` for 2; the number itself where it has no name (524 is the kernel's ENOTSUPP)."""
    return {524: "ENOTSUPP"}.get(number) or errno.errorcode.get(number, f"errno {number}")


A_co = TypeVar("A_co", bound=Answer, covariant=True)
A = TypeVar("A", bound=Answer)


Whose = Literal["tree", "kernel", "machine"]

KERNELS_PLACES = ("/proc/", "/sys/")


class _OfItsPath:
    """Whose the answer to a question about a path is, by that path."""

    def __get__(self, question: Any, kind: object = None) -> Whose:
        place = os.path.normpath(getattr(question, "path", "")) + "/"
        return "kernel" if place.startswith(KERNELS_PLACES) else "machine"


OF_ITS_PATH = cast("Whose", _OfItsPath())
"""In the place of `Question.asks`: the kernel's for what it shows as files, else the machine's.

What lies in the tree is the tree's; that the router knows (`bpfdoctor.host.routed`).
"""


class Question(msgspec.Struct, Generic[A_co], frozen=True, tag=True, tag_field="ask"):
    """Something to ask of a machine: a kind (the class) and its arguments (the fields).

    A subclass implements `put`, and `command` or `source`. Its name in snapshots is that of its
    class, for ever: one that is renamed keeps the former name by `tag=`.
    """

    privileged: ClassVar[bool] = False
    """The answer depends on the asker's privilege: with `--sudo` it is put as root.

    Each such kind stands in the closed list of `bpfdoctor.host.root_questions`.
    """

    asks: ClassVar[Whose] = "machine"
    """Whose the answer is, so that a tree from here can be judged for a recorded kernel.

    Each kind of ours says it: `tree` is what was checked out or built, `kernel` what runs below,
    `machine` all else (tools, libraries, the user). What asks about a path has `OF_ITS_PATH`.
    """

    builds: ClassVar[bool] = False
    """What it makes may be run as root with `--sudo`: see `Answer.grants`."""

    def put(self, machine: Machine) -> A_co | NoAnswer:
        """Ask the live machine. Only a `Host` calls this."""
        raise NotImplementedError

    def needed(self, answer: Answer) -> Answer:
        """What of an answer a snapshot needs; all of it, unless a subclass says less."""
        return answer

    def about(self) -> Question[Any] | None:
        """What of a tree a kernel is asked about. Its answer is about no other such thing."""
        return None

    def unmatched(self, thing: Answer) -> Answer:
        """The answer where the kernel was not asked about this `thing`."""
        return NoAnswer(NOT_RECORDED, "the recorded kernel was not asked about this")

    def apart(self, answer: Answer) -> Mapping[Question[Any], Answer]:
        """What this answer says to other questions: those of which this was made, once."""
        return {}

    def command(self) -> str | None:
        """The command line that asks the same; None where it takes something else."""
        return None

    def source(self) -> str:
        """What a person would type or look at to ask the same."""
        command = self.command()
        if command is None:
            raise NotImplementedError
        return f"$ {command}"


def answer_type(kind: type[Question[Answer]]) -> object:
    """The type that an answer of this kind of question is decoded to, read off its `put`."""
    return get_type_hints(kind.put, localns={"Machine": object})["return"]


def evidence(question: Question[Answer], answer: Answer) -> Evidence:
    """A question and its answer, for a finding."""
    unrecorded = isinstance(answer, NoAnswer) and answer.reason == NOT_RECORDED
    kind = Unrecorded if unrecorded else Evidence
    return kind(question.source(), answer.shown(), answer.cut())


class Host(Protocol):
    """The only object that touches the machine: live, recording or recorded."""

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """Answer `question`; the same question is put to the machine once. Safe under threads."""
