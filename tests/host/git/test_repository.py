"""Where the repository of a work tree lies, what is kept in it, and which settings it obeys."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from deep_tree import deepen

from bpfdoctor.host.git.gitmodules import name_refused
from bpfdoctor.host.git.plumbing import Refusal
from bpfdoctor.host.git.repository import (
    DIRECTORIES,
    MANY,
    READ_BY_GIT,
    detached,
    is_half,
    kept_for,
    looks_broken,
    not_to_be_read,
    repository_of,
    with_those_below,
)
from bpfdoctor.host.git.settings import programs_in, programs_named
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.removal import remove_tree


def git(place: Path, *arguments: str) -> str:
    argv = ["git", "-C", str(place), "-c", "user.name=t", "-c", "user.email=t@e", *arguments]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """A repository with one commit, removed in the end: pytest fails over what lies too deep."""
    git(tmp_path, "init", "-q", "-b", "main", "tree")
    git(tmp_path / "tree", "commit", "-q", "--allow-empty", "-m", "first")
    yield tmp_path / "tree"
    assert remove_tree(tmp_path / "tree")


@pytest.mark.parametrize("text", ["gitdir: {}", "gitdir: {}\n", "gitdir: {}\r\n"])
def test_a_pointer_is_read_as_git_reads_it(tree: Path, tmp_path: Path, text: str) -> None:
    os.rename(tree / ".git", tmp_path / "elsewhere")
    for place in ("../elsewhere", str(tmp_path / "elsewhere")):
        (tree / ".git").write_bytes(text.format(place).encode())
        assert repository_of(str(tree)) == git(tree, "rev-parse", "--absolute-git-dir")


@pytest.mark.parametrize("text", ["", "gitdir: nowhere", "gitdir:.", "gitdir: .\nx", "x"])
def test_nothing_is_guessed_of_an_odd_pointer(tmp_path: Path, text: str) -> None:
    (tmp_path / ".git").write_text(text)
    assert repository_of(str(tmp_path)) == ""
    assert isinstance(programs_named(Machine(), str(tmp_path)), Refusal)


def test_a_pointer_of_nul_bytes_points_nowhere(tmp_path: Path) -> None:
    (tmp_path / ".git").write_bytes(bytes(8192))
    assert repository_of(str(tmp_path)) == ""


def test_a_fifo_does_not_hold_us_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".git")
    assert repository_of(str(tmp_path)) == ""


def told(tree: Path) -> tuple[str, bool]:
    """By git's own word: the commit, and whether the history is cut off."""
    shallow, commit = git(tree, "rev-parse", "--is-shallow-repository", "HEAD").split("\n")
    return commit, shallow == "true"


def test_a_detached_head_is_read_as_git_reads_it(tree: Path) -> None:
    git(tree, "checkout", "-q", "--detach")
    assert detached(repository_of(str(tree))) == told(tree)
    assert not told(tree)[1]


def test_a_shallow_clone_is_known_without_git(tree: Path, tmp_path: Path) -> None:
    git(tree, "commit", "-q", "--allow-empty", "-m", "second")
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{tree}", "shallow")
    git(tmp_path / "shallow", "checkout", "-q", "--detach")
    assert detached(repository_of(str(tmp_path / "shallow"))) == told(tmp_path / "shallow")
    assert told(tmp_path / "shallow")[1]


def test_a_branch_is_gits_to_resolve(tree: Path) -> None:
    assert detached(repository_of(str(tree))) is None


def test_a_work_tree_beside_another_is_gits_to_judge(tree: Path, tmp_path: Path) -> None:
    git(tree, "worktree", "add", "-q", "--detach", str(tmp_path / "beside"))
    assert repository_of(str(tmp_path / "beside"))
    assert detached(repository_of(str(tmp_path / "beside"))) is None


@pytest.mark.parametrize(
    "text", ["", "0" * 39 + "\n", "0" * 40, "0" * 41 + "\n", "a" * 64 + "\n", "G" * 40 + "\n"]
)
def test_nothing_is_guessed_of_an_odd_head(tree: Path, text: str) -> None:
    (tree / ".git/HEAD").write_text(text)
    assert detached(str(tree / ".git")) is None


def test_a_head_that_is_a_link_or_is_not_there_is_left_to_git(tree: Path) -> None:
    git(tree, "checkout", "-q", "--detach")
    os.rename(tree / ".git/HEAD", tree / ".git/other")
    assert detached(str(tree / ".git")) is None
    os.symlink("other", tree / ".git/HEAD")
    assert detached(str(tree / ".git")) is None
    assert detached("") is None


def kept(tree: Path, name: str) -> Path:
    place = tree / ".git/modules" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    git(tree, "init", "-q", "--bare", str(place))
    return place


def test_what_a_fetch_leaves_that_was_cut_off_is_half(tree: Path) -> None:
    assert is_half(str(kept(tree, "a/b")))
    assert kept_for(str(tree / ".git"), "a/b") == str(tree / ".git/modules/a/b")
    assert kept_for(str(tree / ".git"), "other") == ""


@pytest.mark.parametrize(
    "path", ["packed-refs", "index", "logs/HEAD", "modules/x/HEAD", "refs/heads/mine"]
)
def test_what_may_hold_work_is_not(tree: Path, path: str) -> None:
    place = kept(tree, "a") / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch()
    assert not is_half(str(kept(tree, "a")))


@pytest.mark.parametrize("head", ["", "1234567890" * 4, None])
def test_a_head_without_a_branch_is_not_half(tree: Path, head: str | None) -> None:
    place = kept(tree, "a")
    (place / "HEAD").unlink()
    if head is not None:
        (place / "HEAD").write_text(head)
    assert not is_half(str(place))
    assert bool(looks_broken(str(place))) is not bool(head)


def test_a_kept_repository_that_is_a_link_is_not_followed(tree: Path, tmp_path: Path) -> None:
    real = kept(tree, "real")
    real.rename(tmp_path / "outside")
    real.symlink_to(tmp_path / "outside")
    assert isinstance(kept_for(str(tree / ".git"), "real"), Refusal)
    assert isinstance(with_those_below(str(tree / ".git")), Refusal)


def test_repositories_without_end_are_not_walked(tree: Path) -> None:
    for number in range(MANY + 1):
        (tree / f".git/modules/{number}").mkdir(parents=True)
        (tree / f".git/modules/{number}/HEAD").touch()
    assert isinstance(with_those_below(str(tree / ".git")), Refusal)


def test_those_below_are_found_whatever_their_names(tree: Path) -> None:
    for name in ("a", "a/modules/b", "x/y"):
        kept(tree, name)
    found = with_those_below(str(tree / ".git"))
    assert not isinstance(found, Refusal)
    below = {path.removeprefix(f"{tree}/.git/modules/") for path in found[1:]}
    assert below == {"a", "a/modules/b", "x/y"}


def test_settings_of_one_work_tree_count(tree: Path) -> None:
    git(tree, "config", "extensions.worktreeConfig", "true")
    git(tree, "config", "--worktree", "filter.x.clean", "touch /never")
    assert programs_named(Machine(), str(tree)) == ("filter.x.clean",)


def test_a_linked_work_tree_has_those_of_the_main_one(tree: Path, tmp_path: Path) -> None:
    git(tree, "worktree", "add", "-q", str(tmp_path / "linked"))
    assert programs_named(Machine(), str(tmp_path / "linked")) == ()
    git(tree, "config", "core.sshCommand", "touch /never")
    assert programs_named(Machine(), str(tmp_path / "linked")) == ("core.sshcommand",)


def test_a_name_of_control_characters_hides_nothing(tree: Path) -> None:
    git(tree, "config", "filter.\x01.clean", "touch /never")
    assert programs_named(Machine(), str(tree)) == ("filter.\\x01.clean",)


def test_a_work_tree_elsewhere_is_told_and_its_own_is_not(tree: Path, tmp_path: Path) -> None:
    git(tree, "config", "core.worktree", "..")
    assert programs_named(Machine(), str(tree)) == ()
    git(tree, "config", "core.worktree", str(tmp_path))
    assert programs_named(Machine(), str(tree)) == ("core.worktree",)


def test_settings_that_cannot_be_read_are_no_clean_ones(tree: Path) -> None:
    (kept(tree, "a") / "config").write_text("[broken")
    place = str(tree / ".git/modules/a")
    assert isinstance(programs_in(Machine(), str(tree), (place,)), Refusal)


@pytest.mark.parametrize("name", ["libbpf", "a/b", "vmlinux.h", "mit leer"])
def test_an_honest_name(name: str) -> None:
    assert name_refused(name) == ""


@pytest.mark.parametrize("name", ["", "../x", "a/../../x", "a\x01", "\\xff"])
def test_a_dishonest_name_is_refused(name: str) -> None:
    assert name_refused(name) != ""


def test_depth_below_modules_is_no_end_of_ours(tree: Path) -> None:
    """A name of a thousand parts is git's to allow."""
    (tree / ".git" / "modules").mkdir()
    deepen(tree / ".git" / "modules", 1100)
    assert with_those_below(f"{tree}/.git") == (f"{tree}/.git",)


def test_a_repository_with_too_many_directories_is_not_looked_through(tree: Path) -> None:
    for number in range(DIRECTORIES + 1):
        (tree / ".git" / "modules" / str(number)).mkdir(parents=True)
    found = with_those_below(f"{tree}/.git")
    assert isinstance(found, Refusal)
    assert "holds more than" in found.detail


def test_a_half_fetch_has_no_depth_of_references(tree: Path) -> None:
    repository = tree / "half"
    (repository / "refs").mkdir(parents=True)
    (repository / "HEAD").write_text("ref: refs/heads/main\n")
    assert is_half(str(repository))
    deepen(repository / "refs", 1100)
    assert is_half(str(repository))
    (repository / "refs" / "main").write_text("x")
    assert not is_half(str(repository))


def test_a_fifo_in_the_place_of_what_git_reads_is_seen(tree: Path) -> None:
    repository = tree / ".git"
    assert not_to_be_read(str(repository)) == not_to_be_read("") == ""
    for name in READ_BY_GIT:
        place = repository / name
        kept = place.read_bytes() if place.exists() else None
        place.unlink(missing_ok=True)
        os.mkfifo(place)
        assert not_to_be_read(str(repository)) == f"{place} is not a regular file"
        place.unlink()
        if kept is not None:
            place.write_bytes(kept)
