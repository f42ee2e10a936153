"""The hosts of this machine: one that puts each question once, one that puts it every time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from bpfdoctor.host.limits import shortage_of
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import A, Answer, Host, NoAnswer, Question

if TYPE_CHECKING:
    from bpfdoctor.host.grant import Grant


class Elevated(Protocol):
    """Someone who puts a question as root (`bpfdoctor.host.elevated`)."""

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `Host.ask`."""

    def grant(self, grant: Grant) -> None:
        """Let root run what a build of this run has made."""

    def close(self) -> None:
        """End the privileged process."""


class _Pending:
    """The answer to a question that one thread has put; any other waits for it here."""

    def __init__(self) -> None:
        self._there = threading.Event()
        self._answer: Answer | None = None
        self._error: BaseException | None = None

    def settle(self, answer: Answer | None, error: BaseException | None = None) -> None:
        """Say what came of it, once."""
        self._answer, self._error = answer, error
        self._there.set()

    def result(self) -> Answer:
        """The answer, waited for. Raises what the question raised."""
        self._there.wait()
        if self._error is not None:
            raise self._error
        assert self._answer is not None
        return self._answer


class LiveHost:
    """This machine. With `elevated`, questions that depend on privilege are put as root."""

    def __init__(self, machine: Machine, elevated: Elevated | None = None) -> None:
        self.machine = machine
        self.elevated = elevated
        self._user: Host = self if elevated is None else LiveHost(machine)
        self._asked: dict[Question[Any], _Pending] = {}
        self._lock = threading.Lock()

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """Answer from this run if it was asked before; else put the question to the machine."""
        with self._lock:
            pending = self._asked.get(question)
            first = pending is None
            if pending is None:
                pending = self._asked[question] = _Pending()
        if first:
            self._settle(question, pending)
        return pending.result()  # type: ignore[return-value]

    def _settle(self, question: Question[A], pending: _Pending) -> None:
        try:
            if self.elevated is not None and question.privileged:
                pending.settle(self.elevated.ask(question))
            else:
                pending.settle(self._built(question, _put(question, self.machine)))
        except BaseException as error:  # whoever waits must not wait for ever
            pending.settle(None, error)
            raise

    def _built(self, question: Question[A], answer: A | NoAnswer) -> A | NoAnswer:
        """The answer; root is told first which program it is, where one was built."""
        if self.elevated is not None and question.builds:
            for grant in answer.grants():
                self.elevated.grant(grant)
        return answer

    def as_user(self) -> Host:
        """The same host without root, for whoever is not to reach it."""
        return self if self.elevated is None else UserHost(self, self._user)

    def close(self) -> None:
        """End what this host started and remove what it made."""
        if self.elevated is not None:
            self.elevated.close()
        self.machine.close()


@runtime_checkable
class KnowsUser(Protocol):
    """A host that can be asked without root."""

    def as_user(self) -> Host:
        """The same host; what depends on privilege is put as the user, and kept apart."""


class UserHost:
    """A host without root: what root would be asked, or would run, is put to `user`."""

    def __init__(self, shared: Host, user: Host) -> None:
        self._shared, self._user = shared, user

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `Host.ask`."""
        apart = question.privileged or question.builds
        return (self._user if apart else self._shared).ask(question)


class NobodyHost:
    """Answers nothing."""

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `Host.ask`: always `refused`."""
        return NoAnswer("refused", "only bpfdoctor's own checks may ask this here")


def as_user(host: Host) -> Host:
    """`host` for a check that is not ours: nothing that it asks is put as root by `--sudo`."""
    return host.as_user() if isinstance(host, KnowsUser) else UserHost(host, NobodyHost())


class FreshHost:
    """Asks the machine every time: while it is being changed, no answer is kept."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `Host.ask`, without a memory."""
        return _put(question, self.machine)


def _put(question: Question[A], machine: Machine) -> A | NoAnswer:
    """Put a question; where the machine runs out of something, there is no answer."""
    try:
        return question.put(machine)
    except Exception as error:
        short = shortage_of(error)
        if short is not None:
            return NoAnswer.for_want(short)
        if isinstance(error, OSError):  # a call that is refused here, and nowhere else
            return NoAnswer.from_error(error)
        raise
