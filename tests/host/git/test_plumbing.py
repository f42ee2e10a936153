"""What git says of files that are as they were is not asked again."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loud import require

from bpfdoctor.host.git import plumbing
from bpfdoctor.host.git.plumbing import Refusal, ask_git_again
from bpfdoctor.host.git.repository import index_of
from bpfdoctor.host.machine import Machine

LIST = ("ls-files", "-z")
GIT = shutil.which("git") or "git"


def wrapped(tmp_path: Path, log: Path) -> Path:
    """A git that tells that it was called."""
    place = tmp_path / "bin" / "git"
    place.parent.mkdir()
    place.write_text(f'#!/bin/sh\necho called >>{log}\nexec {GIT} "$@"\n')
    place.chmod(0o755)
    return place


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Each call of the git on PATH writes a line into it."""
    return tmp_path / "log"


@pytest.fixture
def machine(tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A machine with a cache of its own, whose git tells that it was called."""
    require("git")
    monkeypatch.setattr("bpfdoctor.host.cache._CLOCK_STEP", 0)
    place = wrapped(tmp_path, log)
    monkeypatch.setattr(plumbing, "_is_git_itself", lambda path: path == str(place))
    (tmp_path / "cache").mkdir()
    (tmp_path / "home").mkdir()
    environ = {"PATH": f"{place.parent}:{os.environ['PATH']}", "HOME": str(tmp_path / "home")}
    made = Machine(environ=environ, cache=tmp_path / "cache")
    yield made
    made.close()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "tree")
    (tmp_path / "tree" / "one").write_text("")
    git(tmp_path / "tree", "add", "one")
    return tmp_path / "tree"


def git(place: Path, *words: str) -> None:
    subprocess.run([GIT, *words], cwd=place, check=True)


def listed(machine: Machine, tree: Path) -> bytes | Refusal:
    return ask_git_again(machine, str(tree), index_of(str(tree)), *LIST)


def calls(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_an_index_that_is_as_it_was_is_listed_once(machine: Machine, tree: Path, log: Path) -> None:
    assert listed(machine, tree) == b"one\0"
    assert listed(machine, tree) == b"one\0"
    assert calls(log) == 1
    (tree / "two").write_text("")
    git(tree, "add", "two")
    before = calls(log)
    assert listed(machine, tree) == b"one\0two\0"
    assert calls(log) == before + 1


@pytest.mark.parametrize("lost", ["objects", "refs", "HEAD"])
def test_a_repository_that_breaks_is_asked_anew(machine: Machine, tree: Path, lost: str) -> None:
    assert listed(machine, tree) == b"one\0"
    (tree / ".git" / lost).rename(tree / "lost")
    assert isinstance(listed(machine, tree), Refusal)


def test_a_refusal_is_not_remembered(machine: Machine, tree: Path) -> None:
    (tree / ".git" / "HEAD").rename(tree / "lost")
    assert isinstance(listed(machine, tree), Refusal)
    (tree / "lost").rename(tree / ".git" / "HEAD")
    assert listed(machine, tree) == b"one\0"


@pytest.mark.parametrize("name", [".gitconfig", ".config/git/config"])
def test_the_users_settings_decide_as_well(machine: Machine, tree: Path, name: str) -> None:
    settings = Path(machine.environ["HOME"], name)
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("[core]\n")
    assert listed(machine, tree) == b"one\0"
    settings.write_text("[broken\n")
    assert isinstance(listed(machine, tree), Refusal)


@pytest.mark.parametrize("own", [True, False])
def test_where_settings_name_others_it_is_asked_each_time(
    machine: Machine, tree: Path, tmp_path: Path, log: Path, own: bool
) -> None:
    (tmp_path / "more").write_text("")
    place = tree / ".git" / "config" if own else Path(machine.environ["HOME"], ".gitconfig")
    with place.open("a") as settings:
        settings.write(f"[include]\n\tpath = {tmp_path}/more\n")
    listed(machine, tree)
    (tmp_path / "more").write_text("[broken\n")
    assert isinstance(listed(machine, tree), Refusal)


def test_another_git_is_asked_anew(machine: Machine, tree: Path, tmp_path: Path, log: Path) -> None:
    place = tmp_path / "bin" / "git"
    place.rename(tmp_path / "bin" / "other")
    place.symlink_to("other")
    listed(machine, tree)
    (tmp_path / "bin" / "other").write_text("#!/bin/sh\necho it is broken >&2; exit 1\n")
    assert isinstance(listed(machine, tree), Refusal)


def test_a_script_that_calls_git_is_not_git_itself(tmp_path: Path, log: Path) -> None:
    require("git")
    assert not plumbing._is_git_itself(str(wrapped(tmp_path, log)))
    assert not plumbing._is_git_itself(str(tmp_path / "none"))
    assert plumbing._is_git_itself(os.path.realpath(GIT))


def test_a_shared_index_is_a_file_that_decides(tree: Path) -> None:
    git(tree, "update-index", "--split-index")
    assert [each for each in index_of(str(tree)) if "/sharedindex." in each]


def test_what_changes_while_git_is_asked_is_not_kept(
    machine: Machine, tree: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = plumbing.ask_git

    def slow(*given: Any) -> bytes | Refusal:
        said, before = ask(*given), time.time_ns()
        changed = tree / ".git" / "packed-refs"
        while not changed.exists() or changed.stat().st_ctime_ns <= before:  # one tick at most
            changed.write_text("")
        return said

    monkeypatch.setattr(plumbing, "ask_git", slow)
    listed(machine, tree)
    listed(machine, tree)
    assert calls(log) == 2


def test_another_environment_is_another_question(machine: Machine, tree: Path, log: Path) -> None:
    listed(machine, tree)
    machine.environ = {**machine.environ, "GIT_TRACE2": "0"}
    listed(machine, tree)
    assert calls(log) == 2


def test_without_a_cache_it_is_asked_each_time(machine: Machine, tree: Path, log: Path) -> None:
    machine.cache = None
    listed(machine, tree)
    listed(machine, tree)
    assert calls(log) == 2


def test_where_more_than_its_own_files_decide_none_is_named(tree: Path, tmp_path: Path) -> None:
    assert f"{tree}/.git/index" in index_of(str(tree))
    git(tree, "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-q", "-m", "one")
    git(tree, "worktree", "add", "-q", str(tmp_path / "second"))
    assert index_of(str(tmp_path / "second")) == []
    assert index_of(str(tmp_path / "none")) == []


def test_the_tree_of_another_user_is_asked_each_time(tree: Path) -> None:
    require("root")
    os.chown(tree, 12345, 12345)
    assert index_of(str(tree)) == []
