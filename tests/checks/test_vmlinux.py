"""Whether vmlinux.h is there, and how it comes back."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bpfdoctor.api import (
    Answer,
    AskKernel,
    AskSubmodules,
    ByHand,
    FileText,
    FindExecutables,
    Finding,
    FindTool,
    Fix,
    FoundTools,
    Install,
    Instead,
    Kernel,
    LookAt,
    NoAnswer,
    PathFacts,
    Project,
    Question,
    ReadFile,
    Run,
    Status,
    Submodule,
    Submodules,
    ToolPath,
)
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import A
from bpfdoctor.host.tools.workdir import Workplace
from bpfdoctor.projects.model import Build, ProjectKind
from bpfdoctor.projects.recognise import find_project
from bpfdoctor.testing import FakeHost, one, project_named, run_check

HEADER = "#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\nstruct a { int b; };\n#endif\n"
TODAY = "vmlinux.h/include/x86/vmlinux.h"
ARCH = """\
ARCH ?= $(shell uname -m | sed 's/x86_64/x86/' \\
\t| sed 's/arm.*/arm/' | sed 's/aarch64/arm64/' | sed 's/ppc64le/powerpc/' | sed 's/riscv64/riscv/')
"""
MAKEFILE = f"APPS = minimal\n{ARCH}VMLINUX := ../../vmlinux.h/include/$(ARCH)/vmlinux.h\n"


class OnMachine:
    """This machine's files, below a kernel of another architecture."""

    def __init__(self, architecture: str, path: str = "") -> None:
        environ = {**os.environ, "PATH": path} if path else None
        self.live, self.architecture = LiveHost(Machine(environ)), architecture
        self.without_clang = bool(path)

    def ask(self, question: Question[A]) -> A | NoAnswer:
        if question == AskKernel():
            kernel: Any = Kernel("6.1.0", "#1", self.architecture)
            return kernel  # type: ignore[no-any-return]
        if self.without_clang and isinstance(question, FindExecutables):
            none: Any = FoundTools(())
            return none  # type: ignore[no-any-return]
        return self.live.ask(question)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "examples/c").mkdir(parents=True)
    (tmp_path / "examples/c/Makefile").write_text(MAKEFILE)
    (tmp_path / "examples/c/minimal.bpf.c").write_text("")
    (tmp_path / "vmlinux.h/include/x86").mkdir(parents=True)
    (tmp_path / TODAY).with_name("vmlinux_618.h").write_text(HEADER)
    (tmp_path / TODAY).symlink_to("vmlinux_618.h")
    return tmp_path


def judge(checkout: Path, architecture: str = "x86_64", *, path: str = "") -> Finding:
    host = OnMachine(architecture, path)
    project = find_project(host, str(checkout))
    assert project is not None
    return one(run_check("checkout.vmlinux-h", host, project))


def git(place: Path, *words: str) -> None:
    name = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    subprocess.run(["git", "-C", place, *name, *words], check=True, capture_output=True)


def test_a_header_behind_a_link_passes_with_its_size(checkout: Path) -> None:
    finding = judge(checkout)
    assert finding.status is Status.PASS
    assert finding.summary == f"{TODAY} (a link to vmlinux_618.h), {len(HEADER)} bytes"


@pytest.mark.parametrize(
    ("machine", "name"),
    [("aarch64", "arm64"), ("riscv64", "riscv"), ("armv7l", "arm"), ("ppc64le", "powerpc")],
)
def test_the_header_is_that_of_this_architecture(checkout: Path, machine: str, name: str) -> None:
    finding = judge(checkout, machine)
    assert finding.status is Status.FAIL
    assert finding.summary == f"vmlinux.h/include/{name}/vmlinux.h is missing"
    directory = f"{checkout}/vmlinux.h/include/{name}"
    undo = ("rmdir", "--ignore-fail-on-non-empty", "--", directory)
    assert finding.fixes[0] == Run(("mkdir", "-p", "--", directory), cwd=str(checkout), undo=undo)
    assert isinstance(fix := finding.fixes[-1], Run)
    assert fix.output == f"{directory}/vmlinux.h"


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("VMLINUX := ../../vmlinux/vmlinux.h", "vmlinux/vmlinux.h"),
        ("VMLINUX := ../../vmlinux/$(ARCH)/vmlinux.h", "vmlinux/x86/vmlinux.h"),
        ("VMLINUX := ../../vmlinux/no.h\nVMLINUX = ../../vmlinux/vmlinux.h", "vmlinux/vmlinux.h"),
        ("VMLINUX = $(abspath ../../vmlinux/vmlinux.h)", "vmlinux/vmlinux.h"),
        ("INCLUDES = -Ivmlinux", TODAY),
    ],
)
def test_the_makefile_says_where_the_header_is(checkout: Path, line: str, place: str) -> None:
    (checkout / "examples/c/Makefile").write_text(f"APPS = minimal\n{ARCH}{line}\n")
    (checkout / "vmlinux/x86").mkdir(parents=True)
    for name in ("vmlinux/vmlinux.h", "vmlinux/x86/vmlinux.h"):
        (checkout / name).write_text(HEADER)
    finding = judge(checkout)
    assert finding.status is Status.PASS
    assert finding.summary.startswith(place)


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        ("VMLINUX := $(shell pwd)/vmlinux.h", Status.UNKNOWN, "computes by $(shell pwd)"),
        ("VMLINUX := /usr/include/vmlinux.h", Status.UNKNOWN, "outside of the checkout"),
        ("VMLINUX := ../../../vmlinux.h", Status.FAIL, "../vmlinux.h is missing"),
        ("VMLINUX := ../../include/kernel.h", Status.FAIL, "include/kernel.h is missing"),
    ],
)
def test_a_header_elsewhere_is_not_taken_for_that_of_the_checkout(
    checkout: Path, line: str, status: Status, words: str
) -> None:
    (checkout / "examples/c/Makefile").write_text(f"APPS = minimal\n{line}\n")
    finding = judge(checkout)
    assert (finding.status, words in finding.summary) == (status, True), finding.summary


def test_a_makefile_that_speaks_of_no_such_header_needs_none(checkout: Path) -> None:
    (checkout / "examples/c/Makefile").write_text("APPS = minimal\n")
    project = find_project(OnMachine("x86_64"), str(checkout))
    assert project is not None
    assert run_check("checkout.vmlinux-h", OnMachine("x86_64"), project) == ()


@pytest.mark.parametrize("value", ["amd64", "i686"])
def test_an_arch_of_the_environment_that_leads_nowhere_is_to_be_unset(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("ARCH", value)
    finding = judge(checkout)
    assert finding.status is Status.FAIL
    assert finding.summary == (
        f"ARCH={value} of the environment makes the makefile look in vmlinux.h/include/{value}, "
        "which is not there"
    )
    assert finding.fixes == (ByHand("unset ARCH", instead=Instead(without=("ARCH",))),)


@pytest.mark.parametrize("value", ["x86", "amd64"])
def test_an_arch_that_the_makefile_sets_itself_is_not_the_environments(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("ARCH", value)
    (checkout / "examples/c/Makefile").write_text(MAKEFILE.replace("?=", ":="))
    assert judge(checkout).status is Status.PASS


def test_an_empty_header_fails(checkout: Path) -> None:
    (checkout / TODAY).with_name("vmlinux_618.h").write_text("")
    finding = judge(checkout)
    assert (finding.status, finding.summary) == (Status.FAIL, f"{TODAY} is empty")


def test_a_broken_link_fails_and_the_fix_writes_what_it_points_to(checkout: Path) -> None:
    (checkout / TODAY).with_name("vmlinux_618.h").unlink()
    finding = judge(checkout)
    assert finding.status is Status.FAIL
    assert "broken link to vmlinux_618.h" in finding.summary
    assert isinstance(fix := finding.fixes[-1], Run)
    assert fix.output == str((checkout / TODAY).with_name("vmlinux_618.h"))


def test_a_broken_link_out_of_the_checkout_is_not_written_through(checkout: Path) -> None:
    (checkout / TODAY).unlink()
    (checkout / TODAY).symlink_to("../../../../outside.h")
    assert isinstance(fix := judge(checkout).fixes[-1], Run)
    assert fix.output == str(checkout / TODAY)


def test_a_link_that_became_a_text_file_fails(checkout: Path) -> None:
    (checkout / TODAY).unlink()
    (checkout / TODAY).write_text("vmlinux_618.h")
    finding = judge(checkout)
    assert finding.status is Status.FAIL
    assert "a symlink was lost" in finding.summary


def test_a_header_of_another_kind_passes_where_it_is_c(checkout: Path) -> None:
    (checkout / TODAY).write_text("#pragma once\nstruct task_struct;\n")
    assert judge(checkout).status is Status.PASS


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("vmlinux_618.h\n", Status.FAIL),
        ("x" * 255, Status.FAIL),
        ("struct a;\nstruct b;\n", Status.PASS),
        ('#include "vmlinux_618.h"', Status.PASS),
    ],
)
def test_only_the_name_of_a_file_is_taken_for_a_lost_link(
    checkout: Path, text: str, status: Status
) -> None:
    (checkout / TODAY).unlink()
    (checkout / TODAY).write_text(text)
    finding = judge(checkout)
    assert finding.status is status
    assert ("a symlink was lost" in finding.summary) == (status is Status.FAIL)


def test_a_line_of_c_is_no_name_of_a_file(checkout: Path) -> None:
    (checkout / TODAY).unlink()
    (checkout / TODAY).write_text("typedef int broken")
    finding = judge(checkout)
    assert finding.status is Status.FAIL
    assert "a symlink was lost" not in finding.summary


def test_a_long_line_is_no_name_of_a_file(checkout: Path) -> None:
    (checkout / TODAY).unlink()
    (checkout / TODAY).write_text("x" * 256)
    assert "does not compile" in judge(checkout).summary


def test_a_directory_in_its_place_fails(checkout: Path) -> None:
    (checkout / TODAY).unlink()
    (checkout / TODAY).mkdir()
    assert judge(checkout).status is Status.FAIL


@pytest.mark.parametrize("place", ["empty", "missing", "bare"])
def test_a_header_whose_submodule_is_not_there_is_blocked_by_it(place: Any) -> None:
    submodule = Submodule("vmlinux.h", "https://example.org/x", place)
    answers: dict[Question[Any], Answer] = {
        ReadFile("$CHECKOUT/examples/c/Makefile"): FileText("APPS = minimal\n"),
        AskKernel(): Kernel("6.1.0", "#1", "x86_64"),
        LookAt(f"$CHECKOUT/{TODAY}"): NoAnswer("ENOENT"),
        AskSubmodules("$CHECKOUT"): Submodules((submodule,), 0),
    }
    project = project_named(path="$CHECKOUT")
    finding = one(run_check("checkout.vmlinux-h", FakeHost(answers), project))
    assert finding.status is Status.SKIP
    assert finding.blocked_by == ("checkout.submodules[vmlinux.h]",)


def test_a_project_that_names_no_such_header_is_asked_for_none() -> None:
    build = Build("src", "src/Makefile")
    kinds = Project(ProjectKind("own", "own", "own", (), {}, build=build), "/tree")
    assert run_check("checkout.vmlinux-h", FakeHost(), kinds) == ()
    assert run_check("checkout.vmlinux-h", FakeHost(), project_named()) == ()


def test_another_submodule_that_is_empty_is_not_the_cause() -> None:
    submodule = Submodule("libbpf", "https://example.org/x", "missing")
    answers: dict[Question[Any], Answer] = {
        ReadFile("$CHECKOUT/examples/c/Makefile"): FileText("APPS = minimal\n"),
        AskKernel(): Kernel("6.1.0", "#1", "x86_64"),
        LookAt(f"$CHECKOUT/{TODAY}"): NoAnswer("ENOENT"),
        AskSubmodules("$CHECKOUT"): Submodules((submodule,), 0),
    }
    project = project_named(path="$CHECKOUT")
    finding = one(run_check("checkout.vmlinux-h", FakeHost(answers, NoAnswer("ENOENT")), project))
    assert (finding.status, finding.summary) == (Status.FAIL, f"{TODAY} is missing")


def test_a_header_that_cannot_be_looked_at_is_unknown() -> None:
    answers: dict[Question[Any], Answer] = {
        ReadFile("$CHECKOUT/examples/c/Makefile"): FileText("APPS = minimal\n"),
        AskKernel(): Kernel("6.1.0", "#1", "x86_64"),
        LookAt(f"$CHECKOUT/{TODAY}"): NoAnswer("EACCES"),
        AskSubmodules("$CHECKOUT"): NoAnswer("not-recorded"),
    }
    project = project_named(path="$CHECKOUT")
    finding = one(run_check("checkout.vmlinux-h", FakeHost(answers), project))
    assert finding.status is Status.UNKNOWN
    assert finding.fixes


def carry_out(fixes: tuple[Fix, ...]) -> None:
    """Run what is told, as it would be typed."""
    for fix in fixes:
        assert isinstance(fix, Run)
        ended = subprocess.run(fix.argv, cwd=fix.cwd or "/", check=True, capture_output=True)
        if fix.output:
            with Path(fix.output).open("xb") as file:  # `fix` writes where nothing is
                file.write(ended.stdout)


def committed(checkout: Path) -> None:
    """Give git the header, and a file beside it, in a submodule."""
    (checkout / "vmlinux.h/README").write_text("x")
    for place in (checkout / "vmlinux.h", checkout):
        git(place, "init", "-q")
        git(place, "add", ".")
        git(place, "commit", "-q", "-m", "x")
    text = '[submodule "vmlinux.h"]\n\tpath = vmlinux.h\n\turl = https://example.org/x\n'
    (checkout / ".gitmodules").write_text(text)


def lose(link: Path, lost: str) -> None:
    header = link.with_name("vmlinux_618.h")
    if "link" in lost:
        link.unlink()
    if "header" in lost:
        header.unlink()
    if "directory" in lost:
        shutil.rmtree(link.parent)
    if "cut" in lost:
        header.write_text(HEADER[:40])
    if "text" in lost:
        link.unlink()
        link.write_text("vmlinux_618.h")
    if "other" in lost:
        link.unlink()
        link.mkdir()


LOST = ["link", "header", "link and header", "directory", "cut", "text", "text and cut", "other"]


@pytest.mark.parametrize("lost", LOST)
def test_a_header_that_git_knows_is_brought_back_as_git_has_it(checkout: Path, lost: str) -> None:
    committed(checkout)
    link = checkout / TODAY
    lose(link, lost)
    fixes = judge(checkout).fixes
    carry_out(fixes)
    assert judge(checkout).status is Status.PASS
    assert link.readlink() == Path("vmlinux_618.h")
    assert link.read_text() == HEADER
    if "cut" in lost:  # it may be somebody's work
        assert link.with_name("vmlinux_618.h.aside").read_text() == HEADER[:40]


def test_what_lies_aside_already_stays(checkout: Path) -> None:
    committed(checkout)
    lose(checkout / TODAY, "cut")
    aside = (checkout / TODAY).with_name("vmlinux_618.h.aside")
    aside.write_text("mine")
    carry_out(judge(checkout).fixes)
    assert aside.read_text() == "mine"
    assert aside.with_name("vmlinux_618.h.aside-2").read_text() == HEADER[:40]


def test_git_is_not_asked_for_what_it_has_no_better(checkout: Path) -> None:
    (checkout / TODAY).with_name("vmlinux_618.h").write_text(HEADER[:40])
    committed(checkout)
    assert isinstance(dump := judge(checkout).fixes[-1], Run)
    assert "bpftool" in dump.argv[0]


def test_a_tree_whose_settings_name_programs_is_left_to_a_person(checkout: Path) -> None:
    committed(checkout)
    git(checkout / "vmlinux.h", "config", "core.sshCommand", "touch /ran")
    lose(checkout / TODAY, "header")
    (fix,) = judge(checkout).fixes
    assert isinstance(fix, ByHand)
    assert "git would obey core.sshcommand" in fix.text.lower()


def test_a_lost_link_is_made_again_without_git(checkout: Path) -> None:
    lose(checkout / TODAY, "text")
    carry_out(judge(checkout).fixes)
    assert judge(checkout).status is Status.PASS
    assert (checkout / TODAY).readlink() == Path("vmlinux_618.h")


@pytest.mark.parametrize("text", ["", " ", "\n" * 5000, "\0" * 5000, "/* int a; */", "#define A\n"])
def test_a_header_that_declares_nothing_fails(checkout: Path, text: str) -> None:
    (checkout / TODAY).write_text(text)
    assert judge(checkout).status is Status.FAIL


def test_a_declaration_far_below_is_seen(checkout: Path) -> None:
    (checkout / TODAY).write_text("\n" * 5000 + "int a;\n")
    assert judge(checkout).status is Status.PASS


@pytest.mark.parametrize(
    ("source", "included"),
    [
        ("", False),
        ('#include "vmlinux.h"\n', True),
        ("#include <vmlinux.h>\n", True),
        ('#include "../../vmlinux.h/include/x86/vmlinux.h"\n', True),
        (' #\tinclude "own.h"\n', True),
        ("#include HEADER\n", True),
        ('#include "vmlinux_other.h"\n#include <linux/bpf.h>\n', False),
    ],
)
def test_what_it_holds_concerns_who_includes_it(
    checkout: Path, source: str, included: bool
) -> None:
    (checkout / "examples/c/own.h").write_text('#include "own.h"\n#include "vmlinux.h"\n')
    (checkout / "examples/c/minimal.bpf.c").write_text(source)
    lose(checkout / TODAY, "cut")
    host = OnMachine("x86_64")
    project = find_project(host, str(checkout))
    assert project is not None
    content, *programs = run_check("checkout.vmlinux-h", host, project)
    assert content.key == "checkout.vmlinux-h[content]"
    assert [each.about for each in programs] == (["minimal"] if included else [])
    assert all(each.blocked_by == (content.key,) for each in programs)


@pytest.mark.parametrize("arch", ["arm64", "x86"])
def test_bpftool_writes_no_header_of_another_architecture(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, arch: str
) -> None:
    monkeypatch.setenv("ARCH", arch)
    place = checkout / f"vmlinux.h/include/{arch}/vmlinux.h"
    place.parent.mkdir(exist_ok=True)
    place.unlink(missing_ok=True)
    place.write_text("Error: no\n")
    last = judge(checkout).fixes[-1]
    assert isinstance(last, ByHand if arch == "arm64" else Run)


@pytest.mark.parametrize("there", ["bpftool", "/usr/sbin/bpftool", ""])
def test_the_bpftool_that_is_there_writes_it_or_one_is_installed(there: str) -> None:
    answers: dict[Question[Any], Answer] = {
        ReadFile("$CHECKOUT/examples/c/Makefile"): FileText("APPS = minimal\n"),
        AskKernel(): Kernel("6.1.0", "#1", "x86_64"),
        FindTool(there or "bpftool"): ToolPath(there, there) if there else NoAnswer("ENOENT"),
        LookAt("/sys/kernel/btf/vmlinux"): PathFacts("file", "", "file", 1, 0o444, 0, True),
    }
    host = FakeHost(answers, NoAnswer("ENOENT"))
    finding = one(run_check("checkout.vmlinux-h", host, project_named(path="$CHECKOUT")))
    assert isinstance(dump := finding.fixes[-1], Run)
    assert dump.argv[0] == (there or "bpftool")
    assert (Install(("bpftool",)) in finding.fixes) == (not there)


def test_without_the_kernels_types_bpftool_is_not_told_to_write_it() -> None:
    answers: dict[Question[Any], Answer] = {
        ReadFile("$CHECKOUT/examples/c/Makefile"): FileText("APPS = minimal\n"),
        AskKernel(): Kernel("6.1.0", "#1", "x86_64"),
    }
    host = FakeHost(answers, NoAnswer("ENOENT"))
    finding = one(run_check("checkout.vmlinux-h", host, project_named(path="$CHECKOUT")))
    (fix,) = finding.fixes
    assert isinstance(fix, ByHand)
    assert "this kernel has no /sys/kernel/btf/vmlinux" in fix.text


def big(names: int = 4000) -> str:
    """A header as bpftool writes it, of some size."""
    structs = "".join(f"struct s{number} {{\n\tint a;\n}};\n\n" for number in range(names))
    push = (
        "#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)"
    )
    head = f"#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n\n{push}\n\n"
    return f"{head}{structs}#pragma clang attribute pop\n\n#endif /* __VMLINUX_H__ */\n"


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda text: text, 0),
        (lambda text: text[: text.index("struct s3000") + 10], 1),
        (lambda text: text + "garbage\n", 16009),
        (lambda text: text.replace("int a", "unheard a", 1), 7),
    ],
)
def test_a_header_is_c_to_its_end(checkout: Path, damage: Callable[[str], str], line: int) -> None:
    (checkout / TODAY).write_text(damage(big()))
    finding = judge(checkout)
    assert finding.status is (Status.FAIL if line else Status.PASS)
    assert finding.summary.startswith(f"{TODAY} does not compile: " if line else TODAY)
    assert (f"(line {line})" in finding.summary) == bool(line)
    assert bool(finding.fixes) == bool(line)


@pytest.mark.parametrize(
    "text",
    [
        "Error: failed to load BTF from /sys/kernel/btf/vmlinux: No such file or directory\n",
        "libbpf: failed to find valid kernel BTF\nError: failed to load BTF\n",
        "Usage: bpftool [OPTIONS] OBJECT { COMMAND | help }\n",
        "bash: line 1: bpftool: command not found\n",
        "sh: 1: /usr/sbin/bpftool: not found\n",
        "WARNING: bpftool not found for kernel 6.1.0-9\n",
        "libbpf: a warning before the header\n" + HEADER,
    ],
)
@pytest.mark.parametrize("behind", ["a link", "no link"])
def test_what_bpftool_said_in_place_of_c_is_told_as_that(
    checkout: Path, text: str, behind: str
) -> None:
    if behind == "no link":
        (checkout / TODAY).unlink()
    (checkout / TODAY).write_text(text)
    finding = judge(checkout)
    assert finding.status is Status.FAIL
    assert finding.summary == f"{TODAY} holds the error text of bpftool, not C"
    assert isinstance(fix := finding.fixes[-1], Run)
    written = (checkout / TODAY).with_name("vmlinux_618.h") if behind == "a link" else TODAY
    assert fix.output == str(checkout / written)


@pytest.mark.parametrize(
    "text", ["int Error;\n", "/* libbpf: no error */\nint a;\n", "#define Error 1\nint a;\n"]
)
def test_c_that_speaks_of_an_error_is_c(checkout: Path, text: str) -> None:
    (checkout / TODAY).write_text(text)
    assert judge(checkout).status is Status.PASS


def test_a_header_that_the_checkout_itself_tracks_is_brought_back_by_git(checkout: Path) -> None:
    git(checkout, "init", "-q")
    git(checkout, "add", ".")
    git(checkout, "commit", "-q", "-m", "x")
    (checkout / TODAY).write_text("Error: no\n")
    carry_out(judge(checkout).fixes)
    assert judge(checkout).status is Status.PASS


@pytest.mark.parametrize(
    ("text", "status"),
    [(HEADER, Status.SKIP), ("Error: no\n", Status.FAIL), ("", Status.FAIL)],
)
def test_without_clang_only_the_compilation_is_left_out(
    checkout: Path, tmp_path: Path, text: str, status: Status
) -> None:
    (checkout / TODAY).write_text(text)
    (tmp_path / "bin").mkdir()
    finding = judge(checkout, path=str(tmp_path / "bin"))
    assert finding.status is status
    if status is Status.SKIP:
        assert finding.blocked_by == ("toolchain.clang-bpf",)


def test_what_the_header_includes_is_found_where_the_build_finds_it(checkout: Path) -> None:
    (checkout / "libbpf/include/uapi/linux").mkdir(parents=True)
    (checkout / "libbpf/include/uapi/linux/own.h").write_text("typedef int own;\n")
    (checkout / TODAY).write_text(
        "#include <linux/own.h>\n#include <asm/types.h>\nown a;__u32 b;\n"
    )
    assert judge(checkout).status is Status.PASS
    (checkout / "libbpf/include/uapi/linux/own.h").write_text("typedef int;own\n")
    why = judge(checkout).summary
    assert "(libbpf/include/uapi/linux/own.h, line 1)" in why


def test_no_word_of_a_file_outside_of_the_checkout_is_shown(checkout: Path, tmp_path: Path) -> None:
    outside = tmp_path.parent / "outside"
    outside.write_text("secret words of another\n")
    try:
        (checkout / TODAY).write_text(f'#include "{outside}"\n')
        included = judge(checkout)
        (checkout / TODAY).unlink()
        (checkout / TODAY).symlink_to(outside)
        linked = judge(checkout)
    finally:
        outside.unlink()
    assert included.status is linked.status is Status.FAIL
    assert "outside of the checkout" in included.summary
    assert "secret" not in repr((included, linked))


def test_a_fifo_that_the_header_includes_leaves_it_unknown(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(checkout / "fifo.h")
    (checkout / TODAY).write_text(f'#include "{checkout}/fifo.h"\n')
    # a check is loaded by its path: what it took its limit from is not to be patched
    monkeypatch.setattr("bpfdoctor.host.tools.workdir.Workplace.run", impatient(Workplace.run))
    finding = judge(checkout)
    assert finding.status is Status.UNKNOWN
    assert finding.fixes


def impatient(run: Any) -> Any:
    """The same, with a limit that a test can wait for."""

    def quickly(place: Workplace, argv: Any, timeout: float) -> Any:
        return run(place, argv, 1.0 if "-fsyntax-only" in argv else timeout)

    return quickly


def test_root_compiles_the_header_as_the_owner_of_the_checkout(
    checkout: Path, tmp_path: Path, needs: Callable[..., None]
) -> None:
    needs("root")
    for place in (tmp_path, *tmp_path.parents[:3]):
        place.chmod(place.stat().st_mode | 0o011)
    secret = tmp_path.parent / "only-of-root.h"
    secret.write_text("int a;\n")
    secret.chmod(0o600)
    (checkout / TODAY).write_text(f'#include "{secret}"\n')
    assert judge(checkout).status is Status.PASS
    subprocess.run(["chown", "-Rh", "12345:12345", str(checkout)], check=True)
    finding = judge(checkout)
    secret.unlink()
    assert finding.status is Status.FAIL
