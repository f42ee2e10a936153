"""A directory of links: what is linked, what is kept, and when what was built is no proof."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bpfdoctor.smoke.links import BuildLayout, fingerprint, link

LAYOUT = BuildLayout("src/c", frozenset({"src/c/.output", "src/c/minimal", "lib/target"}))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    checkout = tmp_path / "checkout"
    for path in ("src/c/minimal.c", "src/c/Makefile", "lib/a.c", "other/b.c", ".git/config"):
        (checkout / path).parent.mkdir(parents=True, exist_ok=True)
        (checkout / path).write_text(path)
    return checkout


def linked(tree: Path) -> Path:
    place = tree.parent / "place"
    place.mkdir(exist_ok=True)
    link(tree, place, LAYOUT)
    return place


def test_sources_are_links_and_the_directories_that_a_build_writes_are_real(tree: Path) -> None:
    place = linked(tree)
    assert (place / "src/c/Makefile").readlink() == tree / "src/c/Makefile"
    assert (place / "other").is_symlink()
    assert not (place / "src/c").is_symlink()
    assert not (place / "lib").is_symlink()
    assert not (place / ".git").exists()


def test_what_a_user_built_in_the_checkout_is_not_linked(tree: Path) -> None:
    (tree / "src/c/minimal").write_text("an old program")
    (tree / "src/c/.output").mkdir()
    (tree / "lib/target").mkdir()
    place = linked(tree)
    for path in ("src/c/minimal", "src/c/.output", "lib/target"):
        assert not os.path.lexists(place / path)


def test_what_was_built_stays_and_what_left_the_checkout_goes(tree: Path) -> None:
    place = linked(tree)
    (place / "src/c/minimal").write_text("built")
    (tree / "src/c/minimal.c").unlink()
    (tree / "src/c/new.c").write_text("")
    linked(tree)
    assert (place / "src/c/minimal").read_text() == "built"
    assert not os.path.lexists(place / "src/c/minimal.c")
    assert (place / "src/c/new.c").is_symlink()


def test_a_checkout_that_moved_is_linked_anew(tree: Path) -> None:
    linked(tree)
    moved = tree.rename(tree.parent / "moved")
    place = linked(moved)
    assert (place / "src/c/Makefile").readlink() == moved / "src/c/Makefile"


@pytest.mark.parametrize("path", ["lib/a.c", "other/b.c"])
def test_a_change_that_make_may_not_see_changes_the_fingerprint(tree: Path, path: str) -> None:
    before = fingerprint(tree, LAYOUT)
    (tree / path).write_text("something else")
    assert fingerprint(tree, LAYOUT) != before


@pytest.mark.parametrize("path", ["src/c/minimal.c", ".git/config", "lib/target/x"])
def test_what_is_always_built_anew_or_never_read_does_not(tree: Path, path: str) -> None:
    before = fingerprint(tree, LAYOUT)
    (tree / path).parent.mkdir(exist_ok=True)
    (tree / path).write_text("something else")
    assert fingerprint(tree, LAYOUT) == before
