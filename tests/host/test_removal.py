"""Directories are removed whatever their depth, and nothing behind a link is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from bpfdoctor.host.credentials import Credentials
from bpfdoctor.host.removal import remove_tree


def deep(place: Path, levels: int) -> None:
    place.mkdir()
    here = os.open(place, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)


def test_what_lies_two_thousand_deep_is_removed(tmp_path: Path) -> None:
    deep(tmp_path / "deep", 2000)
    assert remove_tree(tmp_path / "deep")
    assert not (tmp_path / "deep").exists()


def test_nothing_behind_a_link_is_removed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").touch()
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/link").symlink_to(tmp_path / "mine")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    assert remove_tree(tmp_path / "tree")
    assert not remove_tree(tmp_path / "link")
    assert (tmp_path / "mine/file").exists()


def test_another_user_removes_only_what_he_may(tmp_path: Path, needs: Callable[..., None]) -> None:
    needs("root")
    for each in (tmp_path, *tmp_path.parents[:3]):
        each.chmod(0o755)
    bob = Credentials(4711, 4711)
    for name, levels in (("shallow", 3), ("deep", 1500)):
        deep(tmp_path / name, levels)
        assert not remove_tree(tmp_path / name, bob)
        assert remove_tree(tmp_path / name)
