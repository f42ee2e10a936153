"""Checks are loaded by path, whatever one file does, and refused where they are unsound."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import bpfdoctor
from bpfdoctor.api import Check
from bpfdoctor.engine.load import PACKAGE, Loaded, in_order, load_checks, refuse_unsound
from bpfdoctor.errors import BpfDoctorError

FILE = """
from bpfdoctor.api import check, passed

@check("{0}.second", title="written first")
def second(context):
    "Pass."
    return passed("fine")

@check("{0}.first", title="written second")
def first(context):
    "Pass."
    return passed("fine")

LIMIT = 3
"""


def make(check_id: str, *requires: str) -> Check:
    return Check(check_id, check_id, lambda context: None, requires)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place where bpfdoctor seems to be installed, without a check, and none is loaded yet."""
    monkeypatch.setattr(bpfdoctor, "__file__", str(tmp_path / "bpfdoctor/__init__.py"))
    for name in [each for each in sys.modules if each == PACKAGE or each.startswith(f"{PACKAGE}.")]:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path


def written(place: Path, **files: str) -> None:
    place.mkdir(parents=True)
    for name, text in files.items():
        (place / f"{name}.py").write_text(text)


def loaded() -> Loaded:
    """What is loaded; nothing of it stays behind."""
    before = set(sys.modules)
    try:
        return load_checks()
    finally:
        for name in set(sys.modules) - before:
            del sys.modules[name]


@pytest.mark.parametrize("place", ["checks", "bpfdoctor/checks"])
def test_checks_are_found_beside_the_package_or_inside_in_the_order_written(
    installed: Path, place: str
) -> None:
    written(installed / place, two=FILE.format("two"), one=FILE.format("one"), _no="1 / 0")
    found = loaded()
    assert [check.id for check in found.checks] == [
        "one.second",
        "one.first",
        "two.second",
        "two.first",
    ]
    assert found.broken == {}


def test_checks_inside_the_package_come_before_a_directory_beside_it(installed: Path) -> None:
    written(installed / "checks", mine=FILE.format("mine"))
    written(installed / "bpfdoctor/checks", ours=FILE.format("ours"))
    assert {check.subject for check in loaded().checks} == {"ours"}


@pytest.mark.parametrize("fault", ["1 / 0", "this is no Python"])
def test_a_file_that_cannot_be_imported_is_recorded_and_the_others_load(
    installed: Path, fault: str
) -> None:
    written(installed / "checks", bad=fault, good=FILE.format("good"))
    found = loaded()
    assert [check.id for check in found.checks] == ["good.second", "good.first"]
    assert set(found.broken) == {"bad"}
    assert fault in found.broken["bad"]


def test_two_files_with_one_id_are_refused_by_name(installed: Path) -> None:
    written(installed / "checks", one=FILE.format("same"), two=FILE.format("same"))
    with pytest.raises(BpfDoctorError, match=r"same\.first"):
        loaded()


def test_our_own_checks_load_and_every_one_explains_itself() -> None:
    found = load_checks()
    assert found.broken == {}
    assert [check.id for check in found.checks if len(check.doc.strip()) < 80] == []


def test_a_cycle_is_refused_by_name() -> None:
    cycle = [make("a.one", "a.two[part]"), make("a.two", "a.one")]
    for refuse in (in_order, refuse_unsound):
        with pytest.raises(BpfDoctorError, match=r"a\.(one|two) → a\.(one|two)"):
            refuse(cycle)


def test_an_unknown_requirement_is_refused_when_checks_are_loaded() -> None:
    refuse_unsound([make("a.one", "a.two[part]"), make("a.two")])
    with pytest.raises(BpfDoctorError, match=r"a\.one requires a\.typo"):
        refuse_unsound([make("a.one", "a.typo"), make("a.two")])
