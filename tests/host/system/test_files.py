"""Questions about files: what is there, what is not, and what cannot be read."""

from __future__ import annotations

import gzip
import os
import socket
from pathlib import Path

import pytest

from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.system.files import FileText, ListDirectory, LookAt, Names, PathFacts, ReadFile
from bpfdoctor.host.system.mounted import AskFileSystem, FileSystem
from bpfdoctor.host.tools.search import FindExecutables, FoundTools

PROC_SUPER_MAGIC = 0x9FA0  # linux/magic.h


def ask(question: Question[Answer]) -> Answer:
    return question.put(Machine({"PATH": "/usr/bin:/bin"}))


def test_a_file_is_read_and_cut_at_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc\xff")
    assert ask(ReadFile(str(path))) == FileText("abc\\xff")
    assert ask(ReadFile(str(path), limit=3)) == FileText("abc", truncated=True)
    assert FileText("abc", truncated=True).cut()


def test_a_packed_file_is_unpacked_up_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "config.gz"
    path.write_bytes(gzip.compress(b"y" * 50_000_000))
    answer = ask(ReadFile(str(path), limit=10))
    assert answer == FileText("y" * 10, truncated=True)


@pytest.mark.parametrize("damage", [b"", b"not packed", gzip.compress(b"x" * 999, mtime=0)[:20]])
def test_a_broken_packed_file_is_no_text(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "config.gz"
    path.write_bytes(damage)
    answer = ask(ReadFile(str(path)))
    assert answer == FileText("") if not damage else isinstance(answer, NoAnswer)


@pytest.mark.parametrize("name", ["Makefile", "GNUmakefile", "makefile", "rules.mk", "x.mak"])
def test_a_comment_of_a_makefile_is_not_recorded(name: str) -> None:
    answer = FileText("# pw is hunter22\nA = b\n")
    assert ReadFile(f"/src/{name}").needed(answer) == FileText("#\nA = b\n")
    assert ReadFile(f"/src/{name}.h").needed(answer) == answer


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        for name in ("fifo", "socket"):
            answer = ask(ReadFile(str(tmp_path / name)))
            assert answer == NoAnswer("refused", "not a regular file")
        assert ask(ReadFile(str(tmp_path))) == NoAnswer("refused", "a directory")


def test_an_absent_file_has_the_kernels_reason(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    for name, reason in (("absent", "ENOENT"), ("file/x", "ENOTDIR"), ("loop", "ELOOP")):
        answer = ask(ReadFile(str(tmp_path / name)))
        assert isinstance(answer, NoAnswer)
        assert answer.reason == reason
        assert answer.absent == (reason != "ELOOP")


@pytest.mark.parametrize("kind", [ReadFile, LookAt, ListDirectory, AskFileSystem])
def test_a_path_that_cannot_be_one_is_refused(kind: type[Question[Answer]]) -> None:
    answer = ask(kind("/proc\0x"))
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "refused"


def test_a_link_is_described_with_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("12345")
    (tmp_path / "file").chmod(0o640)
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "broken").symlink_to("absent")
    facts = ask(LookAt(str(tmp_path / "link")))
    assert facts == PathFacts("link", "file", "file", 5, 0o640, os.getuid(), True)
    assert facts.shown() == f"link -> file, 5 bytes, mode 0640, owner {os.getuid()}"
    broken = ask(LookAt(str(tmp_path / "broken")))
    assert isinstance(broken, PathFacts)
    assert (broken.target_kind, broken.readable) == ("", False)
    assert "-> absent (broken)" in broken.shown()
    assert isinstance(ask(LookAt("/dev/null")), PathFacts)


def test_a_directory_is_listed_in_order_with_every_name(tmp_path: Path) -> None:
    for name in (b"b", b"a", b"\xff"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
    assert ask(ListDirectory(str(tmp_path))) == Names(("\\xff", "a", "b"))
    assert Names(()).shown() == "(empty)"
    assert isinstance(ask(ListDirectory(str(tmp_path / "a"))), NoAnswer)


def test_executables_come_highest_version_first(tmp_path: Path) -> None:
    place = tmp_path / "odd [place]"  # its name is no pattern
    place.mkdir()
    for name in ("clang-9", "clang-16", "clang-16.txt"):
        (place / name).touch()
        (place / name).chmod(0o644 if name.endswith("txt") else 0o755)
    (place / "clang-20").mkdir()
    machine = Machine({"PATH": f"{place}::/nonexistent"})
    found = FindExecutables(("clang-*", f"{tmp_path}/nothing/*")).put(machine)
    assert found == FoundTools(tuple(f"{place}/clang-{n}" for n in (16, 9)))
    assert FoundTools(()).shown() == "(none)"


def test_a_file_system_is_known_by_its_superblock(tmp_path: Path) -> None:
    assert ask(AskFileSystem("/proc")) == FileSystem(PROC_SUPER_MAGIC)
    assert FileSystem(PROC_SUPER_MAGIC).shown() == "superblock magic 0x9fa0"
    absent = ask(AskFileSystem(f"{tmp_path}/absent"))
    assert isinstance(absent, NoAnswer)
    assert absent.reason == "ENOENT"
    assert AskFileSystem.privileged
