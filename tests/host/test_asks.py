"""Each kind of question says whose the answer is: the tree's, the kernel's or the machine's."""

from __future__ import annotations

from typing import Any

import pytest

from bpfdoctor.host.catalog import question_kinds
from bpfdoctor.host.question import OF_ITS_PATH, Question

KINDS = question_kinds()


def says(kind: type[Question[Any]]) -> object:
    return vars(kind).get("asks")


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_says_whose_it_is_by_itself(name: str) -> None:
    assert says(KINDS[name]) in ("tree", "kernel", "machine", OF_ITS_PATH)


@pytest.mark.parametrize("name", [name for name in KINDS if says(KINDS[name]) is OF_ITS_PATH])
def test_what_goes_by_its_path_has_one(name: str) -> None:
    kind = KINDS[name]
    assert "path" in kind.__struct_fields__
    for path, whose in {"/proc/self": "kernel", "/sys/": "kernel", "/system": "machine"}.items():
        assert kind(path=path).asks == whose


def test_whose_a_question_is_is_no_part_of_it() -> None:
    assert not [name for name, kind in KINDS.items() if "asks" in kind.__struct_fields__]
