"""A run that is killed while it builds leaves nothing that the next one trips over."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from fifo import Fifo, ends

from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.smoke.ask_make import AskMake, MakeSays
from bpfdoctor.smoke.build import BuildProgram, Built

HIDDEN = "(setsid sh -c 'echo $$$$ > {fifo}; exec sleep 1000' >/dev/null 2>&1 &)"
"""A grandchild in a session of its own, without our pipes."""

BUILD = """
hello:
\t@test -e ../go || {{ echo $$$$ > {fifo}; {hidden}; exec sleep 1000; }}
\t@test ! -e half
\t@printf '#!/bin/sh\\n' > $@
"""
READ = """
WORD := $(shell test -e ../go || {{ echo $$$$ > {fifo}; {hidden}; exec sleep 1000; }}; echo word)
all:
"""


@pytest.fixture
def fifo(tmp_path: Path) -> Iterator[Fifo]:
    made = Fifo(tmp_path / "fifo")
    yield made
    made.close()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary directory of this test's runs."""
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def checkout(tmp_path: Path, makefile: str, fifo: Fifo) -> Path:
    tree = tmp_path / "checkout"
    (tree / "src").mkdir(parents=True)
    hidden = HIDDEN.format(fifo=fifo.path)
    (tree / "src/Makefile").write_text(makefile.format(fifo=fifo.path, hidden=hidden))
    return tree


def started(tmp_path: Path, asked: BuildProgram | AskMake, cache: str) -> subprocess.Popen[bytes]:
    """A process of its own that puts a question."""
    code = f"""
from pathlib import Path
from bpfdoctor.host.machine import Machine
from bpfdoctor.smoke.ask_make import AskMake
from bpfdoctor.smoke.build import BuildProgram
print({asked!r}.put(Machine(cache={cache})))
"""
    return subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)


def build(tree: Path, **changes: float) -> BuildProgram:
    return BuildProgram(str(tree), "src", "hello", made=("src/hello",), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("cached", [True, False], ids=["in the cache", "in scratch"])
def test_after_a_killed_build_nothing_runs_and_the_next_build_works(
    tmp_path: Path, place: Path, fifo: Fifo, *, cached: bool
) -> None:
    tree, cache = checkout(tmp_path, BUILD, fifo), tmp_path / "cache"
    cache.mkdir(mode=0o700)
    killed = started(tmp_path, build(tree), f"Path({str(cache)!r})" if cached else "None")
    recipe, hidden = fifo.pid(), fifo.pid()
    killed.kill()
    killed.wait()
    assert ends(recipe)
    assert ends(hidden)
    (tree / "go").touch()
    machine = Machine(cache=cache if cached else None)
    answer = build(tree).put(machine)
    machine.close()
    assert isinstance(answer, Built)
    assert answer.ok, answer.log
    assert list(place.iterdir()) == []


def test_what_a_killed_compiler_leaves_goes_with_the_next_run(
    tmp_path: Path, place: Path, fifo: Fifo
) -> None:
    tree, cache = checkout(tmp_path, BUILD, fifo), tmp_path / "cache"
    cache.mkdir(mode=0o700)
    makefile = (tree / "src/Makefile").read_text()
    (tree / "src/Makefile").write_text(makefile.replace("\t@test -e", "\t@mktemp; test -e", 1))
    killed = started(tmp_path, build(tree), f"Path({str(cache)!r})")
    fifo.pid()
    fifo.pid()
    killed.kill()
    killed.wait()
    assert [file.name for file in place.rglob("tmp.*")]
    machine = Machine(cache=cache)
    assert machine.scratch.exists()
    machine.close()
    assert list(place.iterdir()) == []


def test_after_a_killed_question_to_make_nothing_runs_and_the_next_is_answered(
    tmp_path: Path, place: Path, fifo: Fifo
) -> None:
    tree, cache = checkout(tmp_path, READ, fifo), tmp_path / "cache"
    cache.mkdir(mode=0o700)
    asked = AskMake(str(tree), "src/Makefile", ("WORD",))
    killed = started(tmp_path, asked, f"Path({str(cache)!r})")
    shell, hidden = fifo.pid(), fifo.pid()
    killed.kill()
    killed.wait()
    assert ends(shell)
    assert ends(hidden)
    (tree / "go").touch()
    machine = Machine(cache=cache)
    answer = asked.put(machine)
    machine.close()
    assert isinstance(answer, MakeSays)
    assert answer.values == {"WORD": "word"}
    assert list(place.iterdir()) == []


def test_a_second_run_waits_for_the_first_and_says_for_whom(
    tmp_path: Path, place: Path, fifo: Fifo
) -> None:
    tree, cache = checkout(tmp_path, BUILD, fifo), tmp_path / "cache"
    cache.mkdir(mode=0o700)
    first = started(tmp_path, build(tree), f"Path({str(cache)!r})")
    fifo.pid()
    told, waits = [], threading.Event()

    def tell(text: str) -> None:
        told.append(text)
        waits.set()

    machine = Machine(cache=cache, progress=tell)
    answers: list[object] = []
    second = threading.Thread(target=lambda: answers.append(build(tree).put(machine)))
    second.start()
    assert waits.wait(60)
    assert told == [f"waiting for another run of bpfdoctor (process {first.pid})"]
    (tree / "go").touch()
    first.kill()
    first.wait()
    second.join(60)
    machine.close()
    assert isinstance(answers[0], Built)
    assert answers[0].ok


def test_a_run_that_waits_in_vain_has_no_answer(tmp_path: Path, place: Path, fifo: Fifo) -> None:
    tree, cache = checkout(tmp_path, BUILD, fifo), tmp_path / "cache"
    cache.mkdir(mode=0o700)
    first = started(tmp_path, build(tree), f"Path({str(cache)!r})")
    recipe = fifo.pid()
    machine = Machine(cache=cache)
    answer = build(tree, limit=0.1).put(machine)
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "timed-out"
    assert psutil.pid_exists(recipe)
    first.kill()
    first.wait()
    machine.close()
    sweeping = Machine()
    assert sweeping.scratch.exists()
    sweeping.close()
    assert ends(recipe)


def test_ten_at_once_all_build(tmp_path: Path, place: Path, fifo: Fifo) -> None:
    tree, cache = checkout(tmp_path, BUILD, fifo), tmp_path / "cache"
    cache.mkdir(mode=0o700)
    (tree / "go").touch()
    steps = "\t@test ! -e half; touch half; echo step; rm half\n"
    with (tree / "src/Makefile").open("a") as file:
        file.write(steps)
    runs = [started(tmp_path, build(tree), f"Path({str(cache)!r})") for _ in range(10)]
    assert [each.wait(60) for each in runs] == [0] * 10
    machine = Machine(cache=cache)
    answer = build(tree).put(machine)
    machine.close()
    assert isinstance(answer, Built)
    assert answer.ok, answer.log
    assert list(place.iterdir()) == []


def test_a_lock_that_is_no_regular_file_is_none(tmp_path: Path, fifo: Fifo) -> None:
    tree, cache = checkout(tmp_path, BUILD, fifo), tmp_path / "cache"
    cache.mkdir(mode=0o700)
    machine = Machine(cache=cache)
    (tree / "go").touch()
    assert isinstance(build(tree).put(machine), Built)
    (lock,) = cache.glob("build-*.lock")
    lock.unlink()
    os.mkfifo(lock)
    answer = build(tree).put(machine)
    machine.close()
    assert isinstance(answer, NoAnswer)


def test_the_lock_names_who_holds_it_and_is_free_afterwards(tmp_path: Path, fifo: Fifo) -> None:
    tree, cache = checkout(tmp_path, BUILD, fifo), tmp_path / "cache"
    cache.mkdir(mode=0o700)
    (tree / "go").touch()
    machine = Machine(cache=cache)
    assert isinstance(build(tree).put(machine), Built)
    machine.close()
    (lock,) = cache.glob("build-*.lock")
    assert lock.read_text() == f"{os.getpid()}\n"
    with lock.open("rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
