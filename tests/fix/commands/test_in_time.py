"""A plan is made within its time limit, and what took long is named."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from bpfdoctor.errors import UndeterminedError
from bpfdoctor.fix.commands.in_time import planned_in_time
from bpfdoctor.fix.plan import Plan
from bpfdoctor.host.question import Host
from bpfdoctor.host.system.files import ReadFile
from bpfdoctor.testing import FakeHost


class Hanging(FakeHost):
    """A host that answers no question before it is let go."""

    def __init__(self) -> None:
        super().__init__({})
        self.free = threading.Event()

    def ask(self, question: Any) -> Any:
        self.free.wait(60)
        return super().ask(question)


def asking(host: Host) -> Plan:
    host.ask(ReadFile("/etc/slow"))
    return Plan(())


def test_a_plan_that_takes_too_long_is_undetermined_and_names_what_it_asked() -> None:
    host = Hanging()
    try:
        with pytest.raises(UndeterminedError, match="/etc/slow") as wrong:
            planned_in_time(host, asking, 0.05)
    finally:
        host.free.set()
    assert "nothing was done" in repr((wrong.value, wrong.value.hint))


def test_a_plan_that_is_made_in_time_is_that_plan() -> None:
    assert planned_in_time(FakeHost({}), lambda asked: Plan(())) == Plan(())
