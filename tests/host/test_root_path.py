"""Whose commands root would run: a directory of the PATH that another may change."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.host.root_path import changeable_by_others


@pytest.fixture
def open_to_root(needs: Callable[..., None]) -> None:
    needs("root")


@pytest.mark.usefixtures("open_to_root")
@pytest.mark.parametrize(
    ("uid", "mode", "who"),
    [
        (0, 0o755, ""),
        (0, 0o775, ""),  # of a group of root's
        (0, 0o777, "anybody"),
        (0, 0o1777, "anybody"),  # sticky keeps what is there, and not out what is new
        (65534, 0o755, "user 65534"),
        (65534, 0o777, "user 65534"),
    ],
)
def test_root_is_told_who_may_put_commands_on_its_path(
    tmp_path: Path, uid: int, mode: int, who: str
) -> None:
    place = tmp_path / "bin"
    place.mkdir()
    place.chmod(mode)
    os.chown(place, uid, -1)
    path = f"{place}:{place}:/usr/bin:/absent:relative::{place}\0"
    assert changeable_by_others({"PATH": path}) == ({str(place): who} if who else {})


@pytest.mark.usefixtures("open_to_root")
def test_a_directory_below_another_users_is_that_users_to_replace(tmp_path: Path) -> None:
    place = tmp_path / "home" / "bin"
    place.mkdir(parents=True)
    os.chown(place.parent, 65534, -1)
    assert changeable_by_others({"PATH": str(place)}) == {str(place): "user 65534"}


def test_a_user_is_told_nothing_of_commands_that_run_as_that_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o777)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert changeable_by_others({"PATH": str(tmp_path)}) == {}
