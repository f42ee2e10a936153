"""A tree, a kernel and a machine that may each be elsewhere, asked as one host.

A tree that is here is judged for a kernel that was recorded: each question goes to the one whose
it is (`Question.asks`). Nothing of this machine's kernel is in the answer for another.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from typing import Any

from bpfdoctor.host.hosts import as_user
from bpfdoctor.host.question import NOT_RECORDED, A, Answer, Host, NoAnswer, Question, Whose


class Routed:
    """Three hosts as one.

    `root` is the directory of the tree. With `files` the tree is these alone: what else is asked of
    a tree, and a file that is not there, is the machine's, where it may have been recorded.
    """

    def __init__(
        self,
        *,
        tree: Host,
        kernel: Host,
        machine: Host,
        root: str = "",
        files: Collection[str] = (),
    ) -> None:
        self._hosts: dict[Whose, Host] = {"tree": tree, "kernel": kernel, "machine": machine}
        self._root, self._files = root, frozenset(files)

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `Host.ask`."""
        return self._answer(question)  # type: ignore[return-value]

    def as_user(self) -> Host:
        """The same, with each of the three asked as the user."""
        tree, kernel, machine = map(as_user, self._hosts.values())
        return Routed(tree=tree, kernel=kernel, machine=machine, root=self._root, files=self._files)

    def _answer(self, question: Question[Any]) -> Answer:
        thing = question.about()
        if thing is not None:
            return self._about(question, thing)
        if self._is_of_tree(question):
            return self._of_tree(question)
        whose = "machine" if question.asks == "tree" else question.asks
        return self._hosts[whose].ask(question)

    def _is_of_tree(self, question: Question[Any]) -> bool:
        path: str = getattr(question, "path", getattr(question, "cwd", ""))
        if self._files:
            return path in self._files
        return question.asks == "tree" or (question.asks == "machine" and self._holds(path))

    def _holds(self, path: str) -> bool:
        """The path is that of the tree, or of what lies in it."""
        if not path or not self._root:
            return False
        return f"{_whole(path)}/".startswith(f"{_whole(self._root)}/")

    def _of_tree(self, question: Question[Any]) -> Answer:
        found = self._hosts["tree"].ask(question)
        if self._files and isinstance(found, NoAnswer) and found.absent:
            recorded = self._hosts["machine"].ask(question)
            return found if _is_unrecorded(recorded) else recorded
        return found

    def _about(self, question: Question[Any], thing: Question[Any]) -> Answer:
        """What the kernel says of a thing of the tree, if it was asked about the same."""
        tree, kernel = self._hosts["tree"], self._hosts["kernel"]
        if tree is kernel:
            return kernel.ask(question)
        found = self.ask(thing)
        known = found == kernel.ask(thing)
        said = kernel.ask(question) if known else None
        return question.unmatched(found) if said is None or _is_unrecorded(said) else said


def _whole(path: str) -> str:
    with contextlib.suppress(OSError):  # no working directory
        return os.path.abspath(path)
    return os.path.normpath(path)


def _is_unrecorded(answer: Answer) -> bool:
    return isinstance(answer, NoAnswer) and answer.reason == NOT_RECORDED
