"""What tests of the engine share: a checkout, and programs that do as they are told."""

from __future__ import annotations

from pathlib import Path

import pytest

import bpfdoctor.engine.smoke as phase
from bpfdoctor.api import Context, Instead, Target
from bpfdoctor.engine.subject import HOME_PROJECT
from bpfdoctor.projects.reader import kind_named
from bpfdoctor.smoke.model import Observed, Outcome


@pytest.fixture
def checkout(tmp_path: Path) -> str:
    """A checkout of the kind that is judged where there is none, with the program `minimal`."""
    recognise = kind_named(HOME_PROJECT).recognise
    assert recognise
    for name in (f"{recognise.directories[0]}/{name}" for name in recognise.files):
        place = tmp_path / "tree" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("APPS = minimal\n" if name.endswith("Makefile") else "")
    return str(tmp_path / "tree")


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Outcome]:
    """What the run of a program is to have shown: the phase judges it, nothing is run."""
    outcomes: list[Outcome] = []

    def run(context: Context, target: Target, instead: Instead | None) -> Observed:
        return Observed(target.program, tuple(outcomes), instead)

    monkeypatch.setattr(phase, "_run", run)
    return outcomes
