"""Which project it is, and whether what make builds is there."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bpfdoctor.api import ByHand, Finding, Status, Tree
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import A, NoAnswer, Question
from bpfdoctor.host.system.files import LookAt, PathFacts
from bpfdoctor.projects.recognise import find_project
from bpfdoctor.testing import FakeHost, one, project_named, run_check


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "examples/c").mkdir(parents=True)
    (tmp_path / "examples/c/Makefile").write_text("APPS = minimal\n")
    (tmp_path / "examples/c/minimal.bpf.c").write_text("")
    (tmp_path / "examples/c/minimal.c").write_text("")
    return tmp_path


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


@pytest.mark.parametrize("there", ["mine.bpf.c", "mine.c"])
def test_half_of_a_pair_of_sources_is_not_called_whole(checkout: Path, there: str) -> None:
    lacking = ({"mine.bpf.c", "mine.c"} - {there}).pop()
    (checkout / "examples/c/Makefile").write_text("APPS = minimal mine\n")
    (checkout / "examples/c" / there).write_text("")
    _, program = project_findings(checkout)
    assert (program.status, program.about) == (Status.UNKNOWN, "mine")
    assert program.summary.startswith(f"examples/c/{lacking} is not there")
    (checkout / "examples/c" / lacking).write_text("")
    assert one(project_findings(checkout)).status is Status.PASS


class Withheld(LiveHost):
    """A machine on which one source is not for the caller to read."""

    def ask(self, question: Question[A]) -> A | NoAnswer:
        answer = super().ask(question)
        if isinstance(question, LookAt) and question.path.endswith("/minimal.c"):
            assert isinstance(answer, PathFacts)
            return msgspec.structs.replace(answer, readable=False)
        return answer


def test_a_source_that_the_caller_cannot_read_is_not_called_whole(checkout: Path) -> None:
    host = Withheld(Machine())
    _, program = run_check("checkout.project", host, find_project(host, str(checkout)))
    assert (program.status, program.about) == (Status.UNKNOWN, "minimal")
    assert program.summary == "examples/c/minimal.c cannot be read"


PROJECTS = {"project": project_named(), "machine": project_named("embedded")}
SHUT = ("EACCES: Permission denied",)
SIGNS = ("agent/x.bpf.c", "Makefile: libbpf")


@pytest.mark.parametrize(
    ("project", "tree", "status"),
    [
        ("project", Tree("/here"), Status.UNKNOWN),
        ("project", Tree("/here", named=True), Status.FAIL),
        ("project", Tree("/here", signs=SIGNS), Status.UNKNOWN),
        ("project", Tree("/here", named=True, signs=SIGNS), Status.UNKNOWN),
        ("machine", Tree("/here"), None),
        ("machine", Tree("/here", named=True), Status.FAIL),
        ("machine", Tree("/here", signs=SIGNS), Status.UNKNOWN),
        ("machine", Tree("/here", named=True, signs=SIGNS), Status.UNKNOWN),
        ("machine", Tree("/here", unseen=SHUT), Status.UNKNOWN),
        ("machine", Tree("/here", named=True, unseen=SHUT), Status.UNKNOWN),
        ("machine", None, None),
    ],
)
def test_where_there_is_no_project_it_is_told_apart_why(
    project: str, tree: Tree | None, status: Status | None
) -> None:
    here = msgspec.structs.replace(PROJECTS[project], tree=tree)
    found = run_check("checkout.project", FakeHost(), here)
    assert [each.status for each in found] == ([status] if status else [])
    for finding in found:
        assert finding.fixes, "there is a way on"
        assert finding.evidence
        if tree and tree.signs:
            assert SIGNS[0] in finding.summary
            assert "check --object" in "".join(map(str, finding.fixes))


def test_without_its_sources_the_project_says_what_to_clone() -> None:
    here = msgspec.structs.replace(PROJECTS["project"], tree=Tree("/here"))
    (fix,) = one(run_check("checkout.project", FakeHost(), here)).fixes
    assert isinstance(fix, ByHand)
    assert fix.text.startswith("git clone --recurse-submodules https://")


@pytest.mark.parametrize("check_id", ["project", "vmlinux-h", "submodules", "libc"])
def test_the_embedded_program_has_no_checkout_to_judge(check_id: str) -> None:
    assert run_check(f"checkout.{check_id}", FakeHost(), project_named("embedded")) == ()
