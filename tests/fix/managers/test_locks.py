"""Who holds a package manager's lock: real locks, also where stat(2) tells another device."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bpfdoctor.fix.managers.locks import AskLock, Holder
from bpfdoctor.host.machine import Machine


@pytest.fixture
def overlay(tmp_path: Path, needs: Callable[..., None]) -> Iterator[Path]:
    """An overlayfs whose layers lie on file systems of their own, as a container's root does."""
    needs("root", "mount")
    lower, upper, merged = (tmp_path / name for name in ("lower", "upper", "merged"))
    for place in (lower, upper, merged):
        place.mkdir()
    for place in (lower, upper):
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=True)
    for inner in ("files", "work"):
        (upper / inner).mkdir()
    (lower / "lock").touch()
    layers = f"lowerdir={lower},upperdir={upper}/files,workdir={upper}/work"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, merged], check=True)
    yield merged
    subprocess.run(["umount", merged, upper, lower], check=True)


def held(path: Path) -> Holder:
    answer = AskLock((str(path.parent / "other"), str(path))).put(Machine())
    assert isinstance(answer, Holder)
    return answer


def test_the_holder_is_named_and_nobody_once_it_is_free(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        assert held(tmp_path / "lock").pid == os.getpid()
    assert held(tmp_path / "lock") == Holder()


@pytest.mark.parametrize("name", ["lock", "new"])
def test_the_holder_is_seen_on_an_overlay(overlay: Path, name: str) -> None:
    with (overlay / name).open("a") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        assert held(overlay / name).pid == os.getpid()
    assert held(overlay / name) == Holder()
