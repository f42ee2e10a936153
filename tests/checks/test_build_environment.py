"""Variables that steer compilers: real compilers, and an environment that breaks them or not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.api import ByHand, Finding, Instead, NoAnswer, Project, Status
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.projects.model import Build, ProjectKind
from bpfdoctor.projects.reader import kind_named
from bpfdoctor.testing import FakeHost, one, run_check

PROJECT_MAKEFILE = """\
CFLAGS := -g -Wall
ALL_LDFLAGS := $(LDFLAGS) $(EXTRA_LDFLAGS)
minimal:
	$(CC) $(CFLAGS) minimal.o $(ALL_LDFLAGS) -lelf -lz
"""
LIBBPF_MAKEFILE = """\
CFLAGS ?= -g -O2 -Werror -Wall -std=gnu89
ALL_CFLAGS += $(CFLAGS) $(EXTRA_CFLAGS)
%.o: %.c
	$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -c $<
"""
BPFTOOL_MAKEFILE = """\
CFLAGS += -O2
CFLAGS += $(EXTRA_CFLAGS)
LDFLAGS += $(EXTRA_LDFLAGS)
bpftool:
	$(HOSTCC) $(CFLAGS) $(LDFLAGS) main.o -lelf -lz
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A tree with the three makefiles whose flags count."""
    top = tmp_path / "tree"
    texts = {".": PROJECT_MAKEFILE, "libbpf/src": LIBBPF_MAKEFILE, "bpftool/src": BPFTOOL_MAKEFILE}
    for place, text in texts.items():
        (top / place).mkdir(parents=True, exist_ok=True)
        (top / place / "Makefile").write_text(text)
    tools = {"CLANG": "clang", "CC": "cc", "HOSTCC": "gcc"}
    build = Build(".", "Makefile", tools=tools, link_flags=("LDFLAGS", "EXTRA_LDFLAGS"))
    return Project(ProjectKind("own", "own", "own", (), {}, build=build), str(top))


STEERING = (
    *("CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "LD_LIBRARY_PATH", "COMPILER_PATH"),
    *("GCC_EXEC_PREFIX", "CFLAGS", "CPPFLAGS", "EXTRA_CFLAGS", "LDFLAGS"),
)


@pytest.fixture(autouse=True)
def _compilers(needs: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    needs("cc", "gcc", "clang", "make")
    for name in STEERING:
        monkeypatch.delenv(name, raising=False)


def found(project: Project, **variables: str) -> Finding:
    ours = {name: value for name, value in os.environ.items() if name != "TMPDIR"}
    machine = Machine({**ours, **variables})
    try:
        return one(run_check("toolchain.environment", LiveHost(machine), project))
    finally:
        machine.close()


def holding(tmp_path: Path, name: str, text: str = "#error broken\n") -> str:
    """A directory that holds one file."""
    file = tmp_path / "steered" / name
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return str(tmp_path / "steered")


def blames(finding: Finding, *names: str) -> None:
    """It fails on these variables alone, and says how to build without them, in words and data."""
    assert finding.status is Status.FAIL, finding.summary
    assert re.findall(r"\b([A-Z_]+)=", finding.summary) == list(names)
    (fix,) = finding.fixes
    assert isinstance(fix, ByHand)
    assert fix.instead == Instead(without=names)
    assert f"`unset {' '.join(names)}`" in fix.text
    assert f"`env {' '.join(f'-u {name}' for name in names)} make`" in fix.text


def test_where_none_is_set_nothing_is_compiled(project: Project) -> None:
    finding = found(project)
    assert finding.status is Status.PASS
    assert [each.source.split(":")[0] for each in finding.evidence] == ["environment"]


@pytest.mark.parametrize("variable", ["CPATH", "C_INCLUDE_PATH"])
@pytest.mark.parametrize("header", ["stdio.h", "libelf.h", "zlib.h", "elf.h", "asm/types.h"])
def test_a_broken_header_that_comes_before_the_systems_is_the_variables_doing(
    project: Project, tmp_path: Path, variable: str, header: str
) -> None:
    finding = found(project, **{variable: holding(tmp_path, header)})
    blames(finding, variable)
    assert "broken" in finding.summary


@pytest.mark.parametrize(
    "variable", ["CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "LD_LIBRARY_PATH", "COMPILER_PATH"]
)
def test_a_directory_without_anything_of_a_build_harms_nobody(
    project: Project, tmp_path: Path, variable: str
) -> None:
    finding = found(project, **{variable: holding(tmp_path, "of-somebody-else.h")})
    assert finding.status is Status.PASS
    assert variable in finding.summary


def test_a_linux_bpf_h_in_cpath_comes_after_the_systems(project: Project, tmp_path: Path) -> None:
    """The makefiles have clang search what it searches for the host, CPATH included, at the end."""
    assert found(project, CPATH=holding(tmp_path, "linux/bpf.h")).status is Status.PASS


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LDFLAGS", "-lnothere"),
        ("EXTRA_LDFLAGS", "-lnothere"),
        ("EXTRA_CFLAGS", "-include /nonexistent"),
        ("EXTRA_CFLAGS", "-Wno-such-thing -Wsuch-thing"),
        ("CPPFLAGS", "-include /nonexistent"),
        ("GCC_EXEC_PREFIX", "/nonexistent/"),
    ],
)
def test_a_flag_that_no_build_survives_is_named(
    project: Project, variable: str, value: str
) -> None:
    blames(found(project, **{variable: value}), variable)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LDFLAGS", "-Wl,-O1"),
        ("EXTRA_LDFLAGS", "-L/nonexistent"),
        ("EXTRA_CFLAGS", "-O1 -DNOTHING"),
        ("EXTRA_CFLAGS", "-Wno-such-thing"),
        ("LDFLAGS", ""),
        ("CPATH", ""),
    ],
)
def test_a_flag_that_a_build_survives_passes(project: Project, variable: str, value: str) -> None:
    assert found(project, **{variable: value}).status is Status.PASS


def test_what_the_makefile_sets_itself_does_not_count(project: Project) -> None:
    finding = found(project, CFLAGS="-include /nonexistent")
    assert finding.status is Status.PASS
    assert finding.summary.endswith("no makefile takes CFLAGS from the environment")
    makefile = Path(project.path, "Makefile")
    makefile.write_text(PROJECT_MAKEFILE.replace("CFLAGS :=", "CFLAGS ?="))
    blames(found(project, CFLAGS="-include /nonexistent"), "CFLAGS")


def test_a_variable_that_no_makefile_names_does_not_count(project: Project) -> None:
    for place in ("", "bpftool/src", "libbpf/src"):
        makefile = Path(project.path, place, "Makefile")
        makefile.write_text(makefile.read_text().replace("LDFLAGS", "OTHERS"))
    finding = found(project, LDFLAGS="-lnothere")
    assert finding.summary.endswith("no makefile takes LDFLAGS from the environment")


def warnings(project: Project, value: str, *, may_build: bool = True) -> Finding:
    host = LiveHost(Machine({**os.environ, "EXTRA_CFLAGS": value}))
    return one(run_check("toolchain.warnings", host, project, may_build=may_build))


@pytest.mark.parametrize("value", ["-Wconversion", "-O2 -Wextra", "-std=c89 -pedantic-errors"])
def test_a_flag_that_adds_warnings_explains_a_build_that_fails(
    project: Project, value: str
) -> None:
    """libbpf is compiled with -Werror: whether its sources give cause, only a build can tell."""
    finding = warnings(project, value)
    assert finding.status is Status.WARN
    assert "[-Werror" in finding.explains
    assert warnings(project, value, may_build=False).status is Status.UNKNOWN
    assert found(project, EXTRA_CFLAGS=value).status is Status.PASS


@pytest.mark.parametrize("value", ["", "-O1", "-Wall -Wno-unused", "-Wl,-O1", "-Werror=format"])
def test_a_flag_that_adds_none_passes(project: Project, value: str) -> None:
    assert warnings(project, value, may_build=False).status is Status.PASS


def _library_of(program: str) -> str:
    """The name of a shared library, not the C library's, without which a program cannot start."""
    path = shutil.which(program)
    assert path is not None
    said = subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout
    names = re.findall(r"^\s*(lib(?:LLVM|clang|stdc\+\+|elf)\S*) =>", said, re.MULTILINE)
    if not names:
        pytest.skip(f"{program} is linked statically")
    return str(names[0])


def test_a_library_path_that_keeps_clang_from_starting_is_named(
    project: Project, tmp_path: Path
) -> None:
    finding = found(project, LD_LIBRARY_PATH=holding(tmp_path, _library_of("clang"), "junk"))
    blames(finding, "LD_LIBRARY_PATH")
    assert "shared librar" in finding.summary


def test_a_library_path_that_stops_the_bpftool_of_the_build_is_named(
    project: Project, tmp_path: Path
) -> None:
    blames(
        found(project, LD_LIBRARY_PATH=holding(tmp_path, "libelf.so.1", "junk")), "LD_LIBRARY_PATH"
    )


def test_the_embedded_program_needs_a_clang_that_starts(tmp_path: Path) -> None:
    embedded = Project(kind_named("embedded"))
    place = holding(tmp_path, _library_of("clang"), "junk")
    blames(found(embedded, LD_LIBRARY_PATH=place), "LD_LIBRARY_PATH")
    assert found(embedded, LDFLAGS="-lnothere").status is Status.PASS


def test_two_that_break_it_are_named_together_and_a_harmless_third_is_not(
    project: Project, tmp_path: Path
) -> None:
    steered = {"CPATH": holding(tmp_path, "libelf.h"), "LDFLAGS": "-lnothere"}
    blames(found(project, LIBRARY_PATH="/nonexistent", **steered), "CPATH", "LDFLAGS")


def test_what_fails_without_them_too_is_not_their_doing(project: Project, tmp_path: Path) -> None:
    place = tmp_path / "bin"
    place.mkdir()
    (place / "cc").write_text("#!/bin/sh\necho 'cc: error: no' >&2\nexit 1\n")
    (place / "cc").chmod(0o755)
    path = f"{place}:{os.environ['PATH']}"
    assert found(project, PATH=path, CPATH="/nonexistent").status is Status.PASS


def test_a_machine_that_was_recorded_before_is_judged_by_the_others_alone(project: Project) -> None:
    host = FakeHost(otherwise=NoAnswer("not-recorded"))
    assert run_check("toolchain.environment", host, project) == ()
    assert run_check("toolchain.warnings", host, project) == ()


def test_a_bpftool_of_the_checkout_is_not_started(project: Project, tmp_path: Path) -> None:
    """Of a checkout nothing runs before a build; one that lies elsewhere must start."""
    for place in (Path(project.path), tmp_path):
        (place / "own").write_text(f'#!/bin/sh\necho > {place}/ran; [ -z "$CPATH" ]\n')
        (place / "own").chmod(0o755)
    inside = found(project, BPFTOOL=f"{project.path}/own", CPATH="/nonexistent")
    assert inside.status is Status.PASS
    assert not Path(project.path, "ran").exists()
    blames(found(project, BPFTOOL=f"{tmp_path}/own", CPATH="/nonexistent"), "CPATH")
