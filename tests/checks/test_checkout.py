"""Which project it is, and whether its vmlinux.h is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bpfdoctor.api import (
    Answer,
    AskKernel,
    AskSubmodules,
    ByHand,
    FileText,
    Finding,
    Kernel,
    LookAt,
    NoAnswer,
    Question,
    ReadFile,
    Run,
    Status,
    Submodule,
    Submodules,
)
from bpfdoctor.host.live import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import A
from bpfdoctor.projects.recognise import find_project
from bpfdoctor.testing import FakeHost, one, project_named, run_check

HEADER = "#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n"
TODAY = "vmlinux.h/include/x86/vmlinux.h"


class OnMachine:
    """This machine's files, below a kernel of another architecture."""

    def __init__(self, architecture: str) -> None:
        self.live, self.architecture = LiveHost(Machine()), architecture

    def ask(self, question: Question[A]) -> A | NoAnswer:
        if question == AskKernel():
            kernel: Any = Kernel("6.1.0", "#1", self.architecture)
            return kernel  # type: ignore[no-any-return]
        return self.live.ask(question)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "examples/c").mkdir(parents=True)
    (tmp_path / "examples/c/Makefile").write_text("APPS = minimal\n")
    (tmp_path / "examples/c/minimal.bpf.c").write_text("")
    (tmp_path / "examples/c/minimal.c").write_text("")
    (tmp_path / "vmlinux.h/include/x86").mkdir(parents=True)
    (tmp_path / TODAY).with_name("vmlinux_618.h").write_text(HEADER)
    (tmp_path / TODAY).symlink_to("vmlinux_618.h")
    return tmp_path


def judge(checkout: Path, architecture: str = "x86_64") -> Finding:
    host = OnMachine(architecture)
    project = find_project(host, str(checkout))
    assert project is not None
    return one(run_check("checkout.vmlinux-h", host, project))


def test_the_project_is_named_with_its_evidence(checkout: Path) -> None:
    host = LiveHost(Machine())
    finding = one(run_check("checkout.project", host, find_project(host, str(checkout))))
    assert finding.status is Status.PASS
    assert finding.summary == "libbpf-bootstrap, layout examples/c, 1 programs"
    assert "examples/c/Makefile" in finding.evidence[0].text


def test_a_makefile_that_cannot_be_read_leaves_the_project_open(checkout: Path) -> None:
    (checkout / "examples/c/Makefile").unlink()
    (checkout / "examples/c/Makefile").mkdir()
    host = LiveHost(Machine())
    finding = one(run_check("checkout.project", host, find_project(host, str(checkout))))
    assert finding.status is Status.UNKNOWN
    assert finding.fixes


def project_findings(checkout: Path) -> tuple[Finding, ...]:
    host = LiveHost(Machine())
    project = find_project(host, str(checkout))
    assert project is not None
    assert project.path == str(checkout)
    return run_check("checkout.project", host, project)


def test_a_missing_makefile_fails_and_git_brings_it_back(checkout: Path) -> None:
    (checkout / "examples/c/Makefile").unlink()
    finding = one(project_findings(checkout))
    assert finding.status is Status.FAIL
    assert finding.summary == "libbpf-bootstrap, but examples/c/Makefile is not there"
    assert finding.fixes == (ByHand(f"git -C {checkout} checkout -- examples/c/Makefile"),)
    assert "examples/c/Makefile" not in finding.evidence[0].text.partition(";")[0]


@pytest.mark.parametrize("name", ["minimal.bpf.c", "minimal.c"])
@pytest.mark.parametrize("broken_link", [False, True])
def test_a_missing_source_fails_its_program_alone(
    checkout: Path, name: str, broken_link: bool
) -> None:
    (checkout / "examples/c/bootstrap.bpf.c").write_text("")
    source = checkout / "examples/c" / name
    source.unlink()
    if broken_link:
        source.symlink_to("nowhere")
    whole, program = project_findings(checkout)
    assert whole.status is Status.PASS
    assert (program.status, program.about) == (Status.FAIL, "minimal")
    assert program.summary == f"examples/c/{name} is not there"
    assert program.fixes == (ByHand(f"git -C {checkout} checkout -- examples/c/{name}"),)


def test_how_the_users_own_program_is_made_only_the_makefile_knows(checkout: Path) -> None:
    (checkout / "examples/c/Makefile").write_text("APPS = minimal mine\n")
    assert one(project_findings(checkout)).status is Status.PASS


def test_without_a_checkout_the_project_says_what_to_clone() -> None:
    finding = one(run_check("checkout.project", FakeHost()))
    assert finding.status is Status.WARN
    (fix,) = finding.fixes
    assert isinstance(fix, ByHand)
    assert fix.text.startswith("git clone --recurse-submodules https://")


@pytest.mark.parametrize("check_id", ["project", "vmlinux-h", "submodules", "libc"])
def test_the_embedded_program_has_no_checkout_to_judge(check_id: str) -> None:
    assert run_check(f"checkout.{check_id}", FakeHost(), project_named("embedded")) == ()


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
    (fix,) = finding.fixes
    assert isinstance(fix, Run)
    assert fix.output == f"{checkout}/vmlinux.h/include/{name}/vmlinux.h"


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("VMLINUX := ../../vmlinux/vmlinux.h", "vmlinux/vmlinux.h"),
        ("VMLINUX := ../../vmlinux/$(ARCH)/vmlinux.h", "vmlinux/x86/vmlinux.h"),
        ("VMLINUX := ../../../vmlinux.h", TODAY),
        ("VMLINUX := $(shell pwd)/vmlinux.h", TODAY),
    ],
)
def test_the_makefile_says_where_the_header_is(checkout: Path, line: str, place: str) -> None:
    (checkout / "examples/c/Makefile").write_text(f"APPS = minimal\n{line}\n")
    (checkout / "vmlinux/x86").mkdir(parents=True)
    for name in ("vmlinux/vmlinux.h", "vmlinux/x86/vmlinux.h"):
        (checkout / name).write_text(HEADER)
    finding = judge(checkout)
    assert finding.status is Status.PASS
    assert finding.summary.startswith(place)


def test_an_empty_header_fails(checkout: Path) -> None:
    (checkout / TODAY).with_name("vmlinux_618.h").write_text("")
    finding = judge(checkout)
    assert (finding.status, finding.summary) == (Status.FAIL, f"{TODAY} is empty")


def test_a_broken_link_fails_and_the_fix_writes_what_it_points_to(checkout: Path) -> None:
    (checkout / TODAY).with_name("vmlinux_618.h").unlink()
    finding = judge(checkout)
    assert finding.status is Status.FAIL
    assert "broken link to vmlinux_618.h" in finding.summary
    (fix,) = finding.fixes
    assert isinstance(fix, Run)
    assert fix.output == str((checkout / TODAY).with_name("vmlinux_618.h"))


def test_a_broken_link_out_of_the_checkout_is_not_written_through(checkout: Path) -> None:
    (checkout / TODAY).unlink()
    (checkout / TODAY).symlink_to("../../../../outside.h")
    (fix,) = judge(checkout).fixes
    assert isinstance(fix, Run)
    assert fix.output == str(checkout / TODAY)


def test_a_link_that_became_a_text_file_fails(checkout: Path) -> None:
    (checkout / TODAY).unlink()
    (checkout / TODAY).write_text("vmlinux_618.h")
    finding = judge(checkout)
    assert finding.status is Status.FAIL
    assert "the link was lost" in finding.summary


def test_a_header_of_another_kind_is_a_warning(checkout: Path) -> None:
    (checkout / TODAY).write_text("#pragma once\nstruct task_struct;\n")
    assert judge(checkout).status is Status.WARN


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
