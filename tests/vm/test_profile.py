"""`profile` samples by the cycle counter, which our emulated machines lack. By the software clock
it runs on any: all but the source of its samples is proven so, on this very kernel."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest
from loud import missing

from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.model import Stage
from bpfdoctor.projects.reader import kind_named
from bpfdoctor.smoke.build import Built
from bpfdoctor.smoke.program import run_question
from bpfdoctor.smoke.run import Ran, RunProgram
from bpfdoctor.smoke.stages import stages_of

NAME = "profile"


def with_option(option: str, binary: Path) -> RunProgram:
    """As the smoke runs it, and one option more."""
    built = Built(0, "", str(binary), hashlib.sha256(binary.read_bytes()).hexdigest())
    asked = run_question(built, NAME, kind_named("libbpf-bootstrap").programs[NAME])
    return msgspec.structs.replace(asked, arguments=(*asked.arguments, option))


@pytest.mark.usefixtures("kernel")
def test_profile_fires_by_the_clock_in_software(live: LiveHost, work: Path) -> None:
    binary = work / "programs" / NAME
    if not binary.exists():
        missing(f"{NAME}, which was not built in that checkout")
    question = with_option("--sw-event", binary)
    answer = live.ask(question)
    assert isinstance(answer, Ran), answer
    stages = {each.stage: each.happened for each in stages_of(question, answer)}
    assert stages == {Stage.LOAD: True, Stage.ATTACH: True, Stage.FIRES: True}, answer.shown()
