"""What objects are called among others, and which of their programs a name means."""

from __future__ import annotations

import pytest

from bpfdoctor.api import Stage, Target
from bpfdoctor.engine.object_names import chosen, labels
from bpfdoctor.errors import BpfDoctorError

PROGRAMS = {"a.o": ("one", "both"), "b.o": ("two", "both")}
STAGES = {"a.o": Stage.LOAD, "b.o": Stage.ATTACH}


@pytest.mark.parametrize(
    ("paths", "called"),
    [
        (["build/a.o"], ["a.o"]),
        (["build/a.o", "build/b.o"], ["a.o", "b.o"]),
        (["x/a.o", "y/a.o"], ["x/a.o", "y/a.o"]),
        (["1/x/a.o", "2/x/a.o", "2/x/b.o"], ["1/x/a.o", "2/x/a.o", "b.o"]),
        (["/top/x/a.o", "x/a.o"], ["top/x/a.o", "x/a.o"]),
        (["a.o", "x/a.o"], ["a.o", "x/a.o"]),
        (["/a.o", "/x/a.o"], ["/a.o", "x/a.o"]),
        (["x//a.o", "./y/a.o"], ["x/a.o", "y/a.o"]),
        (["../a.o", "a.o"], ["../a.o", "a.o"]),
    ],
)
def test_an_object_is_called_by_the_shortest_end_that_no_other_has(
    paths: list[str], called: list[str]
) -> None:
    assert list(labels(paths).values()) == called


def test_without_a_name_every_program_is_meant_to_the_stage_of_its_object() -> None:
    assert chosen((), PROGRAMS, STAGES) == {
        "a.o": [Target("one", Stage.LOAD), Target("both", Stage.LOAD)],
        "b.o": [Target("two", Stage.ATTACH), Target("both", Stage.ATTACH)],
    }


@pytest.mark.parametrize(
    ("text", "label", "target"),
    [
        ("one", "a.o", Target("one", Stage.LOAD)),
        ("two:load", "b.o", Target("two", Stage.LOAD)),
        ("one:fires", "a.o", Target("one", Stage.FIRES)),
        ("b.o/both", "b.o", Target("both", Stage.ATTACH)),
        ("a.o/both:attach", "a.o", Target("both", Stage.ATTACH)),
    ],
)
def test_a_name_means_one_program_of_one_object(text: str, label: str, target: Target) -> None:
    assert chosen((text,), PROGRAMS, STAGES) == {label: [target]}


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("both", "2 objects have a program 'both'", "a.o/both, b.o/both"),
        ("onee", "no program called 'onee'", "one"),
        ("c.o/one", "no object called 'c.o'", "b.o"),
        ("b.o/one", "no program called 'one'", "two"),
        ("one:build", "is built already", "load, attach and fires"),
        ("one:lod", "no stage 'lod'", "load"),
    ],
)
def test_a_name_that_cannot_be_meant_is_a_mistake(text: str, said: str, hint: str) -> None:
    with pytest.raises(BpfDoctorError, match=said) as caught:
        chosen((text,), PROGRAMS, STAGES)
    assert hint in caught.value.hint
