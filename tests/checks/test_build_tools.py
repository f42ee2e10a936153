"""make, llvm-strip, bpftool, cargo: real ones, and executables that only bear their names."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from private_path import Bounded, private_path, real, script
from ways import with_words

from bpfdoctor.api import (
    AskCrates,
    ByHand,
    Finding,
    Install,
    Instead,
    NoAnswer,
    Project,
    Run,
    Status,
)
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.tools.crates import Crates
from bpfdoctor.projects.model import Build, ProjectKind
from bpfdoctor.testing import FakeHost, one, run_check

TOOLS = {"CLANG": "clang", "LLVM_STRIP": "llvm-strip", "BPFTOOL": "bpftool", "CARGO": "cargo"}


def project(path: str = "", make: str = "3.81", **tools: str) -> Project:
    build = Build(".", "Makefile", tools={**TOOLS, **tools}, make=make)
    return Project(ProjectKind("own", "own", "own", (), {}, build=build), path)


@pytest.fixture
def private(tmp_path: Path) -> Path:
    return private_path(tmp_path)


def found(check_id: str, host: LiveHost | FakeHost, about: Project | None = None) -> Finding:
    return one(run_check(check_id, host, about or project()))


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
    quiet = Project(ProjectKind("own", "own", "own", (), {}, build=build))
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
    assert finding.status is Status.FAIL
    assert finding.fixes == (ByHand("build with `gmake`", instead=Instead(make="gmake")),)


def test_llvm_strip_of_another_version_is_named(private: Path, needs: Callable[..., None]) -> None:
    needs("clang", "llvm-strip")
    script(private, "llvm-strip-14", f'exec {shutil.which("llvm-strip")} "$@"')
    finding = found("toolchain.llvm-strip", Bounded(private))
    assert finding.status is Status.FAIL
    assert finding.fixes == (Install(("llvm",)), with_words("LLVM_STRIP=llvm-strip-14"))


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ("echo 'cargo 1.75.0 (1d8b05cdd 2023-11-20)'", Status.PASS, "cargo 1.75.0"),
        ("echo 'cargo 1.66.1'", Status.WARN, "cargo 1.66.1: plain `make` needs 1.75"),
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


def test_a_cargo_that_a_makefile_finds_by_a_variable_alone_is_judged_too(private: Path) -> None:
    script(private, "cargo", "echo 'cargo 1.66.1'")
    build = Build(".", "Makefile", variables={"CARGO": ""})
    finding = found(
        "toolchain.cargo",
        Bounded(private),
        Project(ProjectKind("own", "own", "own", (), {}, build=build)),
    )
    assert finding.summary.startswith("cargo 1.66.1: ")


def test_without_cargo_nothing_is_wrong(private: Path) -> None:
    assert run_check("toolchain.cargo", Bounded(private), project()) == ()
    assert run_check("toolchain.cargo", Bounded(private, CARGO=""), project()) == ()


@pytest.mark.parametrize("name", ["make", "llvm-strip", "bpftool", "cargo"])
def test_missing_data_neither_passes_nor_fails(name: str) -> None:
    finding = found(f"toolchain.{name}", FakeHost(otherwise=NoAnswer("not-recorded")))
    assert finding.status in {Status.UNKNOWN, Status.SKIP}


def rust_project(path: str) -> Project:
    build = Build(".", "Makefile", tools=TOOLS, crates="lib/Cargo.lock")
    return Project(ProjectKind("own", "own", "own", (), {}, build=build), path)


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
    unbuilt = Project(ProjectKind("own", "own", "own", (), {}), "/tree")
    assert run_check("checkout.crates", FakeHost({}), unbuilt) == ()
    silent = FakeHost(otherwise=NoAnswer("EACCES"))
    unread = one(run_check("checkout.crates", silent, rust_project("/tree")))
    assert unread.status is Status.UNKNOWN
