"""Libraries and headers: the real ones, and compilers that are made to miss one of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from bpfdoctor.api import ByHand, Finding, Install, Instead, NoAnswer, Project, Status
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.projects.model import Build, ProjectKind
from bpfdoctor.testing import FakeHost, one, project_named, run_check

BUILD = Build(
    ".", "Makefile", tools={"CLANG": "clang", "CC": "cc"}, include=("libbpf/include/uapi",)
)
PROJECT = Project(ProjectKind("own", "own", "own", (), {}, build=BUILD))

LIBRARIES = [("libelf", "gelf.h", "elf"), ("zlib", "zlib.h", "z")]


def found(check_id: str, host: LiveHost | FakeHost, project: Project = PROJECT) -> Finding:
    return one(run_check(check_id, host, project))


def host_with(tmp_path: Path, name: str, body: str, **variables: str) -> LiveHost:
    """This machine, but with our own `name` first on PATH."""
    place = tmp_path / "bin"
    place.mkdir()
    (place / name).write_text(f"#!/bin/sh\n{body}\n")
    (place / name).chmod(0o755)
    path = f"{place}:{os.environ['PATH']}"
    return LiveHost(Machine({**os.environ, "PATH": path, **variables}))


@pytest.mark.parametrize("value", ["", "-nonsense"])
def test_a_variable_that_takes_the_headers_away_is_blamed_and_no_package(
    needs: Callable[..., None], value: str
) -> None:
    needs("clang")
    host = LiveHost(Machine({**os.environ, "CLANG_BPF_SYS_INCLUDES": value}))
    finding = found("libraries.uapi", host)
    assert finding.status is Status.FAIL
    (fix,) = finding.fixes
    assert isinstance(fix, ByHand)
    assert fix.instead == Instead(without=("CLANG_BPF_SYS_INCLUDES",))


@pytest.mark.parametrize("check_id", ["libraries.libelf", "libraries.zlib", "libraries.uapi"])
def test_what_is_installed_here_passes(
    live: LiveHost, needs: Callable[..., None], check_id: str
) -> None:
    needs("cc", "clang")
    finding = found(check_id, live)
    assert finding.status is Status.PASS, finding.summary
    assert finding.evidence


def without_header(header: str) -> str:
    """A C compiler that does not find one header."""
    says = f"probe.c:1:10: fatal error: {header}: No such file or directory"
    return f"""\
for word; do case "$word" in *.c)
  if grep -q '<{header}>' "$word"; then echo '{says}' >&2; exit 1; fi;; esac; done
exec {shutil.which("gcc")} "$@\""""


def without_library(name: str) -> str:
    """A C compiler whose linker does not find one library, in ld's words."""
    return f"""\
for word; do if [ "$word" = -l{name} ]; then
  echo '/usr/bin/ld: cannot find -l{name}: No such file or directory' >&2; exit 1; fi; done
exec {shutil.which("gcc")} "$@\""""


@pytest.mark.parametrize(("library", "header", "short"), LIBRARIES)
def test_a_missing_header_is_told_from_a_missing_library(
    tmp_path: Path, needs: Callable[..., None], library: str, header: str, short: str
) -> None:
    needs("gcc")
    host = host_with(tmp_path, "cc", without_header(header))
    finding = found(f"libraries.{library}", host)
    assert finding.status is Status.FAIL
    assert finding.summary == f"{library}: the header {header} is missing; the library is there"
    assert finding.fixes == (Install((f"{library}-headers",)),)
    others = {"libelf", "zlib"} - {library}
    assert [found(f"libraries.{other}", host).status for other in others] == [Status.PASS]
    assert found("toolchain.cc", host).status is Status.PASS


@pytest.mark.parametrize(("library", "header", "short"), LIBRARIES)
def test_a_missing_library_is_told_from_a_missing_header(
    tmp_path: Path, needs: Callable[..., None], library: str, header: str, short: str
) -> None:
    needs("gcc")
    finding = found(f"libraries.{library}", host_with(tmp_path, "cc", without_library(short)))
    assert finding.status is Status.FAIL
    assert finding.summary == f"{library}: the library is missing (-l{short}); its header is there"


@pytest.mark.parametrize(("library", "header", "short"), LIBRARIES)
def test_both_halves_may_be_missing(
    tmp_path: Path, needs: Callable[..., None], library: str, header: str, short: str
) -> None:
    needs("gcc")
    body = without_library(short).rpartition("\n")[0] + "\n" + without_header(header)
    finding = found(f"libraries.{library}", host_with(tmp_path, "cc", body))
    assert finding.status is Status.FAIL
    assert finding.summary == f"{library}: the header {header} and the library are missing"


SHORT = {library: short for library, _, short in LIBRARIES}
STARTS_NOT = """\
case "$*" in *-l{short}*) gcc "$@" || exit; for last; do :; done
printf '#!/bin/sh\\necho "{says}" >&2; exit 127\\n' > "$last"; exit;; esac
exec gcc "$@\""""


@pytest.mark.parametrize(
    ("library", "gone", "status"),
    [
        ("libelf", "libelf.so.1", Status.FAIL),
        ("zlib", "libz.so.1", Status.FAIL),
        ("libelf", "libz.so.1", Status.SKIP),
    ],
)
def test_a_library_without_which_no_program_starts_fails_where_the_build_runs_one(
    tmp_path: Path, needs: Callable[..., None], library: str, gone: str, status: Status
) -> None:
    """Today's build runs the bpftool that it makes; that of 2020 runs none."""
    needs("gcc")
    says = f"program: error while loading shared libraries: {gone}: cannot open shared object"
    host = host_with(tmp_path, "cc", STARTS_NOT.format(short=SHORT[library], says=says))
    finding = found(f"libraries.{library}", host, project_named("libbpf-bootstrap"))
    assert finding.status is status
    assert gone in finding.summary
    assert finding.blocked_by == (("libraries.zlib",) if status is Status.SKIP else ())
    assert found(f"libraries.{library}", host).status is Status.WARN
    cross = LiveHost(Machine({**host.machine.environ, "CROSS_COMPILE": "x", "CC": "cc"}))
    today = project_named("libbpf-bootstrap")
    assert found(f"libraries.{library}", cross, today).status is Status.WARN


def test_a_header_of_the_c_library_is_not_libelfs(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("gcc")
    body = without_header("libelf.h").replace("fatal error: libelf.h", "fatal error: elf.h")
    finding = found("libraries.libelf", host_with(tmp_path, "cc", body))
    assert finding.summary == "libelf: the header elf.h is missing; the library is there"
    assert finding.fixes == (Install(("libc-headers",)),)


def test_the_users_search_path_counts(tmp_path: Path, needs: Callable[..., None]) -> None:
    needs("cc")
    (tmp_path / "zlib.h").write_text("#error an older one\n")
    host = LiveHost(Machine({**os.environ, "CPATH": str(tmp_path)}))
    finding = found("libraries.zlib", host)
    assert finding.status is Status.FAIL
    assert "an older one" in finding.summary


def test_the_users_linker_flags_count_where_the_makefile_passes_them_on(
    needs: Callable[..., None],
) -> None:
    needs("cc")
    host = LiveHost(Machine({**os.environ, "LDFLAGS": "-labsent-library"}))
    assert found("libraries.zlib", host, project_named("libbpf-bootstrap-2020")).status is (
        Status.PASS
    )
    finding = found("libraries.zlib", host, project_named("libbpf-bootstrap"))
    assert finding.status is Status.FAIL
    assert "-labsent-library" in finding.summary


def test_a_missing_kernel_header_is_blamed_once(tmp_path: Path, needs: Callable[..., None]) -> None:
    """As without linux-libc-dev: the C library's own headers include the kernel's."""
    needs("gcc", "clang")
    (tmp_path / "zlib.h").write_text("#include <linux/absent.h>\n")
    without = {"CPATH": str(tmp_path), "CLANG_BPF_SYS_INCLUDES": f"-nostdinc -I{tmp_path}"}
    host = LiveHost(Machine({**os.environ, **without}))
    assert found("libraries.uapi", host).status is Status.FAIL
    blocked = found("libraries.zlib", host)
    assert blocked.status is Status.SKIP
    assert blocked.blocked_by == ("libraries.uapi",)
    del without["CLANG_BPF_SYS_INCLUDES"]  # the headers are there for BPF code
    alone = found("libraries.zlib", LiveHost(Machine({**os.environ, **without})))
    assert alone.status is Status.FAIL
    assert "linux/absent.h" in alone.summary
    assert alone.fixes == (Install(("linux-headers",)),)


def test_without_a_c_compiler_libraries_are_not_blamed(tmp_path: Path) -> None:
    host = LiveHost(Machine({"PATH": str(tmp_path)}))
    for check_id in ("libraries.libelf", "libraries.zlib"):
        finding = found(check_id, host)
        assert finding.status is Status.SKIP
        assert finding.blocked_by == ("toolchain.cc",)


def test_headers_come_from_the_projects_own_libbpf(
    tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("clang")
    headers = tmp_path / "libbpf/include/uapi/linux"
    headers.mkdir(parents=True)
    (headers / "bpf.h").write_text("#error our own\n")
    here = msgspec.structs.replace(PROJECT, path=str(tmp_path))
    finding = found("libraries.uapi", LiveHost(Machine()), here)
    assert finding.status is Status.FAIL
    assert "our own" in finding.summary


def with_its_git_alone(place: Path) -> None:
    """As after `git submodule update` was cut off."""
    place.mkdir()
    (place / ".git").write_text("gitdir: ../.git/modules/libbpf\n")


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir, with_its_git_alone])
def test_a_libbpf_that_was_not_fetched_is_the_submodules_fault(
    tmp_path: Path, make: Callable[[Path], None], needs: Callable[..., None]
) -> None:
    needs("clang")
    make(tmp_path / "libbpf")
    here = msgspec.structs.replace(PROJECT, path=str(tmp_path))
    finding = found("libraries.uapi", LiveHost(Machine()), here)
    assert finding.status is Status.SKIP
    assert finding.blocked_by == ("checkout.submodules[libbpf]",)


def test_missing_kernel_headers_are_named(tmp_path: Path, needs: Callable[..., None]) -> None:
    """As without linux-libc-dev: clang finds no header anywhere."""
    needs("clang")
    host = host_with(
        tmp_path, "clang", f'exec {shutil.which("clang")} -nostdinc -idirafter {tmp_path} "$@"'
    )
    finding = found("libraries.uapi", host)
    assert finding.status is Status.FAIL
    assert finding.summary == "headers for BPF code: asm/types.h is not found"
    assert finding.fixes == (Install(("linux-headers",)),)
    (tmp_path / "asm").mkdir()
    (tmp_path / "asm/types.h").write_text("typedef unsigned int __u32;\n")
    again = found("libraries.uapi", LiveHost(host.machine))
    assert again.summary == "headers for BPF code: linux/bpf.h is not found"


@pytest.mark.parametrize("name", ["libelf", "zlib", "uapi"])
@pytest.mark.parametrize("reason", ["timed-out", "not-recorded", "ENOMEM"])
def test_missing_data_neither_passes_nor_fails(name: str, reason: str) -> None:
    finding = found(f"libraries.{name}", FakeHost(otherwise=NoAnswer(reason)))
    assert finding.status in {Status.UNKNOWN, Status.SKIP}


def test_a_project_without_a_build_links_nothing() -> None:
    embedded = Project(ProjectKind("own", "own", "own", (), {}))
    for name in ("libelf", "zlib", "uapi"):
        assert run_check(f"libraries.{name}", FakeHost(), embedded) == ()


@pytest.mark.parametrize(
    ("flags", "source", "blamed"),
    [
        ("", "#include <linux/bpf.h>\n", True),
        ("", '#include "vmlinux.h"\n', False),
        ("-idirafter /usr/include", "#include <linux/bpf.h>\n", False),
    ],
)
def test_a_makefile_that_adds_no_directories_leaves_out_who_includes_the_kernels_headers(
    tmp_path: Path, needs: Callable[..., None], flags: str, source: str, blamed: bool
) -> None:
    """As on Debian, where asm/types.h is below /usr/include/x86_64-linux-gnu."""
    needs("clang")
    own = f'case "$*" in *-v*) set -- -isystem {tmp_path}/here "$@";; esac'
    run = f'exec {shutil.which("clang")} -nostdlibinc "$@"'
    host = host_with(tmp_path, "clang", f"{own}\n{run}")
    for name in ("libbpf/include/uapi/linux/bpf.h", "here/asm/types.h"):
        (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / "here/asm/types.h").write_text("typedef unsigned int __u32;\n")
    tracepoint = "#include <asm/types.h>\nenum { BPF_PROG_TYPE_TRACEPOINT };\n"
    (tmp_path / "libbpf/include/uapi/linux/bpf.h").write_text(tracepoint)
    (tmp_path / "Makefile").write_text(f"APPS = minimal\nINCLUDES := {flags}\n")
    (tmp_path / "minimal.bpf.c").write_text(source)
    here = msgspec.structs.replace(PROJECT, path=str(tmp_path), programs=("minimal",))
    whole, *programs = run_check("libraries.uapi", host, here)
    assert whole.status is Status.PASS, whole.summary
    assert [each.key for each in programs] == (["libraries.uapi[minimal]"] if blamed else [])
