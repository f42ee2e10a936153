"""Files that anybody may have put there: regular, bounded, read as their owner."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.host.reading import (
    NotRegularError,
    opened_regular,
    read_published,
    read_regular,
    real_path,
)

BOB = 4711


def test_no_more_is_read_than_asked_for_or_there(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    assert read_regular(str(file), 3) == b"123"
    assert read_regular(str(file), 9) == b"12345"
    os.truncate(file, 1 << 40)
    assert read_regular(str(file), 8) == b"12345\0\0\0"


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("fifo")
    (tmp_path / "null").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
    for name, what in (
        ("fifo", "not a regular file"),
        ("link", "not a regular file"),
        ("null", "not a regular file"),
        ("socket", "not a regular file"),
        ("", "a directory"),
    ):
        with pytest.raises(NotRegularError, match=what):
            read_regular(f"{tmp_path}/{name}", 8)


def test_a_fifo_that_took_the_place_of_a_file_blocks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.touch()
    regular = file.stat()
    file.unlink()
    os.mkfifo(file)
    monkeypatch.setattr(os, "stat", lambda *_, **__: regular)
    with pytest.raises(NotRegularError):
        read_regular(str(file), 8)


@pytest.mark.parametrize("path", ["/proc/kmsg", "/proc/self/environ", "/proc/version"])
def test_a_link_to_a_file_without_size_is_empty(tmp_path: Path, path: str) -> None:
    """Of /proc/kmsg a read would wait for the next message of the kernel, and take it away."""
    (tmp_path / "Makefile").symlink_to(path)
    assert read_regular(str(tmp_path / "Makefile"), 1 << 20) == b""


def test_what_is_asked_for_in_proc_is_read() -> None:
    assert read_regular("/proc/version", 5) == b"Linux"


def test_a_file_is_opened_as_the_owner_of_its_directory(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    for each in tmp_path.parents[:3]:
        each.chmod(0o755)
    tree, secret = tmp_path / "tree", tmp_path / "secret"
    tree.mkdir()
    secret.write_text("of root alone")
    secret.chmod(0o600)
    tmp_path.chmod(0o755)
    (tree / "link").symlink_to(secret)
    assert read_regular(str(tree / "link"), 8) == b"of root "
    os.chown(tree, BOB, BOB)
    with pytest.raises(PermissionError):
        read_regular(str(tree / "link"), 8)
    secret.chmod(0o644)
    assert read_regular(str(tree / "link"), 8) == b"of root "
    with pytest.raises(OSError, match="regular"), opened_regular(str(tree / "link"), os.O_NOFOLLOW):
        pass


def test_a_link_to_a_key_of_ours_is_not_published(tmp_path: Path) -> None:
    key = tmp_path / "keys/key"
    key.parent.mkdir()
    key.write_text("secret")
    (tmp_path / "Makefile").symlink_to(key)
    key.chmod(0o600)
    with pytest.raises(PermissionError):
        read_published(str(tmp_path / "Makefile"), 99)
    assert read_published(str(key), 99) == b"secret"  # it was asked for by its name
    key.chmod(0o604)
    assert read_published(str(tmp_path / "Makefile"), 99) == b"secret"


def test_a_link_beside_its_file_is_read_where_umask_keeps_all_from_others(tmp_path: Path) -> None:
    (tmp_path / "vmlinux_601.h").write_text("types")
    (tmp_path / "vmlinux_601.h").chmod(0o600)
    (tmp_path / "vmlinux.h").symlink_to("vmlinux_601.h")
    assert read_published(str(tmp_path / "vmlinux.h"), 99) == b"types"


def test_a_path_is_resolved_as_the_owner_of_its_directory(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    for each in tmp_path.parents[:3]:
        each.chmod(0o755)
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    (hidden / "x").symlink_to("/etc/hostname")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "link").symlink_to("../hidden/x")
    tmp_path.chmod(0o755)
    assert real_path(str(tree / "link")) == "/etc/hostname"
    os.chown(tree, BOB, BOB)
    with pytest.raises(PermissionError):
        real_path(str(tree / "link"), strict=True)
