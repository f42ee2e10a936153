"""A host that hangs, as one does whose file system is gone."""

from __future__ import annotations

import threading

from bpfdoctor.host.question import A, NoAnswer, Question


class StuckHost:
    """Answers nothing to one kind of question (to any, if none is named) until it is let go.

    To every other question it says that there is no such thing.
    """

    def __init__(self, kind: str = "") -> None:
        self.kind, self.let_go = kind, threading.Event()

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `Host.ask`."""
        if self.kind in ("", type(question).__name__):
            self.let_go.wait()
        return NoAnswer("ENOENT")
