"""Words for a person on standard error, and the question that is put there."""

from __future__ import annotations

import io

import pytest

from bpfdoctor.cli.terminal import answer_to, say
from bpfdoctor.visible import page


def test_a_line_runs_nothing_where_it_is_pasted(capsys: pytest.CaptureFixture[str]) -> None:
    say("touch x > y")
    assert capsys.readouterr().err == "| touch x > y\n"


def test_a_line_is_one_row_whatever_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"bpfdoctor: {' ' * 200}a\nb")
    assert capsys.readouterr().err == "bpfdoctor: [201 spaces] a\\nb\n"


def test_a_page_that_was_made_visible_keeps_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    say(page(["bpfdoctor: a", "| b"]))
    assert capsys.readouterr().err == "bpfdoctor: a\n| b\n"


def test_a_question_has_no_gap_behind_which_a_forged_one_would_begin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\nn\n"))
    assert answer_to(f"Do it{' ' * 200}? ") == "y\n"
    assert capsys.readouterr().err == "Do it [200 spaces] ? "
