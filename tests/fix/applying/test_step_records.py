"""A step's lines: what there is before it, and what has become of it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path

from manager_says import STATES, ManagerHost, installed
from msgspec.structs import replace

from bpfdoctor.fix.applying.process import StepExit
from bpfdoctor.fix.applying.step_records import after_it, before_it
from bpfdoctor.fix.catalogue.tables import catalogue
from bpfdoctor.fix.journal.undo_state import digest_of
from bpfdoctor.fix.journal.write import OUTPUT, After, Before
from bpfdoctor.fix.plan import Step

INSTALL = Step("packages", "install", "t", ("apt-get", "install"), manager="apt")
HOST = ManagerHost(installed("old", "x"))
GOOD = StepExit(0, "said")


def ended(step: Step, exit_: StepExit = GOOD, host: ManagerHost = HOST) -> After:
    return after_it(host, Before(step, step.argv, "", ("old",)), exit_, 1.23456)


def writing(path: Path) -> Step:
    return Step("w", "run", "t", ("cat",), output=str(path), owner_of=str(path.parent))


def test_what_is_there_before_a_step_is_noted() -> None:
    before = before_it(ManagerHost(installed("a", settings=("b",))), INSTALL, ("sudo", "x"))
    assert (before.step, before.argv) == (INSTALL, ("sudo", "x"))
    assert (before.packages, before.leftovers, before.intended) == (("a",), ("b",), None)
    assert not before.fresh
    assert before.at.endswith("Z")


def test_what_the_manager_will_add_is_noted_for_a_run_that_is_killed() -> None:
    argv = (*catalogue().managers["apt"].install, "make")
    line = shlex.join((argv[0], "-s", *argv[1:]))
    host = ManagerHost({**installed("a"), line: "Inst make (4.3-4.1 Debian:12 [amd64])\n"})
    assert before_it(host, replace(INSTALL, argv=argv), argv).intended == ("make", "make:amd64")


def test_what_root_writes_into_a_tree_is_its_owners(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    os.chown(tmp_path, 4711, 4712)
    ended(writing(tmp_path / "a"), StepExit(0, "", b"text"))
    assert (tmp_path / "a").stat().st_uid == 4711


def test_a_file_that_was_there_is_not_taken_for_ours(tmp_path: Path) -> None:
    step = writing(tmp_path / "a")
    assert before_it(HOST, step, step.argv).fresh
    (tmp_path / "a").symlink_to("nowhere")
    assert not before_it(HOST, step, step.argv).fresh


def test_how_a_command_ended_is_noted() -> None:
    after = ended(INSTALL, StepExit(0, "x" * OUTPUT + "end"))
    assert (after.step, after.result, after.exit_code) == ("packages", "done", 0)
    assert (after.seconds, after.reason, after.added) == (1.235, "", ("x",))
    assert after.output == "x" * (OUTPUT - 3) + "end"
    assert (after.digest, after.mount) == ("", "")


def test_what_failed_is_said_and_what_it_added_is_noted_all_the_same() -> None:
    after = ended(INSTALL, StepExit(7, "said", reason="because"))
    assert (after.result, after.exit_code, after.reason) == ("failed", 7, "because")
    assert after.added == ("x",)


def test_of_a_command_that_was_cut_off_nobody_knows_what_it_added() -> None:
    assert ended(INSTALL, StepExit(None, "", reason="given up", cut_off=True)).added is None
    assert ended(INSTALL, host=ManagerHost({STATES: (1, "")})).added is None


def test_output_becomes_a_file_with_its_digest(tmp_path: Path) -> None:
    after = ended(writing(tmp_path / "a"), StepExit(0, "", b"text"))
    assert (tmp_path / "a").read_bytes() == b"text"
    assert (after.result, after.digest) == ("done", digest_of(str(tmp_path / "a")))
    assert len(after.digest) == 64


def test_the_output_of_a_command_that_failed_becomes_no_file(tmp_path: Path) -> None:
    after = ended(writing(tmp_path / "a"), StepExit(1, "", b"text"))
    assert (after.result, after.digest) == ("failed", "")
    assert not (tmp_path / "a").exists()


def test_a_file_that_cannot_be_written_is_a_failure_and_what_is_there_is_not_ours(
    tmp_path: Path,
) -> None:
    (tmp_path / "a").write_text("mine")
    after = ended(writing(tmp_path / "a"), StepExit(0, "", b"text"))
    assert (after.result, after.digest) == ("failed", "")
    assert "File exists" in after.reason
    assert str(tmp_path / "a") in after.reason


def test_a_command_that_ends_well_and_brings_nothing_did_not_take() -> None:
    refresh = Step("r", "refresh", "t", ("apt-get", "update"), manager="apt")
    after = ended(refresh)
    assert (after.result, after.exit_code) == ("not-taken", 0)
    assert "package lists" in after.reason
