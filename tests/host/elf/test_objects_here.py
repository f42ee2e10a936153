"""Objects that are here, on a recorded machine: nothing of this kernel is in the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from compiled import compiled
from loud import require

from bpfdoctor.host.elf.ask_object import NO_KERNEL, AskBpfObject
from bpfdoctor.host.elf.bpf_object import BpfObject, ObjectProgram
from bpfdoctor.host.elf.objects_here import ObjectsHere
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.question import NOT_RECORDED, NoAnswer
from bpfdoctor.host.system.facts import AskKernel, Kernel
from bpfdoctor.testing import FakeHost

RECORDED = BpfObject((ObjectProgram("recorded", "xdp"),), (), btf=True, kernel_btf=True)
UNRECORDED = NoAnswer(NOT_RECORDED, "the snapshot holds no answer to this")
OF_A_KERNEL = ("guards", "extern_option", "map_queue", "map_from_the_future")
"""Objects of which a kernel decides what is missing, reached, known and named."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    require("clang", "make")
    return compiled(tmp_path_factory.mktemp("objects"), *OF_A_KERNEL)


def here(live: LiveHost, path: str, answers: dict[Any, Any] | None = None) -> ObjectsHere:
    return ObjectsHere(FakeHost(answers, UNRECORDED), live, [path])


@pytest.mark.parametrize("number", range(len(OF_A_KERNEL)), ids=OF_A_KERNEL)
def test_nothing_of_this_kernel_is_said_of_an_object_that_is_judged_for_another(
    built: list[str], number: int, live: LiveHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("this machine's kernel was asked")

    reader = "bpfdoctor.host.elf.bpf_reader"
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
