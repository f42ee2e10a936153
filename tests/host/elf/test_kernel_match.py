"""An object read alone, and held against a kernel: the two are what both in one were."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from compiled import SOURCES, compiled
from loud import missing, require

from bpfdoctor.host.btf.file import VMLINUX
from bpfdoctor.host.elf import ask_object, externs
from bpfdoctor.host.elf.ask_object import NO_KERNEL, AskBpfObject, MatchBtf, ReadObject
from bpfdoctor.host.elf.bpf_object import BpfObject
from bpfdoctor.host.elf.kernel_match import KernelMatch, joined
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.record import Recorded, RecordedHost, Snapshot
from bpfdoctor.model import Tool

NAMES = sorted(path.name.removesuffix(".bpf.c") for path in SOURCES.glob("*.bpf.c"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all the objects are."""
    require("clang", "make")
    place = tmp_path_factory.mktemp("objects")
    compiled(place, *NAMES)
    return place


def read(path: str) -> BpfObject:
    found = ReadObject(path).put(Machine())
    assert isinstance(found, BpfObject)
    return found


def matched(path: str, machine: Machine | None = None, btf: str = VMLINUX) -> KernelMatch:
    found = MatchBtf(path, btf).put(machine or Machine())
    assert isinstance(found, KernelMatch)
    return found


@pytest.mark.parametrize("btf", [VMLINUX, "/there/is/none"])
def test_the_two_in_one_say_what_both_say(place: Path, btf: str) -> None:
    for name in NAMES:
        path = str(place / f"{name}.bpf.o")
        assert joined(read(path), matched(path, btf=btf)) == AskBpfObject(path, btf).put(Machine())


def test_an_object_that_is_read_alone_is_what_it_is_without_a_kernel(place: Path) -> None:
    for name in NAMES:
        path = str(place / f"{name}.bpf.o")
        assert read(path) == AskBpfObject(path, NO_KERNEL).put(Machine())


def test_another_object_of_a_kernel_tells_nothing_of_this_one(place: Path) -> None:
    alone = read(str(place / "map_hash.bpf.o"))
    of_another = matched(str(place / "map_queue.bpf.o"))
    assert joined(alone, of_another) == alone
    one = matched(str(place / "map_hash.bpf.o"))
    for part in ("programs", "maps"):
        assert joined(alone, msgspec.structs.replace(one, **{part: ()})) == alone
    assert not joined(alone, one).alone


def test_externs_of_another_object_tell_nothing_of_this_one(place: Path) -> None:
    path = str(place / "extern_option.bpf.o")
    alone, one = read(path), matched(path)
    assert one.externs
    assert joined(alone, msgspec.structs.replace(one, externs=())) == alone


@pytest.mark.parametrize("ask", [ReadObject, MatchBtf])
def test_what_is_no_object_is_refused_with_a_sentence(
    ask: type[ReadObject | MatchBtf], tmp_path: Path
) -> None:
    path = tmp_path / "text.bpf.o"
    path.write_text("not ELF")
    for wrong, reason in ((path, "refused"), (tmp_path, "refused"), (tmp_path / "no", "ENOENT")):
        found = ask(str(wrong)).put(Machine())
        assert isinstance(found, NoAnswer)
        assert found.reason == reason
    found = ask("a\0b").put(Machine())
    assert isinstance(found, NoAnswer)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """This machine with an empty cache."""
    if not Path(VMLINUX).exists():
        missing(VMLINUX)
    (tmp_path / "cache").mkdir()
    return Machine(environ={}, cache=tmp_path / "cache")


@pytest.fixture
def built(place: Path, tmp_path: Path) -> str:
    """An object that was there before it was asked about."""
    path = tmp_path / "mine.bpf.o"
    path.symlink_to(place / "map_hash.bpf.o")
    return str(path)


def refuse(*_: object) -> NoAnswer:
    return NoAnswer("refused", "it was read again")


def test_an_unchanged_object_is_held_against_a_running_kernel_once(
    machine: Machine, built: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = matched(built, machine)
    monkeypatch.setattr(ask_object, "_read", refuse)
    assert matched(built, machine) == found
    monkeypatch.chdir(os.path.dirname(built))
    assert matched("mine.bpf.o", machine) == found


@pytest.mark.parametrize("what", ["modules_have_btf", "read_beginning"])
def test_what_else_decides_of_it_is_asked_anew(
    what: str, machine: Machine, built: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for answer in (False, True):
        changed = bytes([answer]) if what == "read_beginning" else answer
        monkeypatch.setattr(ask_object, what, lambda *_, changed=changed: changed)
        matched(built, machine)
    assert len(list((machine.cache or Path()).glob("proof-*"))) == 2


def test_a_lockdown_that_came_since_is_seen(
    machine: Machine, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(place / "extern_option_guards.bpf.o")

    def wrapper(*, offered: bool) -> int | None:
        for module in (ask_object, externs):
            monkeypatch.setattr(module, "kprobes_are_offered", lambda: offered)
        found = {each.name: each.value for each in matched(path, machine).externs}
        return found["LINUX_HAS_SYSCALL_WRAPPER"]

    assert wrapper(offered=True) == 1
    assert list((machine.cache or Path()).glob("proof-*"))
    assert wrapper(offered=False) is None
    assert wrapper(offered=True) == 1


def test_an_object_that_was_built_anew_is_held_against_the_kernel_anew(
    machine: Machine, built: str, place: Path
) -> None:
    matched(built, machine)
    Path(built).unlink()
    Path(built).symlink_to(place / "map_queue.bpf.o")
    assert matched(built, machine).maps == matched(str(place / "map_queue.bpf.o")).maps


def test_an_object_of_the_same_name_elsewhere_is_another(
    machine: Machine, built: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(os.path.dirname(built))
    matched("mine.bpf.o", machine)
    monkeypatch.chdir(place)
    found = MatchBtf("mine.bpf.o").put(machine)
    assert isinstance(found, NoAnswer)
    assert found.absent


def test_an_object_that_is_being_built_is_not_remembered(machine: Machine, built: str) -> None:
    now = Path(built + ".now")
    now.write_bytes(Path(built).read_bytes())
    matched(str(now), machine)
    assert not list((machine.cache or Path()).glob("proof-*"))


def test_a_kernel_that_shows_no_types_is_asked_again(machine: Machine, built: str) -> None:
    assert not matched(built, machine, btf="/there/is/none").kernel_btf
    assert not list((machine.cache or Path()).glob("proof-*"))


@pytest.mark.parametrize("name", ["global_data", "map_queue", "guards"])
def test_what_was_recorded_in_one_says_both(place: Path, name: str) -> None:
    path = str(place / f"{name}.bpf.o")
    question = AskBpfObject(path)
    whole = question.put(Machine())
    assert isinstance(whole, BpfObject)
    both = recorded(question, whole)
    alone, match = (both.ask(kind(path)) for kind in (ReadObject, MatchBtf))
    assert isinstance(alone, BpfObject)
    assert alone.alone
    assert match == matched(path)
    assert isinstance(match, KernelMatch)
    assert joined(alone, match) == whole == both.ask(question)


def test_an_object_of_before_it_was_told_may_use_its_data_in_each_program(place: Path) -> None:
    path = str(place / "global_data.bpf.o")
    whole = AskBpfObject(path).put(Machine())
    assert isinstance(whole, BpfObject)
    untold = [msgspec.structs.replace(each, data=False) for each in whole.programs]
    for data in (True, False):
        old = msgspec.structs.replace(whole, programs=tuple(untold), global_data=data)
        found = recorded(AskBpfObject(path), old).ask(ReadObject(path))
        assert isinstance(found, BpfObject)
        assert {each.data for each in found.programs} == {data}


def test_what_could_not_be_read_there_is_recorded_of_both() -> None:
    refused = NoAnswer("refused", "not ELF")
    host = recorded(AskBpfObject("a"), refused)
    assert host.ask(ReadObject("a")) == host.ask(MatchBtf("a")) == refused
    assert host.ask(ReadObject("b")) != refused


def recorded(question: Question[Any], answer: Answer) -> RecordedHost:
    return RecordedHost(Snapshot(Tool("", ""), "", "", 0, {}, (Recorded(question, answer),)))
