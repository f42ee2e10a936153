"""The cache: it may be missing at any time, and it never lies."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bpfdoctor.host.cache import (
    FORMAT,
    OBJECTS,
    default_cache,
    recall,
    state_of,
    states_before,
    tool_of,
)
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.tools.commands import Completed
from bpfdoctor.host.tools.compile import Compile, Compiled
from bpfdoctor.host.tools.version import AskVersion
from bpfdoctor.judging.tools.compilers import compile_c


def test_the_cache_is_this_users_alone(tmp_path: Path) -> None:
    place = default_cache({"XDG_CACHE_HOME": str(tmp_path / "x"), "HOME": "/nonexistent"})
    assert place == tmp_path / "x/bpfdoctor"
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_the_cache_is_below_home_without_a_cache_home(tmp_path: Path) -> None:
    assert default_cache({"HOME": str(tmp_path)}) == tmp_path / ".cache/bpfdoctor"


def test_one_that_others_may_write_to_is_closed(tmp_path: Path) -> None:
    (tmp_path / ".cache/bpfdoctor").mkdir(parents=True)
    (tmp_path / ".cache/bpfdoctor").chmod(0o777)
    place = default_cache({"HOME": str(tmp_path)})
    assert place is not None
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}, {"XDG_CACHE_HOME": "here"}, {"HOME": "~"}])
def test_without_a_home_there_is_no_cache(environ: dict[str, str]) -> None:
    assert default_cache(environ) is None


def test_a_home_that_takes_no_directory_means_no_cache(tmp_path: Path) -> None:
    (tmp_path / ".cache").write_text("a file")
    assert default_cache({"HOME": str(tmp_path)}) is None
    assert default_cache({"HOME": "/proc"}) is None


def test_a_home_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    assert default_cache({"HOME": str(tmp_path / "home")}) is None
    assert os.listdir(tmp_path) == []


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache/bpfdoctor").symlink_to(tmp_path / "elsewhere")
    assert default_cache({"HOME": str(tmp_path)}) is None


def test_another_users_directory_is_refused(tmp_path: Path, needs: Callable[..., None]) -> None:
    needs("root")
    (tmp_path / ".cache/bpfdoctor").mkdir(parents=True)
    os.chown(tmp_path / ".cache/bpfdoctor", 12345, 12345)
    assert default_cache({"HOME": str(tmp_path)}) is None


@pytest.fixture
def warm(tmp_path: Path, needs: Callable[..., None]) -> Machine:
    """A machine whose cache holds one proof."""
    needs("cc")
    (tmp_path / "cache").mkdir()
    machine = Machine(cache=tmp_path / "cache")
    assert isinstance(compile_c(("cc",)).put(machine), Compiled)
    return machine


def recalled(machine: Machine, question: Compile) -> Compiled | None:
    return recall(machine, question, Compiled, tool_of(machine, "cc"))


def entry(machine: Machine) -> Path:
    assert machine.cache is not None
    (only,) = machine.cache.iterdir()
    return only


def test_a_proof_is_kept_for_its_own_question_alone(warm: Machine) -> None:
    assert recalled(warm, compile_c(("cc",))) is not None
    assert recalled(warm, Compile(("cc",), "int main(void) { return 0; }")) is None


@pytest.mark.parametrize("name", ["CPATH", "LIBRARY_PATH", "PATH", "GCC_EXEC_PREFIX"])
def test_a_variable_that_compilers_read_counts(warm: Machine, name: str) -> None:
    value = f"/nonexistent:{os.environ['PATH']}"
    other = Machine({**warm.environ, name: value}, cache=warm.cache)
    assert recalled(other, compile_c(("cc",))) is None


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"\x00\xff",
        b"[]",
        b'{"format": 1, "answer": 3, "rests_on": {}}',
        b'{"x":' + b"[" * 300_000,
    ],
    ids=["empty", "cut-off", "no-text", "no-entry", "no-answer", "endless-depth"],
)
def test_a_damaged_entry_is_found_anew(warm: Machine, damage: bytes) -> None:
    sound = entry(warm).read_bytes()
    entry(warm).write_bytes(damage)
    assert recalled(warm, compile_c(("cc",))) is None
    assert isinstance(compile_c(("cc",)).put(warm), Compiled)
    assert entry(warm).read_bytes() == sound


def test_an_entry_that_another_could_have_written_is_ignored(
    warm: Machine, needs: Callable[..., None]
) -> None:
    needs("root")
    path = entry(warm)
    os.chown(path, 12345, 12345)
    assert recalled(warm, compile_c(("cc",))) is None
    os.chown(path, 0, 0)
    path.chmod(0o622)
    assert recalled(warm, compile_c(("cc",))) is None
    path.chmod(0o600)
    assert recalled(warm, compile_c(("cc",))) is not None
    path.rename(path.parent.parent / "there")
    path.symlink_to(path.parent.parent / "there")
    assert recalled(warm, compile_c(("cc",))) is None


def test_an_entry_of_another_format_is_ignored(warm: Machine) -> None:
    whole = entry(warm).read_bytes()
    entry(warm).write_bytes(whole.replace(b'"format":%d' % FORMAT, b'"format":0'))
    assert recalled(warm, compile_c(("cc",))) is None


def test_a_cache_that_cannot_be_written_is_silent(
    tmp_path: Path, needs: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    needs("cc")
    answer = compile_c(("cc",)).put(Machine(cache=tmp_path / "absent"))
    assert isinstance(answer, Compiled)
    assert answer.ok
    assert capfd.readouterr() == ("", "")


def test_a_failure_is_not_kept(tmp_path: Path, needs: Callable[..., None]) -> None:
    needs("cc")
    (tmp_path / "cache").mkdir()
    machine = Machine(cache=tmp_path / "cache")
    Compile(("cc",), "#error no\n").put(machine)
    AskVersion(("cc", "--no-such-option")).put(machine)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_version_is_kept_with_its_tool(tmp_path: Path, needs: Callable[..., None]) -> None:
    needs("make")
    (tmp_path / "cache").mkdir()
    machine = Machine(cache=tmp_path / "cache")
    question = AskVersion(("make", "--version"))
    fresh, warm = question.put(machine), question.put(machine)
    assert fresh == warm
    assert isinstance(warm, Completed)
    assert entry(machine).name.startswith("proof-")


def test_a_tool_that_chooses_another_is_not_remembered(tmp_path: Path) -> None:
    (tmp_path / "clang").symlink_to("/bin/true")
    (tmp_path / "gcc").write_text("#!/bin/sh\n")
    (tmp_path / "gcc").chmod(0o755)
    machine = Machine({"PATH": str(tmp_path)})
    assert tool_of(machine, "clang") is None
    assert tool_of(machine, "gcc") is None
    assert tool_of(machine, "absent") is None


def test_an_object_that_was_kept_by_its_hash_is_as_good_as_old(tmp_path: Path) -> None:
    machine = Machine(environ={}, cache=tmp_path)
    (tmp_path / OBJECTS).mkdir()
    kept, other = tmp_path / OBJECTS / "a.o", tmp_path / "a.o"
    for each in (kept, other):
        each.write_text("")
    now = time.time_ns()
    assert states_before(machine, now, [str(kept)]) == {str(kept): state_of(str(kept))}
    assert states_before(machine, now, [str(kept), str(other)]) is None
    machine.cache = None
    assert states_before(machine, now, [str(kept)]) is None
