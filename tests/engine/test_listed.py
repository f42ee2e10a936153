"""A program that is asked for by name, and that the makefile's list lacks."""

from __future__ import annotations

import msgspec
import pytest

from bpfdoctor.api import ProgramList, Target
from bpfdoctor.engine.options import Options
from bpfdoctor.engine.select import choose_selection
from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.testing import FakeHost, project_named


def test_a_program_that_the_list_lacks_is_told_as_just_that() -> None:
    listing = ProgramList("read", "APPS", "examples/c/Makefile", unlisted=("mine",))
    project = msgspec.structs.replace(project_named(path="/tree"), listing=listing)
    with pytest.raises(BpfDoctorError) as raised:
        choose_selection(FakeHost(), project, Options(targets=(Target("mine"),)))
    assert raised.value.message == (
        "APPS in examples/c/Makefile does not name 'mine', though mine.bpf.c is there"
    )
    assert raised.value.hint == "make does not build it: add it to APPS"


def test_a_name_that_nobody_has_is_still_a_near_miss() -> None:
    with pytest.raises(BpfDoctorError) as raised:
        choose_selection(FakeHost(), project_named(), Options(targets=(Target("minmal"),)))
    assert raised.value.hint == "did you mean minimal?"
