"""Whether the libbpf that programs are linked with reads this kernel's BTF."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bpfdoctor.api import Answer, Finding, NoAnswer, Project, Question, Status, kernel, tools
from bpfdoctor.host.c_source.libbpf_source import of_release
from bpfdoctor.projects.judged import JudgedObject
from bpfdoctor.testing import FakeHost, one, project_named, run_check

ID = "libraries.libbpf-btf"
HELD = ("INT", "PTR", "STRUCT", "ENUM", "FLOAT", "DECL_TAG", "TYPE_TAG", "ENUM64")
CHECKOUT = project_named("libbpf-bootstrap", "/checkout")
OWN = tools.AskLibbpf("/checkout/libbpf")
INSTALLED = tools.AskVersion(("pkg-config", "--modversion", "libbpf"))


def installed(project: Project = CHECKOUT) -> Project:
    """The same project, linked with the libbpf that is installed."""
    assert project.kind.build
    build = msgspec.structs.replace(project.kind.build, libbpf="")
    kind = msgspec.structs.replace(project.kind, build=build)
    return msgspec.structs.replace(project, kind=kind)


def found(libbpf: Answer, held: Answer, project: Project = CHECKOUT) -> Finding:
    assert project.kind.build
    asked = OWN if project.kind.build.libbpf else INSTALLED
    answers: dict[Question[Any], Answer] = {asked: libbpf, kernel.AskBtfKinds(): held}
    return one(run_check(ID, FakeHost(answers), project))


def release(version: str) -> tools.LibbpfSource:
    known = of_release(version)
    assert known
    return known


@pytest.mark.parametrize(
    ("kind", "before", "since"),
    [
        ("FLOAT", "0.3.0", "0.4.0"),
        ("DECL_TAG", "0.5.0", "0.6.0"),
        ("TYPE_TAG", "0.5.0", "0.6.0"),
        ("ENUM64", "0.8.3", "1.0.0"),
    ],
)
def test_the_release_that_reads_a_kind_is_told_from_the_one_before(
    kind: str, before: str, since: str
) -> None:
    held = kernel.BtfKinds(("INT", kind))
    old = found(release(before), held)
    assert old.status is Status.FAIL
    assert kind in old.summary
    assert f"checkout v{since}" in getattr(old.fixes[0], "text", "")
    assert found(release(since), held).status is Status.PASS
    assert found(release(before), kernel.BtfKinds(("INT",))).status is Status.PASS


def test_the_remedy_reads_all_that_is_not_read() -> None:
    old = found(release("0.3"), kernel.BtfKinds(HELD))
    assert "git -C libbpf checkout v1.0.0" in getattr(old.fixes[0], "text", "")


def test_a_kind_of_the_future_has_no_release_to_name() -> None:
    old = found(release("1.6"), kernel.BtfKinds(("INT", "LATER")))
    assert old.status is Status.FAIL
    assert "newest" in getattr(old.fixes[0], "text", "")


@pytest.mark.parametrize("reason", ["EACCES", "too-large", "not-recorded"])
def test_a_libbpf_that_cannot_be_read_is_unknown(reason: str) -> None:
    assert found(NoAnswer(reason), kernel.BtfKinds(HELD)).status is Status.UNKNOWN


def test_one_in_which_no_kinds_are_found_is_not_called_old() -> None:
    assert found(tools.LibbpfSource("9.9"), kernel.BtfKinds(HELD)).status is Status.UNKNOWN


def test_an_empty_directory_is_the_submodules_fault() -> None:
    empty = found(NoAnswer("ENOENT"), kernel.BtfKinds(HELD))
    assert (empty.status, empty.blocked_by) == (Status.SKIP, ("checkout.submodules[libbpf]",))


def test_btf_that_cannot_be_read_is_unknown() -> None:
    assert found(release("0.3"), NoAnswer("EACCES")).status is Status.UNKNOWN


def test_of_an_installed_libbpf_its_release_tells() -> None:
    def said(words: str, code: int = 0) -> Finding:
        answer = tools.Completed(code, words, "")
        return found(answer, kernel.BtfKinds(HELD), installed())

    assert said("1.0.0\n").status is Status.PASS
    old = said("0.8.3\n")
    assert old.status is Status.FAIL
    assert "Install libbpf 1.0" in getattr(old.fixes[0], "text", "")
    assert said("", 1).status is Status.UNKNOWN
    assert said("unreleased\n").status is Status.UNKNOWN
    nobody = found(NoAnswer("ENOENT"), kernel.BtfKinds(HELD), installed())
    assert nobody.status is Status.UNKNOWN


def test_without_a_checkout_it_is_not_known_and_without_a_build_not_asked() -> None:
    held: dict[Question[Any], Answer] = {kernel.AskBtfKinds(): kernel.BtfKinds(HELD)}
    project = msgspec.structs.replace(project_named("libbpf-bootstrap"), judged=())
    assert one(run_check(ID, FakeHost(held), project)).status is Status.UNKNOWN
    recorded = JudgedObject("minimal", "recorded", libbpf=release("1.6"))
    project = msgspec.structs.replace(project, judged=(recorded,))
    assert one(run_check(ID, FakeHost(held), project)).status is Status.PASS
    assert run_check(ID, FakeHost({}), project_named("embedded")) == ()
