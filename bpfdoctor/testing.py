"""For authors of checks: a host of prepared answers, and a way to run one check on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bpfdoctor.api import Context, Finding, Project, Selection
from bpfdoctor.engine.load import load_checks
from bpfdoctor.engine.run import findings_of
from bpfdoctor.host.question import A, Answer, NoAnswer, Question
from bpfdoctor.projects.reader import kind_named
from bpfdoctor.projects.recorded import with_recorded


class FakeHost:
    """Answers the questions it was given, and refuses any other by an AssertionError.

    With `otherwise`, every other question gets that answer.
    """

    def __init__(
        self,
        answers: Mapping[Question[Any], Answer] | None = None,
        otherwise: Answer | None = None,
    ) -> None:
        self.answers = dict(answers or {})
        self.otherwise = otherwise
        self.asked: list[Question[Any]] = []

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `Host.ask`."""
        self.asked.append(question)
        answer = self.answers.get(question, self.otherwise)
        assert answer is not None, f"unexpected question: {question!r}"
        return answer  # type: ignore[return-value]


def project_named(name: str = "libbpf-bootstrap", path: str = "") -> Project:
    """A project of a known kind, with all programs of that kind, and what is recorded of them."""
    kind = kind_named(name)
    return with_recorded(Project(kind, path, tuple(kind.programs)))


def run_check(
    check_id: str,
    host: Any,
    project: Project | None = None,
    selection: Selection = Selection(),  # noqa: B008  (frozen)
    *,
    may_build: bool = True,
) -> tuple[Finding, ...]:
    """Run one of our checks on a host; its findings, each with the check's id."""
    found = [check for check in load_checks().checks if check.id == check_id]
    assert found, f"no check {check_id}"
    context = Context(host, project or project_named(), selection, may_build)
    return tuple(findings_of(found[0], context))


def one(findings: Iterable[Finding]) -> Finding:
    """The only finding."""
    (finding,) = findings
    return finding
