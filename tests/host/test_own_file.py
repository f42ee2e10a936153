"""A file in a directory of ours is read where we wrote it, and nobody else can have."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.host.own_directory import NotOursError
from bpfdoctor.host.own_file import open_own_file, read_own_file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """One of ours, as we write it."""
    path = tmp_path / "file"
    path.write_bytes(b"text")
    path.chmod(0o600)
    return path


def test_it_is_read_to_its_end_and_no_further_than_the_limit(file: Path) -> None:
    assert read_own_file(file, 4) == b"text"
    with pytest.raises(OSError, match="larger than 3 bytes"):
        read_own_file(file, 3)
    os.truncate(file, 2 << 40)
    with pytest.raises(OSError, match="larger than 1,024 bytes"):
        read_own_file(file, 1024)


@pytest.mark.parametrize(
    ("mode", "good"), [(0o400, True), (0o644, True), (0o620, False), (0o602, False)]
)
def test_others_may_not_write_to_it(file: Path, mode: int, good: bool) -> None:
    file.chmod(mode)
    if good:
        assert read_own_file(file, 9)
    else:
        with pytest.raises(NotOursError, match=f"others may write to it .mode {mode:04o}"):
            read_own_file(file, 9)


def test_that_of_another_user_is_not_read(file: Path, needs: Callable[..., None]) -> None:
    needs("root")
    os.chown(file, 12345, 12345)
    with pytest.raises(NotOursError, match=r"it belongs to user 12345 \(mode 0600"):
        read_own_file(file, 9)


def test_a_second_name_may_be_anybodys(file: Path) -> None:
    os.link(file, file.with_name("second"))
    with pytest.raises(NotOursError, match="second name"):
        read_own_file(file, 9)


def test_no_link_is_followed(file: Path) -> None:
    link = file.with_name("link")
    link.symlink_to(file)
    with pytest.raises(NotOursError, match="it is a link"):
        open_own_file(link, os.O_RDWR)


def test_what_is_no_file_is_not_opened(file: Path) -> None:
    """A FIFO would block, and a device acts on being opened."""
    os.mkfifo(file.with_name("fifo"), 0o600)
    with pytest.raises(NotOursError, match="not a regular file"):
        read_own_file(file.with_name("fifo"), 9)
    with pytest.raises(IsADirectoryError):
        read_own_file(file.parent, 9)
    with pytest.raises(FileNotFoundError):
        read_own_file(file.with_name("absent"), 9)


def test_what_is_put_in_its_place_while_it_is_opened_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = os.lstat(file)
    os.link(file, file.with_name("second"))
    monkeypatch.setattr(os, "lstat", lambda path: looked)
    before = os.listdir("/proc/self/fd")
    with pytest.raises(NotOursError, match="second name"):
        open_own_file(file)
    assert os.listdir("/proc/self/fd") == before
