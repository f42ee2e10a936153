"""What a smoke test builds is what root may run, and nothing that failed to be built."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from bpfdoctor.cli.examine import live_host
from bpfdoctor.cli.parameters import Given
from bpfdoctor.cli.progress import Watcher
from bpfdoctor.engine.options import ObjectTarget
from bpfdoctor.host.bpf.fire import Fire
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.warrant import Grants, Warrant
from bpfdoctor.projects.model import Program
from bpfdoctor.smoke.build import BuildProgram, Built
from bpfdoctor.smoke.elf import RawProgram
from bpfdoctor.smoke.embedded.build import BuildEmbedded, EmbeddedBuilt
from bpfdoctor.smoke.kernel import kernel_question
from bpfdoctor.smoke.program import run_question

BUILT = Built(0, "", "/cache/minimal", "0" * 64)
COMPILED = EmbeddedBuilt(0, "", RawProgram("tracepoint", "b700000001000000", (2,)))
RUN = run_question(BUILT, "minimal", Program("minimal"))
FIRE = Fire("b700000001000000", (2,), "the embedded program", True)


def may_ask(question: Question[Answer], *answers: Answer) -> bool:
    given = Grants(Warrant(smoke=True))
    for answer in answers:
        for grant in answer.grants():
            given.add(msgspec.to_builtins(grant))
    return not given.refusal(question)


def test_a_build_lets_root_run_what_it_made_and_not_what_another_did() -> None:
    assert may_ask(RUN, BUILT)
    assert may_ask(FIRE, COMPILED)
    assert not may_ask(RUN, COMPILED)
    assert not may_ask(FIRE, BUILT)
    assert BuildProgram.builds
    assert BuildEmbedded.builds


def test_a_build_that_failed_lets_root_run_nothing() -> None:
    assert not may_ask(RUN, msgspec.structs.replace(BUILT, status=2))
    assert not may_ask(RUN, NoAnswer("timed-out"))
    assert not may_ask(FIRE, EmbeddedBuilt(1, "error"))


@pytest.mark.parametrize(
    ("given", "runs"),
    [
        (Given(), True),
        (Given(smoke=False), False),
        (Given(objects=(ObjectTarget("a.bpf.o"),)), False),
    ],
    ids=["smoke", "no-smoke", "object"],
)
def test_root_runs_something_in_a_run_that_runs_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Given, runs: bool
) -> None:
    sudo = tmp_path / "sudo"
    sudo.write_text('#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n')
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)  # who is root asks nobody
    with live_host(given._replace(sudo=True, cache=False), Watcher()) as host:
        answer = host.ask(kernel_question())
    refused = isinstance(answer, NoAnswer) and answer.reason == "refused"
    assert refused != runs
