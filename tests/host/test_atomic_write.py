"""A file is written whole or not at all, and never through a link of a hostile tree."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.host.atomic_write import create_file, replace_file
from bpfdoctor.host.credentials import NO_GROUP


def test_it_appears_whole_and_nothing_else_stays(tmp_path: Path) -> None:
    create_file(str(tmp_path / "vmlinux.h"), b"#define X\n", str(tmp_path))
    assert os.listdir(tmp_path) == ["vmlinux.h"]
    assert (tmp_path / "vmlinux.h").read_bytes() == b"#define X\n"


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "vmlinux.h").write_text("mine")
    with pytest.raises(FileExistsError):
        create_file(str(tmp_path / "vmlinux.h"), b"x", str(tmp_path))
    assert (tmp_path / "vmlinux.h").read_text() == "mine"
    assert os.listdir(tmp_path) == ["vmlinux.h"]


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "vmlinux.h").symlink_to(tmp_path / "outside")
    with pytest.raises(FileExistsError):
        create_file(str(tree / "vmlinux.h"), b"x", str(tree))
    assert not (tmp_path / "outside").exists()


def test_a_link_on_the_way_is_not_followed(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tmp_path / "outside").mkdir()
    (tree / "tools").symlink_to(tmp_path / "outside")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        create_file(str(tree / "tools/vmlinux.h"), b"x", str(tree))
    assert os.listdir(tmp_path / "outside") == []


def test_root_writes_for_the_owner_of_the_tree(tmp_path: Path, needs: Callable[..., None]) -> None:
    needs("root")
    for each in tmp_path.parents[:3]:
        each.chmod(0o755)
    os.chown(tmp_path, 4711, 4712)
    create_file(str(tmp_path / "vmlinux.h"), b"x", str(tmp_path))
    facts = (tmp_path / "vmlinux.h").stat()
    assert (facts.st_uid, facts.st_gid) == (4711, NO_GROUP)  # he is in no database


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    import signal

    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            create_file(str(tmp_path / "vmlinux.h"), b"x" * 1000, str(tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert os.listdir(tmp_path) == []


def test_what_is_replaced_is_private_unless_it_is_to_be_run(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("old")
    (tmp_path / "kept").chmod(0o644)
    replace_file(tmp_path / "kept", b"new")
    assert (tmp_path / "kept").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o600
    replace_file(tmp_path / "run", b"", 0o700)
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700
    assert sorted(os.listdir(tmp_path)) == ["kept", "run"]


def test_whoever_has_a_replaced_file_open_reads_no_half_of_the_new_one(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("old")
    with (tmp_path / "kept").open() as reader:
        replace_file(tmp_path / "kept", b"new")
        assert reader.read() == "old"


def test_a_replacement_that_fails_leaves_nothing_and_takes_nothing(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    with pytest.raises(IsADirectoryError):
        replace_file(tmp_path / "kept", b"new")
    assert os.listdir(tmp_path) == ["kept"]


def test_a_directory_that_may_be_written_to_need_not_be_readable(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    code = (
        "import os, sys; from pathlib import Path; "
        "from bpfdoctor.host.atomic_write import replace_file; "
        "os.setuid(65534); replace_file(Path(sys.argv[1]), b'x')"
    )
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o1733)
        path = Path(place, "file")
        subprocess.run([sys.executable, "-c", code, path], check=True)
        assert path.read_bytes() == b"x"


@pytest.mark.parametrize(("mode", "expected"), [(0o600, 0o600), (0o666, 0o666), (None, 0o640)])
def test_a_file_has_the_mode_that_is_given_or_what_the_umask_lets(
    tmp_path: Path, mode: int | None, expected: int
) -> None:
    before = os.umask(0o026)
    try:
        replace_file(tmp_path / "file", b"x", mode)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == expected
