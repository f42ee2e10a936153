"""The hosts of this machine: one that puts each question once, one that puts it every time."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any, Protocol

from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import A, Answer, NoAnswer, Question


class Elevated(Protocol):
    """Someone who puts a question as root (`bpfdoctor.host.elevated`)."""

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `Host.ask`."""

    def close(self) -> None:
        """End the privileged process."""


class LiveHost:
    """This machine. With `elevated`, questions that depend on privilege are put as root."""

    def __init__(self, machine: Machine, elevated: Elevated | None = None) -> None:
        self.machine = machine
        self.elevated = elevated
        self._futures: dict[Question[Any], Future[Answer]] = {}
        self._lock = threading.Lock()

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """Answer from this run if it was asked before; else put the question to the machine."""
        with self._lock:
            future = self._futures.get(question)
            first = future is None
            if future is None:
                future = self._futures[question] = Future()
        if first:
            self._settle(question, future)
        return future.result()  # type: ignore[return-value]

    def _settle(self, question: Question[A], future: Future[Answer]) -> None:
        try:
            if self.elevated is not None and question.privileged:
                future.set_result(self.elevated.ask(question))
            else:
                future.set_result(question.put(self.machine))
        except BaseException as error:  # whoever waits must not wait for ever
            future.set_exception(error)
            raise

    def close(self) -> None:
        """End what this host started and remove what it made."""
        if self.elevated is not None:
            self.elevated.close()
        self.machine.close()


class FreshHost:
    """Asks the machine every time: while it is being changed, no answer is kept."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `Host.ask`, without a memory."""
        return question.put(self.machine)
