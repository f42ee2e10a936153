"""The limits of cgroups, of both versions, and what room they leave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.host import cgroup
from bpfdoctor.host.headroom import at_a_time, refuse_too_little
from bpfdoctor.host.limits import shortage_of

Tree = Callable[[str, dict[str, str]], Path]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """Makes a file system of cgroups, and says which of them is ours."""

    def make(own: str, files: dict[str, str]) -> Path:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(f"{text}\n")
        (tmp_path / "own").write_text(own)
        monkeypatch.setattr(cgroup, "CGROUPS", str(tmp_path))
        monkeypatch.setattr(cgroup, "OWN", str(tmp_path / "own"))
        return tmp_path

    return make


PIDS = {
    "of our own": ("0::/a/b\n", {"a/b/pids.max": "20"}, {"a/b/pids.max": 20}),
    "of one above": ("0::/a/b\n", {"a/b/pids.max": "max", "a/pids.max": "9"}, {"a/pids.max": 9}),
    "of a container, shown as the root": ("0::/\n", {"pids.max": "30"}, {"pids.max": 30}),
    "of version 1": (
        "4:memory:/x\n8:pids:/c\n0::/\n",
        {"pids/c/pids.max": "7", "memory/x/pids.max": "3"},
        {"pids/c/pids.max": 7},
    ),
    "none": ("0::/a\n", {"a/pids.max": "max"}, {}),
    "odd": ("0::/a\nnonsense\n", {"a/pids.max": "²"}, {}),
}


@pytest.mark.parametrize(("own", "files", "found"), PIDS.values(), ids=list(PIDS))
def test_every_limit_of_processes_is_found(
    own: str, files: dict[str, str], found: dict[str, int], tree: Tree
) -> None:
    root = tree(own, files)
    assert dict(cgroup.pids_limits()) == {str(root / name): most for name, most in found.items()}


MEMORY = {
    "of version 2": ("0::/a\n", {"a/memory.max": "99"}, {"a/memory.max": 99}),
    "of version 1": (
        "4:memory:/a\n",
        {
            "memory/a/memory.limit_in_bytes": "99",
            "memory/memory.limit_in_bytes": "9223372036854771712",
        },
        {"memory/a/memory.limit_in_bytes": 99},
    ),
}


@pytest.mark.parametrize(("own", "files", "found"), MEMORY.values(), ids=list(MEMORY))
def test_every_limit_of_memory_is_found(
    own: str, files: dict[str, str], found: dict[str, int], tree: Tree
) -> None:
    root = tree(own, files)
    assert dict(cgroup.memory_limits()) == {str(root / name): most for name, most in found.items()}


@pytest.mark.parametrize(
    ("most", "now", "checks"), [("max", "9", 8), ("45", "0", 8), ("21", "1", 3), ("11", "1", 1)]
)
def test_as_many_checks_run_as_there_is_room_for(
    most: str, now: str, checks: int, tree: Tree
) -> None:
    tree("0::/a\n", {"a/pids.max": most, "a/pids.current": now})
    assert at_a_time(8) == checks


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"a/pids.max": "10", "a/pids.current": "1"}, "EAGAIN"),
        ({"a/memory.max": str((96 << 20) - 1)}, "ENOMEM"),
    ],
)
def test_what_has_no_room_for_a_run_is_refused(
    files: dict[str, str], reason: str, tree: Tree
) -> None:
    tree("0::/a\n", files)
    with pytest.raises(OSError) as refused:  # noqa: PT011  (which one is looked at below)
        refuse_too_little()
    short = shortage_of(refused.value)
    assert short is not None
    assert short.reason == reason
    assert "of this cgroup" in str(short)


@pytest.mark.parametrize(
    "files",
    [
        {"a/pids.max": "11", "a/pids.current": "1"},
        {"a/memory.max": str(96 << 20)},
    ],
)
def test_what_has_just_enough_is_not(files: dict[str, str], tree: Tree) -> None:
    tree("0::/a\n", files)
    refuse_too_little()
