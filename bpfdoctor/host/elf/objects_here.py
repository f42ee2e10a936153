"""A recorded machine, and objects that are on this one."""

from __future__ import annotations

from collections.abc import Iterable

from bpfdoctor.host.elf.ask_fixed_reads import AskFixedReads
from bpfdoctor.host.elf.ask_object import NO_KERNEL, AskBpfObject
from bpfdoctor.host.elf.bpf_object import BpfObject
from bpfdoctor.host.elf.fixed_reads import FixedReads
from bpfdoctor.host.question import NOT_RECORDED, A, Host, NoAnswer, Question


class ObjectsHere:
    """Answers for the objects at `paths` from `here`, and for all else from `there`.

    Of `here` only the files are read: its kernel is not the one that is judged. An object that is
    not here may have been recorded there.
    """

    def __init__(self, there: Host, here: Host, paths: Iterable[str]) -> None:
        self.there, self.here = there, here
        self.paths = frozenset(paths)

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `Host.ask`."""
        if isinstance(question, AskBpfObject) and question.path in self.paths:
            return self._object(question)  # type: ignore[return-value]
        if isinstance(question, AskFixedReads) and question.path in self.paths:
            return self._reads(question)  # type: ignore[return-value]
        return self.there.ask(question)

    def as_user(self) -> Host:
        """Itself: of here it reads files, as the user."""
        return self

    def _reads(self, question: AskFixedReads) -> FixedReads | NoAnswer:
        found = self.here.ask(question)
        absent = isinstance(found, NoAnswer) and found.absent
        return self.there.ask(question) if absent else found

    def _object(self, question: AskBpfObject) -> BpfObject | NoAnswer:
        found = self.here.ask(AskBpfObject(question.path, NO_KERNEL))
        if not isinstance(found, NoAnswer) or not found.absent:
            return found
        recorded = self.there.ask(question)
        unrecorded = isinstance(recorded, NoAnswer) and recorded.reason == NOT_RECORDED
        return found if unrecorded else recorded
