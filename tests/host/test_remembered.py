"""What is read off a few files is remembered while they are as they were, and no longer."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.host.c_source.ask_libbpf import AskLibbpf
from bpfdoctor.host.c_source.ask_loader import AskLoader
from bpfdoctor.host.c_source.libbpf_source import LibbpfSource
from bpfdoctor.host.c_source.loader import Loader
from bpfdoctor.host.elf.ask_fixed_reads import AskFixedReads
from bpfdoctor.host.elf.ask_object import ReadObject
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer, Question

LOADER = """
int main(void)
{
	struct minimal_bpf *skel = minimal_bpf__open();
	bpf_program__set_autoload(skel->progs.first, false);
	return minimal_bpf__load(skel);
}
"""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "cache").mkdir()
    return Machine(environ={}, cache=tmp_path / "cache")


@pytest.fixture
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written before it was read counts as settled, however shortly before."""
    monkeypatch.setattr("bpfdoctor.host.cache._CLOCK_STEP", 0)


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def proofs(machine: Machine) -> int:
    return len(list((machine.cache or Path()).glob("proof-*")))


@pytest.mark.usefixtures("no_wait")
def test_a_loader_is_read_once_and_anew_when_it_was_changed(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = written(tmp_path / "minimal.c", LOADER)
    question = AskLoader((str(source),))
    found = question.put(machine)
    assert isinstance(found, Loader)
    assert found.optional == ("first",)
    assert proofs(machine) == 1
    monkeypatch.setattr(AskLoader, "_read", lambda _: NoAnswer("refused", "it was read again"))
    assert question.put(machine) == found
    monkeypatch.undo()
    written(source, LOADER.replace("first", "another"))
    changed = question.put(machine)
    assert isinstance(changed, Loader)
    assert changed.optional == ("another",)


def test_a_source_that_is_being_written_is_not_remembered(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "minimal.c").write_text(LOADER)
    assert isinstance(AskLoader((str(tmp_path / "minimal.c"),)).put(machine), Loader)
    assert proofs(machine) == 0


@pytest.mark.usefixtures("no_wait")
def test_a_libbpf_is_read_anew_when_a_file_of_it_came_or_went(
    machine: Machine, tmp_path: Path
) -> None:
    for name in ("libbpf.c", "btf.c"):
        written(tmp_path / "src" / name, "")
    assert AskLibbpf(str(tmp_path)).put(machine) == LibbpfSource()
    assert proofs(machine) == 1
    written(tmp_path / "src/libbpf.map", "LIBBPF_1.5.0 {\n};\n")
    assert AskLibbpf(str(tmp_path)).put(machine) == LibbpfSource("1.5")


@pytest.mark.parametrize(
    "question", [ReadObject, AskFixedReads, lambda path: AskLoader((path,)), AskLibbpf]
)
def test_no_answer_is_found_anew_each_time(
    question: Callable[[str], Question[Loader]], machine: Machine, tmp_path: Path
) -> None:
    for _ in range(2):
        assert isinstance(question(str(tmp_path / "absent")).put(machine), NoAnswer)
    assert proofs(machine) == 0


@pytest.mark.usefixtures("no_wait")
def test_a_name_that_is_not_utf_8_costs_no_answer(machine: Machine, tmp_path: Path) -> None:
    path = os.fsdecode(bytes(tmp_path) + b"/mini\xffmal.c")
    written(Path(path), LOADER)
    assert isinstance(AskLoader((path,)).put(machine), Loader)
