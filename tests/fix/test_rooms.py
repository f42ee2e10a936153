"""Each module of `fix/` is tried by the tests of its own room."""

from __future__ import annotations

from pathlib import Path

import pytest

import bpfdoctor.fix

ROOM = Path(bpfdoctor.fix.__file__).parent
MODULES = [path.relative_to(ROOM) for path in ROOM.rglob("*.py") if path.stem != "__init__"]


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_no_module_is_without_a_test_of_its_own_room(module: Path) -> None:
    *place, name = ("bpfdoctor.fix", *module.with_suffix("").parts)
    room = ".".join(place)
    spelt = (f"from {room}.{name} import", f"from {room} import {name}\n")
    tests = (Path(__file__).parent / module.parent).glob("test_*.py")
    texts = [path.read_text() for path in tests]
    assert any(line in text for text in texts for line in spelt)
