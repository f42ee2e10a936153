"""Hosts for questions outside any check: what takes long has a name, or is no answer."""

from __future__ import annotations

from typing import Any

from bpfdoctor.host.limited import TooLongError, within
from bpfdoctor.host.question import A, Host, NoAnswer, Question


class Followed:
    """A host that knows which question it was asked last: what takes long has a name."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._last: Question[Any] | None = None
        self._open = False

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `Host.ask`."""
        self._last, self._open = question, True
        answer = self._host.ask(question)
        self._open = False
        return answer

    def place(self) -> str:
        """What is being waited for, or worked on, in words."""
        if self._last is None:
            return "nothing was asked yet"
        source = self._last.command() or self._last.source()
        if self._open:
            return f"there is no answer yet to `{source}`"
        return f"what `{source}` told takes too long to work out"


class LimitedHost:
    """A host for questions outside any check: `timed-out` where an answer takes too long."""

    def __init__(self, host: Host, seconds: float) -> None:
        self._host, self._seconds = host, seconds
        self._known: dict[Question[Any], Any] = {}

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `Host.ask`, within the limit."""
        if question not in self._known:
            self._known[question] = self._put(question)
        return self._known[question]  # type: ignore[no-any-return]

    def _put(self, question: Question[A]) -> A | NoAnswer:
        try:
            return within(self._seconds, lambda: self._host.ask(question))
        except TooLongError as error:
            return NoAnswer("timed-out", str(error))
