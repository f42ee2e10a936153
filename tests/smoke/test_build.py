"""Building by a real makefile: what is answered, kept, written, and left alone."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.smoke.build import LOG_HEAD, LOG_TAIL, BuildProgram, Built

MAKEFILE = """
OUTPUT := .output
all: $(APPS)
$(OUTPUT):
\t@mkdir -p $@
$(OUTPUT)/library: ../lib/text | $(OUTPUT)
\t@printf '  LIB      library\\n'; echo library >> ../log; cp $< $@
$(OUTPUT)/hello.o: hello.c $(OUTPUT)/library
\t@echo object >> ../log; cp $< $@
hello: $(OUTPUT)/hello.o
\t@printf '#!/bin/sh\\n# %s\\n' "$(WORD)" > $@; cat $^ >> $@
"""


@pytest.fixture
def cached(tmp_path: Path) -> Iterator[Machine]:
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o700)
    machine = Machine(cache=cache)
    yield machine
    machine.close()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    place = tmp_path / "checkout"
    for name in ("src", "lib"):
        (place / name).mkdir(parents=True)
    (place / "src/Makefile").write_text(MAKEFILE)
    (place / "src/hello.c").write_text("echo hello\n")
    (place / "lib/text").write_text("text\n")
    return place


def question(checkout: Path, **changes: object) -> BuildProgram:
    made = ("src/.output", "src/hello", "log")
    values: dict[str, object] = {"made": made, "outputs": (".output",), **changes}
    return BuildProgram(str(checkout), "src", "hello", **values)  # type: ignore[arg-type]


def built(machine: Machine, asked: BuildProgram) -> Built:
    answer = asked.put(machine)
    assert isinstance(answer, Built), answer
    return answer


def steps(machine: Machine) -> list[str]:
    """What the makefile did since the last look."""
    assert machine.cache is not None
    (log,) = machine.cache.glob("build-*/log")
    done = log.read_text().split()
    log.unlink()
    return done


def test_the_program_is_kept_where_no_later_build_changes_it(
    cached: Machine, checkout: Path
) -> None:
    first = built(cached, question(checkout))
    assert first.ok
    assert hashlib.sha256(Path(first.binary).read_bytes()).hexdigest() == first.sha256
    (checkout / "src/hello.c").write_text("echo again\n")
    second = built(cached, question(checkout))
    assert second.sha256 != first.sha256
    assert hashlib.sha256(Path(first.binary).read_bytes()).hexdigest() == first.sha256


def test_the_second_build_makes_only_the_program_anew(cached: Machine, checkout: Path) -> None:
    built(cached, question(checkout))
    assert steps(cached) == ["library", "object"]
    built(cached, question(checkout))
    assert steps(cached) == ["object"]


def test_a_changed_checkout_or_other_variables_make_everything_anew(
    cached: Machine, checkout: Path
) -> None:
    built(cached, question(checkout))
    steps(cached)
    (checkout / "lib/unnamed.h").write_text("make does not look at this\n")
    built(cached, question(checkout))
    assert steps(cached) == ["library", "object"]
    other = built(cached, question(checkout, variables=(("WORD", "two words"),)))
    assert steps(cached) == ["library", "object"]
    assert "# two words" in Path(other.binary).read_text()


def test_nothing_is_written_into_the_checkout(cached: Machine, checkout: Path) -> None:
    before = sorted((str(p), p.lstat().st_mtime_ns) for p in checkout.rglob("*"))
    built(cached, question(checkout))
    assert sorted((str(p), p.lstat().st_mtime_ns) for p in checkout.rglob("*")) == before


def test_without_a_cache_it_is_built_in_scratch(machine: Machine, checkout: Path) -> None:
    answer = built(machine, question(checkout))
    assert answer.ok
    assert Path(answer.binary).is_relative_to(machine.scratch)


def test_a_failure_holds_what_make_said(cached: Machine, checkout: Path) -> None:
    (checkout / "src/hello.c").unlink()
    answer = built(cached, question(checkout))
    assert not answer.ok
    assert "hello.c" in answer.log
    assert answer.shown().endswith("(make: exit status 2)")


@pytest.mark.parametrize(
    ("said", "reason", "stays"),
    [
        ("No space left on device", "ENOSPC", False),
        ("Disk quota exceeded", "EDQUOT", False),
        ("Cannot allocate memory", "ENOMEM", True),
    ],
)
def test_a_build_that_filled_the_disk_gives_back_what_it_took(
    said: str, reason: str, stays: bool, cached: Machine, checkout: Path
) -> None:
    (checkout / "src/Makefile").write_text(f"hello:\n\t@echo '{said}' >&2; exit 1\n")
    answer = question(checkout).put(cached)
    assert isinstance(answer, NoAnswer)
    assert answer.reason == reason
    assert cached.cache is not None
    assert any(each.is_dir() for each in cached.cache.glob("build-*")) is stays


def test_a_make_that_says_yes_and_makes_no_program_is_no_success(
    cached: Machine, checkout: Path
) -> None:
    (checkout / "src/Makefile").write_text("hello:\n\t@echo done\n")
    answer = built(cached, question(checkout))
    assert not answer.ok
    assert "there is no program" in answer.shown()


def test_a_build_without_end_is_ended(cached: Machine, checkout: Path) -> None:
    (checkout / "src/Makefile").write_text("hello:\n\t@echo begun; exec tail -f /dev/null\n")
    answer = built(cached, question(checkout, limit=0.5))
    assert answer.timed_out
    assert "begun" in answer.log


def test_a_build_that_was_cut_short_is_begun_anew(cached: Machine, checkout: Path) -> None:
    text = (checkout / "src/Makefile").read_text()
    (checkout / "src/Makefile").write_text(text.replace("hello: ", "hello: hang "))
    with (checkout / "src/Makefile").open("a") as file:
        file.write("hang:\n\t@exec tail -f /dev/null\n")
    assert built(cached, question(checkout, limit=0.5)).timed_out
    steps(cached)
    (checkout / "src/Makefile").write_text(text)
    assert built(cached, question(checkout)).ok
    assert steps(cached) == ["library", "object"]


def test_a_very_long_log_keeps_beginning_and_end(cached: Machine, checkout: Path) -> None:
    (checkout / "src/Makefile").write_text(
        "hello:\n\t@echo first; yes middle | head -c 300000; echo last; false\n"
    )
    answer = built(cached, question(checkout))
    assert answer.truncated
    assert len(answer.log) < LOG_HEAD + LOG_TAIL + 100
    assert answer.log.startswith("first")
    assert "last" in answer.log[-200:]


def test_the_callers_makeflags_do_not_steer_it(checkout: Path, tmp_path: Path) -> None:
    import os

    machine = Machine(environ={**os.environ, "MAKEFLAGS": "n", "MAKELEVEL": "3"})
    assert built(machine, question(checkout)).ok
    machine.close()


def test_steps_are_told_while_they_happen(checkout: Path) -> None:
    told: list[str] = []
    machine = Machine(progress=told.append)
    assert built(machine, question(checkout)).ok
    machine.close()
    assert told == ["LIB library"]


def test_two_builds_of_one_checkout_at_once_both_succeed(cached: Machine, checkout: Path) -> None:
    answers: list[Built] = []
    words = [(("WORD", str(number)),) for number in range(4)]
    asked = [question(checkout, variables=word) for word in words]
    work = [threading.Thread(target=lambda q=q: answers.append(built(cached, q))) for q in asked]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert [answer.ok for answer in answers] == [True] * 4
    assert len({answer.sha256 for answer in answers}) == 4


def test_no_checkout_and_a_nul_in_its_path_are_answers(machine: Machine, tmp_path: Path) -> None:
    gone = question(tmp_path / "gone").put(machine)
    assert isinstance(gone, NoAnswer)
    assert gone.absent
    nul = question(Path("a\0b")).put(machine)
    assert isinstance(nul, NoAnswer)
    assert nul.reason == "refused"


def test_the_source_can_be_typed(checkout: Path) -> None:
    asked = question(checkout, variables=(("CARGO", ""),))
    assert asked.source() == f"$ make -C {checkout}/src hello CARGO="
