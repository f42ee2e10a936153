"""Sources as a real compiler reads them: what is missing, what was read, what is remembered."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.tools.sources import _BOUNDED, MEMORY, ReadSources, SourcesRead

COMPILERS = [name for name in ("cc", "clang") if shutil.which(name)]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    place = tmp_path / "a tree"
    (place / "src").mkdir(parents=True)
    (place / "lib").mkdir()
    (place / "src/one.c").write_text('#include "one.h"\n#include <bpf/lib.h>\nint one;\n')
    (place / "src/two.c").write_text("#include <stddef.h>\nint two;\n")
    (place / "src/one.h").write_text("")
    (place / "lib/lib.h").write_text('#include "beside.h"\n')
    (place / "lib/beside.h").write_text("")
    for path in (*place.rglob("*.?"), *place.rglob("*"), place):
        os.utime(path, (1, 1))
    return place


def reading(tree: Path, compiler: str = "cc", *, syntax: bool = False) -> ReadSources:
    sources = tuple(f"{tree}/src/{name}.c" for name in ("one", "two"))
    installed = (("bpf", f"{tree}/lib"),)
    return ReadSources((compiler,), sources, str(tree), (), installed, syntax)


def read(question: ReadSources, cache: Path | None = None) -> SourcesRead:
    machine = Machine(cache=cache)
    try:
        answer = question.put(machine)
    finally:
        machine.close()
    assert isinstance(answer, SourcesRead), answer
    return answer


@pytest.mark.parametrize("compiler", COMPILERS)
def test_every_header_is_followed_through_the_name_it_is_installed_by(
    tree: Path, compiler: str
) -> None:
    answer = read(reading(tree, compiler))
    assert (answer.ok, answer.missing) == (True, ())
    ours = {path for path in answer.read if path.startswith(str(tree))}
    assert ours == {str(path) for path in tree.rglob("*.[ch]")}


@pytest.mark.parametrize("compiler", COMPILERS)
def test_each_missing_header_of_all_sources_is_named_as_it_is_included(
    tree: Path, compiler: str
) -> None:
    (tree / "src/one.h").unlink()
    (tree / "lib/beside.h").unlink()
    (tree / "src/two.c").write_text("#include <deep/er.h>\n#include <nowhere.h>\n")
    answer = read(reading(tree, compiler))
    assert not answer.ok
    assert answer.missing == ("beside.h", "deep/er.h", "nowhere.h", "one.h")


@pytest.mark.parametrize("compiler", COMPILERS)
def test_an_error_is_of_a_file_of_the_tree_and_quotes_no_line(tree: Path, compiler: str) -> None:
    (tree / "src/two.c").write_text("int a;\nthis_is no c at all\n")
    assert read(reading(tree, compiler)).ok
    answer = read(reading(tree, compiler, syntax=True))
    assert not answer.ok
    assert answer.errors[0].startswith(f"{tree}/src/two.c:2:")
    assert "at all" not in str(answer.errors)


def test_code_that_is_stopped_on_purpose_is_not_content(tree: Path) -> None:
    (tree / "src/two.c").write_text("#error no\n")
    answer = read(reading(tree))
    assert (answer.ok, answer.missing) == (False, ())


def test_a_macro_that_grows_without_end_takes_no_more_than_its_share(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["#define A0 x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x"]
    lines += [f"#define A{each} " + ",".join([f"A{each - 1}"] * 16) for each in range(1, 9)]
    (tree / "src/two.c").write_text("\n".join((*lines, "int a[] = { A8 };", "")))
    bounded = [word.replace(str(MEMORY), str(200 << 10)) for word in _BOUNDED]
    monkeypatch.setattr("bpfdoctor.host.tools.sources._BOUNDED", tuple(bounded))
    machine = Machine()
    answer = reading(tree, "cc", syntax=True).put(machine)
    machine.close()
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "ENOMEM"


@pytest.mark.parametrize("name", ["src/one.h", "lib/beside.h", "src/one.c"])
def test_a_good_answer_is_remembered_until_something_that_was_read_changes(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    question = reading(tree)
    settle(question, cache)
    with monkeypatch.context() as patch:
        patch.setattr("bpfdoctor.host.tools.sources._OneReading.answer", forbidden)
        assert read(question, cache).ok
    (tree / name).unlink()
    assert not read(question, cache).ok


def settle(question: ReadSources, cache: Path) -> None:
    """Ask until the answer is kept: files that changed a moment ago are not trusted."""
    for _ in range(50):
        assert read(question, cache).ok
        if [*cache.iterdir()]:
            return
    pytest.fail("the answer was not kept")


def forbidden(_: object) -> NoAnswer:
    return NoAnswer("refused", "a compiler was asked again")


def test_a_bad_answer_is_not_remembered(tree: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    (tree / "src/one.h").unlink()
    assert not read(reading(tree), cache).ok
    assert not [*cache.iterdir()]


def test_a_tree_that_is_not_there_is_no_fault_of_its_files(tmp_path: Path) -> None:
    answer = reading(tmp_path / "nowhere").put(Machine())
    assert isinstance(answer, NoAnswer)
    assert answer.absent
