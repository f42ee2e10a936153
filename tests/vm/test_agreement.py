"""The judge of predictions is itself judged: each kind of disagreement is one line."""

from __future__ import annotations

from typing import Any

import pytest
from virtual.agreement import disagreements, truth
from virtual.objects import contradictions


def programs(**readiness: str) -> dict[str, dict[str, dict[str, Any]]]:
    stages = {"load": "ready", "attach": "ready", "fires": "ready", **readiness}
    return {"it": {name: {"readiness": each, "because": []} for name, each in stages.items()}}


def seen(**stages: bool | None) -> dict[str, dict[str, Any]]:
    return {"it": {"stages": stages, "output": "what it said"}}


RAN: dict[str, bool | None] = {"load": True, "attach": True, "fires": True}


def lines(predicted: dict[str, str], did: dict[str, bool | None], *, decided: bool) -> list[str]:
    return list(disagreements(programs(**predicted), seen(**did), decided=decided))


def test_what_ran_as_predicted_is_no_disagreement() -> None:
    assert lines({}, RAN, decided=True) == []


def test_what_cannot_load_cannot_attach_or_fire() -> None:
    assert truth({"load": False}) == {"load": False, "attach": False, "fires": False}
    assert len(lines({}, {"load": False}, decided=True)) == 3


def test_what_nobody_could_see_is_not_held_against_a_prediction() -> None:
    assert lines({}, {"load": True, "attach": True, "fires": None}, decided=True) == []


@pytest.mark.parametrize("decided", [True, False])
def test_a_program_that_ran_was_not_to_be_called_not_ready(decided: bool) -> None:
    (line,) = lines({"fires": "not-ready"}, RAN, decided=decided)
    assert line == "it fires: not-ready [], and it worked"


def test_unknown_is_wrong_only_where_the_machine_is_open() -> None:
    assert lines({"fires": "unknown"}, RAN, decided=False) == []
    assert len(lines({"fires": "unknown"}, RAN, decided=True)) == 1


@pytest.mark.parametrize(
    ("because", "lines"),
    [(["object.helpers[it/p]"], 0), (["object.helpers[it/p]", "kernel.btf"], 1)],
)
def test_helpers_that_are_asked_for_before_they_are_called_may_be_left_open(
    because: list[str], lines: int
) -> None:
    said = programs(load="unknown")
    said["it"]["load"]["because"] = because
    assert len(list(disagreements(said, seen(**RAN), decided=True))) == lines


def held(kind: str, target: str, *, because: str, **seen: bool | None) -> dict[str, Any]:
    """An object of one program, of which everything is `unknown`, because of one finding."""
    word = {"readiness": "unknown", "because": [because]}
    return {
        "o.bpf.o": {
            "programs": {"it": {"load": word, "attach": word, "fires": word}},
            "exit": 3,
            "kinds": {"it": [kind, target]},
            "why": {because: "the words of that"},
            "seen": {"it": {"stages": seen, "output": ""}},
        }
    }


@pytest.mark.parametrize(
    ("kind", "target", "because", "lines"),
    [
        ("xdp", "", "object.programs[it]", 0),
        ("fentry", "", "object.programs[it]", 0),
        ("fentry", "vfs_unlink", "object.programs[it]", 1),
        ("xdp", "", "object.maps", 1),
    ],
)
def test_an_objects_program_is_left_open_only_where_its_loader_decides(
    kind: str, target: str, because: str, lines: int
) -> None:
    found = held(kind, target, because=because, load=True, attach=True)
    told = list(contradictions(found, decided=True))
    assert len(told) == lines
    assert all("the words of that" in line for line in told)
    assert not list(contradictions(found, decided=False))
