"""Which step is blamed, and what a run ends with."""

from __future__ import annotations

from pathlib import Path

import pytest
from fix_world import no_dry_run, report

from bpfdoctor.fix.applying.applier import Applied, Done
from bpfdoctor.fix.commands.options import Voice
from bpfdoctor.fix.commands.run_result import closed, did_not_take
from bpfdoctor.fix.journal.write import Journal, Result
from bpfdoctor.fix.plan import Plan, Step
from bpfdoctor.model import Reported, Status


def done(name: str, result: Result = "done", why: str = "") -> Done:
    return Done(Step(name, "run", name, ("true",), why=(why,) if why else ()), result)


def finding(key: str, status: Status) -> Reported:
    return Reported(key, "", key, "", status, True, "", (), (), ())


FAILING = report((finding("k", Status.FAIL), finding("w", Status.WARN)), 1)


@pytest.mark.parametrize(
    ("steps", "blamed"),
    [
        ((done("a"), done("b")), ""),
        ((done("a", why="k"), done("b", "failed"), done("c", "failed")), "b"),
        ((done("a", why="k"), done("b", why="k"), done("c")), "b"),
        ((done("a", "not-taken"), done("b")), "a"),
        ((done("a", "not-taken"), done("b", why="k")), "b"),
        ((done("a", why="w"),), ""),
        ((done("a", why="other"),), ""),
    ],
)
def test_the_step_that_is_at_fault_is_named(steps: tuple[Done, ...], blamed: str) -> None:
    text = did_not_take([Applied("r", steps[:1]), Applied("r", steps[1:])], FAILING)
    assert text.rpartition(" ")[2] == blamed


def test_a_run_ends_with_its_status_and_its_name(tmp_path: Path) -> None:
    said: list[str] = []
    journal = Journal.begin(tmp_path, Plan())
    voice = Voice(print, said.append, lambda question: None, False, no_dry_run)
    assert closed(journal, 3, voice) == 3
    assert journal.path.read_text().splitlines()[-1] == '{"event":"finished","exit":3}'
    assert said == [f"To take it back: bpfdoctor undo {journal.run}"]
