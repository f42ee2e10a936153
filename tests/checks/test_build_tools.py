"""make, llvm-strip, bpftool, cargo: real ones, and executables that only bear their names."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.api import (
    AskCrates,
    ByHand,
    Finding,
    FoundTools,
    Install,
    NoAnswer,
    Project,
    Run,
    Status,
)
from bpfdoctor.host.live import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import A, Question
from bpfdoctor.host.tools.crates import Crates
from bpfdoctor.host.tools.search import FindExecutables
from bpfdoctor.projects.model import Build, Kind
from bpfdoctor.testing import FakeHost, one, run_check

TOOLS = {"CLANG": "clang", "LLVM_STRIP": "llvm-strip", "BPFTOOL": "bpftool", "CARGO": "cargo"}

WRAPPER = """\
echo "WARNING: bpftool not found for kernel 6.8.0-31" >&2
echo "  You may need to install the following packages for this specific kernel:" >&2
exit 2"""
"""What Ubuntu's /usr/sbin/bpftool does where no linux-tools fit the running kernel."""


class Bounded(LiveHost):
    """A host whose PATH is one directory, and that looks for other versions nowhere else."""

    def __init__(self, place: Path, **variables: str) -> None:
        super().__init__(Machine({"PATH": str(place), **variables}))
        self.place = place

    def ask(self, question: Question[A]) -> A | NoAnswer:
        answer = super().ask(question)
        if isinstance(question, FindExecutables) and isinstance(answer, FoundTools):
            inside = (path for path in answer.paths if path.startswith(str(self.place)))
            return FoundTools(tuple(inside))  # type: ignore[return-value]
        return answer


def project(path: str = "", make: str = "3.81", **tools: str) -> Project:
    build = Build(".", "Makefile", tools={**TOOLS, **tools}, make=make)
    return Project(Kind("own", "own", "own", (), {}, build=build), path)


@pytest.fixture
def private(tmp_path: Path) -> Path:
    place = tmp_path / "bin"
    place.mkdir()
    for name in ("sh", "sleep", "clang"):
        found = shutil.which(name)
        if found:
            (place / name).symlink_to(os.path.realpath(found))
    return place


def script(directory: Path, name: str, body: str) -> None:
    (directory / name).write_text(f"#!/bin/sh\n{body}\n")
    (directory / name).chmod(0o755)


def found(check_id: str, host: LiveHost | FakeHost, about: Project | None = None) -> Finding:
    return one(run_check(check_id, host, about or project()))


def real(name: str) -> str:
    path = shutil.which(name)
    assert path is not None
    return os.path.realpath(path)


def test_the_tools_of_this_machine_pass(live: LiveHost, needs: Callable[..., None]) -> None:
    needs("make", "clang", "llvm-strip", "bpftool")
    for check_id in ("toolchain.make", "toolchain.llvm-strip", "toolchain.bpftool"):
        finding = found(check_id, live)
        assert finding.status is Status.PASS, finding.summary
        assert finding.evidence


@pytest.mark.parametrize(
    ("check_id", "name", "capability"),
    [
        ("toolchain.make", "make", "make"),
        ("toolchain.llvm-strip", "llvm-strip", "llvm"),
        ("toolchain.bpftool", "bpftool", "bpftool"),
    ],
)
def test_a_missing_tool_is_to_be_installed(
    private: Path, needs: Callable[..., None], check_id: str, name: str, capability: str
) -> None:
    needs("clang")
    finding = found(check_id, Bounded(private))
    assert finding.status is Status.FAIL
    assert finding.summary == f"{name} is not on PATH"
    assert finding.fixes == (Install((capability,)),)


@pytest.mark.parametrize(
    "check_id", ["toolchain.llvm-strip", "toolchain.bpftool", "toolchain.cargo"]
)
def test_a_tool_that_the_build_does_not_call_is_not_judged(check_id: str) -> None:
    build = Build(".", "Makefile", tools={"CLANG": "clang"})
    quiet = Project(Kind("own", "own", "own", (), {}, build=build))
    host = FakeHost()
    assert run_check(check_id, host, quiet) == ()
    assert host.asked == []


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ("echo 'GNU Make 4.3'", Status.PASS, "GNU make 4.3"),
        ("echo 'GNU Make 3.81'", Status.PASS, "3.81"),
        ("echo 'GNU Make 3.80'", Status.FAIL, "is GNU make 3.80; the makefile needs 3.81"),
        ("echo 'usage: make [-BeikNnqrSstWwX]' >&2; exit 2", Status.FAIL, "exits 2: usage"),
        ("echo 'bmake 20200710'", Status.FAIL, "does not say that it is GNU make"),
    ],
)
def test_make_is_gnu_make_and_new_enough(
    private: Path, body: str, status: Status, words: str
) -> None:
    script(private, "make", body)
    finding = found("toolchain.make", Bounded(private))
    assert finding.status is status
    assert words in finding.summary


def test_gmake_stands_in_for_another_make(private: Path, needs: Callable[..., None]) -> None:
    needs("make")
    script(private, "make", "exit 2")
    (private / "gmake").symlink_to(real("make"))
    finding = found("toolchain.make", Bounded(private))
    assert finding.status is Status.WARN
    assert finding.fixes == (ByHand("build with `gmake` in place of make"),)


def test_ubuntus_wrapper_is_only_a_wrapper(private: Path, needs: Callable[..., None]) -> None:
    needs("clang")
    script(private, "bpftool", WRAPPER)
    finding = found("toolchain.bpftool", Bounded(private))
    assert finding.status is Status.FAIL
    assert "only a wrapper" in finding.summary
    assert "linux-tools" in finding.summary or finding.fixes == (Install(("bpftool",)),)


def test_a_bpftool_that_makes_no_skeleton_fails(private: Path, needs: Callable[..., None]) -> None:
    needs("clang")
    script(private, "bpftool", "echo bpftool v5.4.0")
    finding = found("toolchain.bpftool", Bounded(private))
    assert finding.status is Status.FAIL
    assert "makes no skeleton" in finding.summary


def test_a_bpftool_that_comes_with_the_checkout_is_the_one_judged(
    private: Path, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("clang", "bpftool")
    (tmp_path / "tools").mkdir()
    shutil.copy(real("bpftool"), tmp_path / "tools/bpftool")
    own = project(str(tmp_path), BPFTOOL="tools/bpftool")
    finding = found("toolchain.bpftool", Bounded(private), own)
    assert finding.status is Status.PASS
    assert str(tmp_path / "tools/bpftool") in finding.summary
    (tmp_path / "tools/bpftool").write_bytes(b"\x7fELF for another machine")
    (private / "bpftool").symlink_to(real("bpftool"))
    foreign = found("toolchain.bpftool", Bounded(private), own)
    assert foreign.status is Status.WARN
    assert "ENOEXEC" in foreign.summary
    assert foreign.fixes == (ByHand("build with `make BPFTOOL=bpftool`"),)


def test_nothing_of_a_checkout_runs_before_a_build_is_asked_for(
    private: Path, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("clang", "bpftool")
    own, ran = project(str(tmp_path), BPFTOOL="./bpftool"), tmp_path / "ran"
    script(tmp_path, "bpftool", f"echo ran > {ran}; echo bpftool v7")
    by_hand = one(run_check("toolchain.bpftool", Bounded(private), own, may_build=False))
    assert by_hand.status is Status.UNKNOWN
    assert "not an ELF executable; not run" in by_hand.summary
    assert not ran.exists()
    shutil.copy(real("bpftool"), tmp_path / "bpftool")
    warned = one(run_check("toolchain.bpftool", Bounded(private), own, may_build=False))
    assert warned.status is Status.WARN
    assert "executable; not run, for nothing of a checkout runs without a build" in warned.summary
    assert run_check("toolchain.bpftool", Bounded(private), own)[0].status is Status.PASS


def test_an_executable_for_another_machine_is_not_taken_unseen(
    private: Path, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("clang", "bpftool")
    own = project(str(tmp_path), BPFTOOL="./bpftool")
    header = bytearray(Path(real("bpftool")).read_bytes()[:64])
    header[18:20] = (258).to_bytes(2, "little")  # EM_LOONGARCH
    (tmp_path / "bpftool").write_bytes(header)
    (tmp_path / "bpftool").chmod(0o755)
    finding = one(run_check("toolchain.bpftool", Bounded(private), own, may_build=False))
    assert finding.status is Status.UNKNOWN
    assert "EM_LOONGARCH executable, this interpreter a" in finding.summary
    (private / "bpftool").symlink_to(real("bpftool"))
    other = one(run_check("toolchain.bpftool", Bounded(private), own, may_build=False))
    assert other.status is Status.WARN
    assert other.fixes == (ByHand("build with `make BPFTOOL=bpftool`"),)


def test_without_a_checkout_its_bpftool_is_not_judged() -> None:
    host = FakeHost()
    assert run_check("toolchain.bpftool", host, project(BPFTOOL="tools/bpftool")) == ()


def test_a_checkouts_bpftool_runs_as_the_owner_of_the_tree(
    private: Path, needs: Callable[..., None], request: pytest.FixtureRequest
) -> None:
    needs("clang", "root", "id")
    tree = Path(tempfile.mkdtemp())  # pytest's own directories are closed to other users
    request.addfinalizer(lambda: shutil.rmtree(tree))
    os.chown(tree, 65534, 65534)
    script(tree, "bpftool", f'echo "bpftool v7.1.0 by $({real("id")} -u)"')
    finding = found("toolchain.bpftool", Bounded(private), project(str(tree), BPFTOOL="./bpftool"))
    assert "by 65534" in finding.evidence[0].text


def test_llvm_strip_of_another_version_is_named(private: Path, needs: Callable[..., None]) -> None:
    needs("clang", "llvm-strip")
    script(private, "llvm-strip-14", f'exec {shutil.which("llvm-strip")} "$@"')
    finding = found("toolchain.llvm-strip", Bounded(private))
    assert finding.status is Status.WARN
    assert finding.fixes == (ByHand("build with `make LLVM_STRIP=llvm-strip-14`"),)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ("echo 'cargo 1.75.0 (1d8b05cdd 2023-11-20)'", Status.PASS, "cargo 1.75.0"),
        ("echo 'cargo 1.66.1'", Status.WARN, "plain `make` needs 1.75"),
        ("echo cargo", Status.WARN, "unknown version"),
        ("echo 'error: no default toolchain configured' >&2; exit 1", Status.WARN, "no default"),
        ("kill -SEGV $$", Status.WARN, "SIGSEGV"),
    ],
)
def test_an_old_or_broken_cargo_is_a_warning_with_the_way_around(
    private: Path, body: str, status: Status, words: str
) -> None:
    script(private, "cargo", body)
    finding = found("toolchain.cargo", Bounded(private))
    assert finding.status is status
    assert words in finding.summary
    if status is Status.WARN:
        assert "make CARGO=" in getattr(finding.fixes[0], "text", "")


def test_without_cargo_nothing_is_wrong(private: Path) -> None:
    assert run_check("toolchain.cargo", Bounded(private), project()) == ()
    assert run_check("toolchain.cargo", Bounded(private, CARGO=""), project()) == ()


@pytest.mark.parametrize("name", ["make", "llvm-strip", "bpftool", "cargo"])
def test_missing_data_neither_passes_nor_fails(name: str) -> None:
    finding = found(f"toolchain.{name}", FakeHost(otherwise=NoAnswer("not-recorded")))
    assert finding.status in {Status.UNKNOWN, Status.SKIP}


def rust_project(path: str) -> Project:
    build = Build(".", "Makefile", tools=TOOLS, crates="lib/Cargo.lock")
    return Project(Kind("own", "own", "own", (), {}, build=build), path)


@pytest.mark.parametrize(
    ("absent", "status", "says"),
    [
        ((), Status.PASS, "all 3 crates are in cargo's cache"),
        (("anyhow 1.0",), Status.UNKNOWN, "1 of 3 crates are not in cargo's cache"),
    ],
)
def test_crates_that_are_not_here_leave_the_build_open(
    absent: tuple[str, ...], status: Status, says: str
) -> None:
    host = FakeHost({AskCrates("/tree/lib/Cargo.lock"): Crates(3, absent)})
    finding = one(run_check("checkout.crates", host, rust_project("/tree")))
    assert (finding.status, finding.summary.partition(":")[0]) == (status, says)
    argv = ("cargo", "fetch", "--manifest-path", "/tree/lib/Cargo.toml")
    fetch = Run(argv, cwd="/tree")  # where another user owns the tree, it is run as that user
    assert finding.fixes == ((fetch,) if absent else ())


def test_crates_are_nothing_to_ask_about_without_a_checkout_or_a_lock_file() -> None:
    assert run_check("checkout.crates", FakeHost({}), rust_project("")) == ()
    assert run_check("checkout.crates", FakeHost({}), project("/tree")) == ()
    silent = FakeHost(otherwise=NoAnswer("EACCES"))
    unread = one(run_check("checkout.crates", silent, rust_project("/tree")))
    assert unread.status is Status.UNKNOWN
