"""What is here is judged for a recorded kernel: nothing of this one is in the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from compiled import compiled
from loud import require

from bpfdoctor.host.elf.ask_object import (
    NO_KERNEL,
    AskBpfObject,
    MatchBtf,
    ReadObject,
)
from bpfdoctor.host.elf.bpf_object import BpfObject, ObjectProgram
from bpfdoctor.host.git.submodules import AskSubmodules
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.question import NOT_RECORDED, Answer, Host, NoAnswer, Question
from bpfdoctor.host.routed import Routed
from bpfdoctor.host.system.facts import AskIdentity, AskKernel, Kernel
from bpfdoctor.host.system.files import ListDirectory, LookAt, ReadFile
from bpfdoctor.host.tools.commands import RunCommand
from bpfdoctor.testing import FakeHost


class Said(Answer, frozen=True):
    """An answer that tells who gave it."""

    by: str


class OfAStranger(Question[Said], frozen=True):
    """A question of a check that is not ours, which says nothing of whose it is."""


RECORDED = BpfObject((ObjectProgram("recorded", "xdp"),), (), btf=True, kernel_btf=True)
UNRECORDED = NoAnswer(NOT_RECORDED, "the snapshot holds no answer to this")
OF_A_KERNEL = ("guards", "extern_option", "map_queue", "map_from_the_future")
"""Objects of which a kernel decides what is missing, reached, known and named."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    require("clang", "make")
    return compiled(tmp_path_factory.mktemp("objects"), *OF_A_KERNEL)


def here(live: LiveHost, path: str, answers: dict[Any, Any] | None = None) -> Routed:
    """An object that is here, on a machine of which these answers were recorded."""
    recorded = dict(answers or {})
    for question, answer in (answers or {}).items():
        recorded |= question.apart(answer)
    there = FakeHost(recorded, UNRECORDED)
    return Routed(tree=live, kernel=there, machine=there, files=[path])


@pytest.mark.parametrize("number", range(len(OF_A_KERNEL)), ids=OF_A_KERNEL)
def test_nothing_of_this_kernel_is_said_of_an_object_that_is_judged_for_another(
    built: list[str], number: int, live: LiveHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("this machine's kernel was asked")

    reader = "bpfdoctor.host.elf.bpf_reader"
    monkeypatch.setattr("bpfdoctor.host.elf.ask_object.kprobes_are_offered", refuse)
    for name in ("open_btf", "modules_have_btf"):
        monkeypatch.setattr(f"{reader}.{name}", refuse)
    monkeypatch.setattr("bpfdoctor.host.elf.externs.version_code", refuse)
    monkeypatch.setattr("bpfdoctor.host.elf.externs.refuse_in_confidentiality", refuse)
    found = here(live, built[number]).ask(AskBpfObject(built[number]))
    assert isinstance(found, BpfObject)
    assert found.alone
    assert (found.kernel_btf, found.modules) == (False, False)
    assert not any(each.missing or each.unknown_helpers for each in found.programs)
    assert not any(each.known or each.value for each in found.externs)


def test_an_object_that_is_asked_of_this_kernel_is_held_against_it(
    built: list[str], live: LiveHost
) -> None:
    found = live.ask(AskBpfObject(built[0]))
    assert isinstance(found, BpfObject)
    assert not found.alone
    assert found.kernel_btf == Path("/sys/kernel/btf/vmlinux").exists()


def test_types_of_maps_have_their_names_without_a_kernel(built: list[str], live: LiveHost) -> None:
    queue, future = (live.ask(AskBpfObject(path, NO_KERNEL)) for path in built[2:])
    assert isinstance(queue, BpfObject)
    assert isinstance(future, BpfObject)
    assert [each.type for each in queue.maps] == ["queue"]
    assert any(each.nameless for each in future.maps)


def test_all_else_is_asked_of_the_recorded_machine(live: LiveHost) -> None:
    there = Kernel("6.1.0-recorded", "#1", "x86_64")
    host = here(live, "/x.bpf.o", {AskKernel(): there, AskBpfObject("/y.bpf.o"): RECORDED})
    assert host.ask(AskKernel()) == there
    assert host.ask(AskBpfObject("/y.bpf.o")) == RECORDED


def test_what_is_here_counts_although_it_was_recorded(built: list[str], live: LiveHost) -> None:
    found = here(live, built[0], {AskBpfObject(built[0]): RECORDED}).ask(AskBpfObject(built[0]))
    assert isinstance(found, BpfObject)
    assert found.programs != RECORDED.programs


def test_what_is_no_object_here_is_refused_although_it_was_recorded(
    tmp_path: Path, live: LiveHost
) -> None:
    path = str(tmp_path / "text.bpf.o")
    Path(path).write_text("not ELF")
    found = here(live, path, {AskBpfObject(path): RECORDED}).ask(AskBpfObject(path))
    assert isinstance(found, NoAnswer)
    assert found.reason == "refused"


def test_what_is_not_here_may_have_been_recorded(tmp_path: Path, live: LiveHost) -> None:
    path = str(tmp_path / "gone.bpf.o")
    assert here(live, path, {AskBpfObject(path): RECORDED}).ask(AskBpfObject(path)) == RECORDED
    found = here(live, path).ask(AskBpfObject(path))
    assert isinstance(found, NoAnswer)
    assert found.reason == "ENOENT"


def test_what_the_recorded_kernel_said_of_the_very_object_counts(
    built: list[str], live: LiveHost
) -> None:
    alone, match = (live.ask(kind(built[0])) for kind in (ReadObject, MatchBtf))
    recorded = {ReadObject(built[0]): alone, MatchBtf(built[0]): match}
    assert here(live, built[0], recorded).ask(MatchBtf(built[0])) == match
    of_another = recorded | {ReadObject(built[0]): live.ask(ReadObject(built[1]))}
    for answers in (of_another, {MatchBtf(built[0]): match}):
        found = here(live, built[0], answers).ask(MatchBtf(built[0]))
        assert isinstance(found, NoAnswer)
        assert found.reason == NOT_RECORDED


def who(host: Host, question: Question[Any]) -> Answer:
    return host.ask(question)


TREE, KERNEL, MACHINE = (Said(name) for name in ("tree", "kernel", "machine"))


def three(**more: Any) -> Routed:
    tree, kernel, machine = (FakeHost({}, each) for each in (TREE, KERNEL, MACHINE))
    return Routed(tree=tree, kernel=kernel, machine=machine, **more)


@pytest.mark.parametrize(
    ("question", "whose"),
    [
        (AskSubmodules("/t"), TREE),
        (AskKernel(), KERNEL),
        (AskIdentity(), MACHINE),
        (ReadFile("/proc/version"), KERNEL),
        (ReadFile("/sys"), KERNEL),
        (ReadFile("/system"), MACHINE),
        (ReadFile("/t/../proc/version"), KERNEL),
        (ReadFile("/t/Makefile"), TREE),
        (LookAt("/t"), TREE),
        (LookAt("/tree"), MACHINE),
        (LookAt("/t/../etc"), MACHINE),
        (ListDirectory("/"), MACHINE),
        (RunCommand(("make", "-v"), cwd="/t/src"), TREE),
        (RunCommand(("make", "-v")), MACHINE),
        (OfAStranger(), MACHINE),
    ],
)
def test_each_is_asked_what_is_its_own(question: Question[Any], whose: Said) -> None:
    assert who(three(root="/t"), question) == whose


def test_for_others_root_is_asked_nothing_wherever_it_is() -> None:
    host = three(root="/t").as_user()
    refused = host.ask(AskIdentity())
    assert isinstance(refused, NoAnswer)
    assert refused.reason == "refused"
    assert who(host, ReadFile("/t/Makefile")) == TREE
    assert who(three(files=["/t"]).as_user(), ReadFile("/t")) == TREE


def test_a_tree_that_is_named_from_where_one_stands_is_the_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for root, path in ((".", str(tmp_path / "a")), (str(tmp_path), "a"), (".", "./a")):
        assert who(three(root=root), ReadFile(path)) == TREE
    assert who(three(root="."), ReadFile("../a")) == MACHINE
    assert who(three(), ReadFile("a")) == MACHINE


def test_of_a_tree_of_files_all_else_is_the_machines() -> None:
    host = three(files=["a.bpf.o"])
    assert who(host, LookAt("a.bpf.o")) == TREE
    assert who(host, AskSubmodules(".")) == MACHINE
    assert who(host, AskKernel()) == KERNEL
