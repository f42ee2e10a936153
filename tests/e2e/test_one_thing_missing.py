"""Take any one thing away: exactly one needed failure, and it names that thing and its remedy."""

from __future__ import annotations

import glob
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from taken import unmounted, without

CHECK = [sys.executable, "-I", "-m", "bpfdoctor", "check", "--json"]


class Away(NamedTuple):
    """What is taken away, and the one finding that must fail, with a word of its remedy."""

    patterns: tuple[str, ...]
    key: str
    remedy: str


AWAY = {
    "clang": Away(("/usr/bin/clang*", "/usr/lib/llvm-*/bin/clang*"), "toolchain.clang", "clang"),
    "libelf headers": Away(
        ("/usr/include/libelf.h", "/usr/include/gelf.h"), "libraries.libelf", "libelf-dev"
    ),
    "the libelf library": Away(
        ("/usr/lib/*/libelf.so", "/usr/lib/*/libelf.a"), "libraries.libelf", "libelf-dev"
    ),
    "zlib headers": Away(("/usr/include/zlib.h",), "libraries.zlib", "zlib1g-dev"),
    "the archivers": Away(
        ("/usr/bin/ar", "/usr/bin/*-linux-gnu-ar", "/usr/bin/llvm-ar*"), "toolchain.ar", "binutils"
    ),
    "the linkers": Away(("/usr/bin/ld", "/usr/bin/*-linux-gnu-ld*"), "toolchain.cc", "binutils"),
    "elf.h": Away(("/usr/include/elf.h",), "libraries.libelf", "libc6-dev"),
    "argp.h": Away(("/usr/include/argp.h",), "libraries.argp", "libc6-dev"),
    "libc.so": Away(("/usr/lib/*/libc.so",), "toolchain.cc", "libc6-dev"),
    "sed": Away(("/usr/bin/sed",), "toolchain.commands", "sed"),
    "make": Away(("/usr/bin/make", "/usr/bin/gmake"), "toolchain.make", "make"),
}


class Ran(NamedTuple):
    """The exit status of a check, and its report."""

    status: int
    report: dict[str, Any]

    def needed(self, status: str) -> list[dict[str, Any]]:
        found = self.report["findings"]
        return [each for each in found if each["needed"] and each["status"] == status]


def check(argv: Sequence[str], checkout: Path) -> Ran:
    done = subprocess.run(argv, cwd=checkout, capture_output=True, check=False, timeout=300)
    assert done.stdout, done.stderr.decode()[-2000:]
    return Ran(done.returncode, json.loads(done.stdout))


@pytest.fixture
def warm(checkout: Path, kernel: None, needs: Callable[..., None]) -> Path:
    """A checkout that was found ready just before: every proof is in the cache."""
    needs("unshare", "bpftool")
    first = check(CHECK, checkout)
    assert first.status == 0, first.report["verdict"]
    return checkout


def assert_one_cause(ran: Ran, key: str, remedy: str) -> None:
    assert [each["key"] for each in ran.needed("fail")] == [key]
    assert ran.status == 1
    assert remedy in json.dumps(ran.needed("fail")[0]["fixes"])
    assert ran.needed("unknown") == ran.needed("error") == []
    for each in ran.needed("skip"):
        assert each["blocked_by"] == [key]


def test_each_tool_and_library_is_the_one_failure_when_it_is_taken_away(
    warm: Path, tmp_path: Path
) -> None:
    for number, away in enumerate(AWAY.values()):
        paths = [path for pattern in away.patterns for path in glob.glob(pattern)]
        assert paths, f"nothing to take away: {away.patterns}"
        scratch = tmp_path / f"away-{number}"
        scratch.mkdir()
        ran = check(without(paths, CHECK, scratch), warm)
        assert_one_cause(ran, away.key, away.remedy)


@pytest.mark.parametrize("header", ["stdio.h", "libelf.h", "elf.h"])
def test_a_variable_is_the_one_failure_when_it_puts_a_broken_header_first(
    warm: Path, tmp_path: Path, header: str
) -> None:
    (tmp_path / header).write_text("#error broken\n")
    ran = check(["env", f"CPATH={tmp_path}", *CHECK], warm)
    assert_one_cause(ran, "toolchain.environment", "unset CPATH")


@pytest.mark.parametrize("path", ["libbpf", "bpftool", "bpftool/libbpf", "vmlinux.h"])
def test_a_submodule_is_the_one_failure_when_its_files_are_gone(warm: Path, path: str) -> None:
    shutil.rmtree(warm / path)
    (warm / path).mkdir()
    assert_one_cause(check(CHECK, warm), f"checkout.submodules[{path}]", "submodule")


@pytest.mark.parametrize(
    ("name", "key"),
    [("Makefile", "checkout.project"), ("minimal.bpf.c", "checkout.project[minimal]")],
)
def test_a_file_of_the_checkout_is_the_one_failure_when_it_is_gone(
    warm: Path, name: str, key: str
) -> None:
    (warm / "examples/c" / name).unlink()
    assert_one_cause(check(CHECK, warm), key, "git")


ours = pytest.mark.skipif("BPFDOCTOR_CHECKOUT" in os.environ, reason="it breaks files of our own")


@ours
@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("libbpf/src/mark.c", "#include", "no C"),
        ("examples/c/Makefile", "$(BPFTOOL) gen skeleton", "false"),
    ],
    ids=["a library", "a tool"],
)
def test_what_breaks_in_every_build_is_one_failure(
    warm: Path, name: str, right: str, wrong: str
) -> None:
    text = (warm / name).read_text()
    assert right in text
    (warm / name).write_text(text.replace(right, wrong))
    ran = check(CHECK, warm)
    assert [each["key"] for each in ran.needed("fail")] == ["smoke.program[minimal]"]
    (other,) = ran.needed("skip")
    assert other["key"] == "smoke.program[bootstrap]"
    assert other["blocked_by"] == ["smoke.program[minimal]"]
    builds = {each["name"]: each["stages"]["build"] for each in ran.report["programs"]}
    assert builds["bootstrap"]["because"] == ["smoke.program[minimal]"]


@ours
def test_programs_whose_own_sources_are_wrong_are_a_failure_each(warm: Path) -> None:
    for name in ("minimal", "bootstrap"):
        (warm / f"examples/c/{name}.c").write_text("no C\n")
    failed = [each["key"] for each in check(CHECK, warm).needed("fail")]
    assert failed == ["smoke.program[bootstrap]", "smoke.program[minimal]"]


def test_tracefs_is_the_one_failure_when_it_is_not_mounted(warm: Path) -> None:
    places = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing", "/sys/kernel/debug"]
    ran = check(unmounted(places, CHECK), warm)
    assert_one_cause(ran, "runtime.tracefs", "mount")


def test_root_of_a_user_namespace_is_told_why_it_is_not_root(warm: Path) -> None:
    ran = check(["unshare", "-Ur", *CHECK], warm)
    assert ran.status == 1
    (failure,) = ran.needed("fail")
    assert failure["key"] == "runtime.privileges"
    assert "user namespace" in failure["summary"]


def test_with_everything_there_minimal_and_bootstrap_fire_with_their_own_pid(warm: Path) -> None:
    ran = check(CHECK, warm)
    assert ran.status == 0
    for name in ("minimal", "bootstrap"):
        (row,) = [each for each in ran.report["programs"] if each["name"] == name]
        assert {(s["readiness"], s["proof"]) for s in row["stages"].values()} == {
            ("ready", "observed")
        }
        (smoke,) = [e for e in ran.report["findings"] if e["key"] == f"smoke.program[{name}]"]
        assert "PID" in smoke["summary"]
