"""A checkout is found upwards, and its programs are read off its makefile."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import A, Answer, NoAnswer, Question
from bpfdoctor.host.record import RecordedHost, RecordingHost, Snapshot, read_snapshot
from bpfdoctor.host.redact import Redactor
from bpfdoctor.host.system.files import (
    AskDirectory,
    Directory,
    FileText,
    ListDirectory,
    LookAt,
    PathFacts,
    ReadFile,
)
from bpfdoctor.model import Tool
from bpfdoctor.projects.makefile_of import MOST
from bpfdoctor.projects.model import ProgramList, Setting
from bpfdoctor.projects.reader import kind_named
from bpfdoctor.projects.recognise import find_project
from bpfdoctor.testing import FakeHost

TODAY = """\
CARGO ?= $(shell which cargo)
ifeq ($(strip $(CARGO)),)
BZS_APPS :=
else
BZS_APPS := profile
APPS += $(BZS_APPS)
endif
"""
OURS = PathFacts("directory", "", "directory", 0, 0o700, 1000, False)
TOO_MANY = "APPS names more than 1,000 programs"
APPS = "APPS = minimal \\\n       bootstrap # and more\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    place = tmp_path / "checkout"
    (place / "examples/c").mkdir(parents=True)
    (place / "examples/c/Makefile").write_text(APPS)
    (place / "examples/c/minimal.bpf.c").write_text("")
    return place


def host(path: str = "/nonexistent") -> LiveHost:
    return LiveHost(Machine({"PATH": path}))


@pytest.mark.parametrize("below", ["", "examples", "examples/c"])
def test_a_checkout_is_found_upwards(checkout: Path, below: str) -> None:
    found = find_project(host(), str(checkout / below))
    assert found is not None
    assert (found.name, found.path) == ("libbpf-bootstrap", str(checkout))
    assert found.programs == ("minimal", "bootstrap")
    assert "APPS in examples/c/Makefile" in found.evidence


def test_a_relative_directory_and_one_behind_a_link_are_found_too(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout.parent / "link").symlink_to(checkout / "examples")
    monkeypatch.chdir(checkout.parent)
    for start in ("checkout", "./link/c"):
        found = find_project(host(), start)
        assert found is not None
        assert found.path == str(checkout)


def test_a_checkout_that_somebody_else_left_above_is_none(
    checkout: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    mine = checkout / "mine"
    mine.mkdir()
    os.chown(checkout / "examples/c/Makefile", 12345, 12345)
    assert find_project(host(), str(mine)) is None
    assert find_project(host(), str(checkout)) is not None
    for each in (checkout, *checkout.parents[:4]):
        each.chmod(0o755)
    os.chown(mine, 12345, 12345)
    assert find_project(host(), str(mine)) is not None


def test_the_layout_of_2020_is_another_kind(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/Makefile").write_text("APPS = minimal uprobe\n")
    (tmp_path / "src/minimal.bpf.c").write_text("")
    found = find_project(host(), str(tmp_path / "src"))
    assert found is not None
    assert (found.name, found.programs) == ("libbpf-bootstrap-2020", ("minimal", "uprobe"))


def test_elsewhere_and_nowhere_there_is_no_project(tmp_path: Path) -> None:
    assert find_project(host(), str(tmp_path)) is None
    assert find_project(host(), str(tmp_path / "absent")) is None
    assert find_project(host(), "a\0b") is None


@pytest.mark.parametrize(
    ("makefile", "computed"),
    [
        ("", "no APPS that names a program"),
        ("APPS = $(shell echo a)\n", "$(shell echo a)"),
        ("APPS = a\ninclude more.mk\n", "include more.mk"),
        ("APPS = ../../etc /bin/x\n", "no APPS that names a program"),
        (f"APPS = {'p' * 250}\n", "no APPS that names a program"),
        (f"APPS = {' '.join(f'p{n}' for n in range(MOST + 1))}\n", TOO_MANY),
    ],
)
def test_a_list_that_is_not_followed_leaves_the_sources_that_are_there(
    checkout: Path, makefile: str, computed: str
) -> None:
    (checkout / "examples/c/Makefile").write_text(makefile)
    for name in ("minimal.c", "mine.bpf.c", "mine.c", "lone.bpf.c", "other.c", "-x.bpf.c", "-x.c"):
        (checkout / "examples/c" / name).write_text("")
    found = find_project(host(), str(checkout))
    assert found is not None
    assert found.programs == ("mine", "minimal")
    assert found.listing == ProgramList("sources", "APPS", "examples/c/Makefile", computed)
    assert "the list in examples/c/Makefile is computed" in found.evidence


def test_as_many_programs_as_are_judged_are_read(checkout: Path) -> None:
    names = [f"p{n}" for n in range(MOST - 1)] + ["p" * 249]
    (checkout / "examples/c/Makefile").write_text(f"APPS = {' '.join(names)}\n")
    found = find_project(host(), str(checkout))
    assert found is not None
    assert found.programs == tuple(names)


def test_of_more_sources_than_are_judged_the_first_are(checkout: Path) -> None:
    (checkout / "examples/c/Makefile").write_text("APPS = $(shell ls)\n")
    for name in [f"p{n:04}" for n in range(MOST + 1)]:
        (checkout / f"examples/c/{name}.bpf.c").touch()
        (checkout / f"examples/c/{name}.c").touch()
    found = find_project(host(), str(checkout))
    assert found is not None
    assert len(found.programs) == MOST


def test_a_program_whose_sources_are_there_and_that_the_list_lacks_is_named(checkout: Path) -> None:
    for name in ("mine.bpf.c", "mine.c", "minimal.c"):
        (checkout / "examples/c" / name).write_text("")
    found = find_project(host(), str(checkout))
    assert found is not None
    assert found.programs == ("minimal", "bootstrap")
    assert found.listing == ProgramList("read", "APPS", "examples/c/Makefile", unlisted=("mine",))


def test_a_directory_that_vanishes_while_it_is_read_breaks_nothing(checkout: Path) -> None:
    class Vanishing(LiveHost):
        def ask(self, question: Question[A]) -> A | NoAnswer:
            if isinstance(question, (ReadFile, ListDirectory)):
                shutil.rmtree(checkout, ignore_errors=True)
            return super().ask(question)

    found = find_project(Vanishing(Machine({"PATH": ""})), str(checkout / "examples/c"))
    assert found is not None
    assert found.programs == tuple(kind_named("libbpf-bootstrap").programs)
    assert found.listing is not None
    assert found.listing.how == "kind"


def test_of_a_makefile_of_ten_megabytes_nothing_is_taken_for_known(checkout: Path) -> None:
    text = APPS + "# more\n" * (10_000_000 // 7) + "APPS = other\n"
    (checkout / "examples/c/Makefile").write_text(text)
    start = time.process_time()
    found = find_project(host(), str(checkout))
    assert time.process_time() - start < 5
    assert found is not None
    assert found.listing is not None
    assert found.listing.computed == "a makefile longer than bpfdoctor reads"


def test_the_makefile_is_the_one_that_make_takes(checkout: Path) -> None:
    (checkout / "examples/c/GNUmakefile").write_text("APPS = other\n")
    found = find_project(host(), str(checkout))
    assert found is not None
    assert found.programs == ("other",)
    assert "APPS in examples/c/GNUmakefile" in found.evidence


def of_today(place: Path, directory: str) -> Path:
    (place / directory).mkdir(parents=True)
    text = f"BPFTOOL_SRC := $(abspath {'../' * (directory.count('/') + 1)}bpftool/src)\n"
    (place / directory / "Makefile").write_text(text + APPS)
    (place / directory / "minimal.bpf.c").write_text("")
    return place


@pytest.mark.parametrize("start", ["", "src"])
def test_a_makefile_of_today_is_known_by_its_words_in_another_directory(
    tmp_path: Path, start: str
) -> None:
    found = find_project(host(), str(of_today(tmp_path, "src") / start))
    assert found is not None
    assert found.kind.build is not None
    build = found.kind.build
    assert (found.name, found.kind.layout) == ("libbpf-bootstrap", "src")
    assert (build.directory, build.makefile) == ("src", "src/Makefile")
    assert build.vmlinux_h == "vmlinux.h/include/{arch}/vmlinux.h"
    assert found.programs == ("minimal", "bootstrap")


def test_tools_are_those_that_this_makefile_calls(checkout: Path) -> None:
    def tools(text: str) -> set[str]:
        (checkout / "examples/c/Makefile").write_text(APPS + text)
        found = find_project(host(), str(checkout))
        assert found is not None
        return set(found.tools)

    own = "BPFTOOL_SRC := $(abspath ../../bpftool/src)\n"
    assert tools(own) == {"CLANG", "CC", "AR", "BPFTOOL", "HOSTCC", "HOSTAR"}
    stripping = "x:\n\t$(LLVM_STRIP) -g x\n"
    assert tools(stripping) == {"CLANG", "CC", "AR", "LLVM_STRIP"}
    assert tools(f"{stripping}\t$(BPFTOOL) gen x\n") == {
        *("CLANG", "CC", "AR", "LLVM_STRIP", "BPFTOOL")
    }


@pytest.mark.parametrize(
    ("line", "variable", "expected"),
    [
        ("CLANG := clang-15", "CLANG", ("clang-15", "file", "")),
        ("CLANG ?= clang-15", "CLANG", ("mine", "environment", "")),
        ("CC = $(CROSS_COMPILE)cc", "CC", ("foo-cc", "file", "")),
        ("CLANG := $(shell which clang-9)", "CLANG", ("", "file", "")),
        ("CLANG := $(wildcard /opt/*/clang)", "CLANG", ("", "file", "$(wildcard /opt/*/clang)")),
        ("BPFTOOL = $(abspath ../../t/bpftool)", "BPFTOOL", ("{}/t/bpftool", "file", "")),
        ("AR = of-this-makefile-alone", "AR", ("ar", "", "")),
        ("export AR = for-libbpf-too", "AR", ("for-libbpf-too", "file", "")),
        ("HOSTCC = no # bpftool/src", "HOSTCC", ("", "", "")),
    ],
)
def test_a_tool_is_what_make_would_run_in_this_environment(
    checkout: Path, line: str, variable: str, expected: tuple[str, str, str]
) -> None:
    text = f"{APPS}{line}\nx:\n\t$(CLANG) $(BPFTOOL) $(CC)\n"
    (checkout / "examples/c/Makefile").write_text(text)
    machine = Machine({"PATH": "/nonexistent", "CLANG": "mine", "CROSS_COMPILE": "foo-"})
    found = find_project(LiveHost(machine), str(checkout))
    assert found is not None
    setting = found.setting(variable)
    value, origin, computed = expected
    assert setting.value == value.format(checkout)
    assert (setting.origin, setting.computed) == (origin, computed)


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "PLAIN", "CFLAGS_TOKEN"])
def test_a_makefile_learns_no_variable_that_does_not_steer_builds(
    checkout: Path, name: str
) -> None:
    (checkout / "examples/c/Makefile").write_text(f"X := $({name})\nAPPS = minimal $(X)\n")
    recording = RecordingHost(LiveHost(Machine({"PATH": "/nonexistent", name: "the-value"})))
    found = find_project(recording, str(checkout))
    assert found is not None
    assert found.listing is not None
    assert found.listing.computed == f"${name} of the environment"
    assert "the-value" not in repr((recording.answers, found))
    unset = find_project(host(), str(checkout))
    assert unset is not None
    assert unset.programs == ("minimal",)


def test_a_machine_recorded_before_its_tools_were_asked_about_has_the_usual_ones() -> None:
    known: dict[Question[Any], Answer] = {
        AskDirectory("/tree"): Directory("/tree", ("/",)),
        **{LookAt(f"/tree{name}"): OURS for name in ("", "/examples/c/minimal.bpf.c")},
        ReadFile("/tree/examples/c/Makefile"): FileText(f"CLANG ?= clang\n{APPS}"),
    }
    found = find_project(FakeHost(known, otherwise=NoAnswer("not-recorded")), "/tree")
    assert found is not None
    assert found.programs == ("minimal", "bootstrap")
    assert found.setting("CLANG").value == "clang"
    assert found.tools["CC"] == Setting("CC", "$(CROSS_COMPILE)cc")


def test_a_makefile_that_is_no_file_leaves_those_of_the_kind(checkout: Path) -> None:
    (checkout / "examples/c/Makefile").unlink()
    (checkout / "examples/c/Makefile").mkdir()
    found = find_project(host(), str(checkout))
    assert found is not None
    assert found.programs == tuple(kind_named("libbpf-bootstrap").programs)
    assert "cannot be read" in found.evidence


def test_the_same_project_is_found_on_a_recorded_machine(checkout: Path, tmp_path: Path) -> None:
    recording = RecordingHost(host())
    live = find_project(recording, str(checkout / "examples/c"))
    redactor = Redactor(checkout=str(checkout))
    snapshot = Snapshot(Tool("bpfdoctor", "0"), "3", "now", 0, {}, recording.answers)
    snapshot.write(tmp_path / "snapshot", redactor)
    recorded = RecordedHost(read_snapshot(tmp_path / "snapshot"))
    assert find_project(recorded, "$CHECKOUT/examples/c") == redactor.value(live)


@pytest.mark.parametrize(
    ("tools", "environment", "there"),
    [
        ((), {}, False),
        (("cargo",), {}, False),  # without `which`, make finds none
        (("cargo", "which"), {}, True),
        ((), {"CARGO": "/opt/cargo"}, True),
        (("cargo", "which"), {"CARGO": ""}, False),
    ],
)
def test_profile_is_a_program_where_make_finds_cargo_and_not_elsewhere(
    checkout: Path, tmp_path: Path, tools: tuple[str, ...], environment: dict[str, str], there: bool
) -> None:
    (checkout / "examples/c/Makefile").write_text(APPS + TODAY)
    (tmp_path / "bin").mkdir()
    for tool in tools:
        (tmp_path / "bin" / tool).symlink_to("/bin/true")
    machine = Machine({"PATH": str(tmp_path / "bin"), **environment})
    found = find_project(LiveHost(machine), str(checkout))
    assert found is not None
    assert found.programs == ("minimal", "bootstrap", *(["profile"] if there else []))


def test_a_tree_that_is_shut_is_known_by_its_submodules() -> None:
    known: dict[Question[Any], Answer] = {
        AskDirectory("/tree"): Directory("/tree", ("/",)),
        LookAt("/tree"): OURS,
        LookAt("/tree/.gitmodules"): OURS,
        LookAt("/tree/examples/c/minimal.bpf.c"): NoAnswer("EACCES"),
        ReadFile("/tree/.gitmodules"): FileText('[submodule "libbpf"]\n\tpath = libbpf\n'),
    }
    found = find_project(FakeHost(known, otherwise=NoAnswer("ENOENT")), "/tree")
    assert found is not None
    assert found.path == "/tree"
    del known[ReadFile("/tree/.gitmodules")]
    assert find_project(FakeHost(known, otherwise=NoAnswer("ENOENT")), "/tree") is None
