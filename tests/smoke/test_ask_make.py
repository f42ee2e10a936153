"""What make says of its variables: computed, in a place of its own, within limits."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import A, NoAnswer, Question
from bpfdoctor.host.record import RecordedHost, RecordingHost, Snapshot
from bpfdoctor.model import Tool
from bpfdoctor.projects.recognise import find_project
from bpfdoctor.smoke.ask_make import AskMake, MakeSays
from bpfdoctor.smoke.listing import as_make_says, question_to_make

WILD = "APPS := $(patsubst %.bpf.c,%,$(wildcard *.bpf.c))\n"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    (tmp_path / "cache").mkdir(mode=0o700)
    machine = Machine(cache=tmp_path / "cache")
    yield machine
    machine.close()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    place = tmp_path / "checkout"
    (place / "examples/c/.output").mkdir(parents=True)
    (place / "mk").mkdir()
    (place / "examples/c/Makefile").write_text(WILD)
    for name in ("minimal", "mine"):
        (place / f"examples/c/{name}.bpf.c").write_text("")
        (place / f"examples/c/{name}.c").write_text("")
    return place


def question(checkout: Path, *variables: str, limit: float = 30) -> AskMake:
    return AskMake(
        str(checkout),
        "examples/c/Makefile",
        variables or ("APPS",),
        ("examples/c/.output",),
        limit,
    )


def values(machine: Machine, asked: AskMake) -> dict[str, str]:
    answer = asked.put(machine)
    assert isinstance(answer, MakeSays), answer
    return answer.values


def state(place: Path) -> dict[str, tuple[str, int, int]]:
    """Every file below, with its hash, mode and time."""
    return {
        str(path.relative_to(place)): (
            hashlib.sha256(path.read_bytes() if path.is_file() else b"").hexdigest(),
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
        )
        for path in sorted(place.rglob("*"))
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (WILD, "mine minimal"),
        ("APPS = $(shell echo a) $(B)\nB = \\\n b\n", "a b"),
        ("APPS = a\nall: $(APPS)\n\ttouch ran\n.DEFAULT_GOAL = all\n", "a"),
        ("define APPS\na\nb\nendef\n", "a b"),
        ("APPS = a\ninclude more.mk\nmore.mk:\n\techo 'APPS += b' > $@\n", "a b"),
        ("$(info bpfdoctor-says APPS file lies)\nAPPS = a\n", "a"),
        ("APPS =\n", ""),
    ],
)
def test_make_says_what_a_list_is_worth(
    machine: Machine, checkout: Path, text: str, expected: str
) -> None:
    (checkout / "examples/c/Makefile").write_text(text)
    assert values(machine, question(checkout)) == {"APPS": expected}


def test_the_place_of_a_value_is_the_users_and_not_ours(machine: Machine, checkout: Path) -> None:
    (checkout / "examples/c/Makefile").write_text(
        "TOOL = $(abspath ../../tool)\nHERE := $(CURDIR)\n"
    )
    asked = question(checkout, "TOOL", "HERE")
    assert values(machine, asked) == {
        "TOOL": f"{checkout}/tool",
        "HERE": f"{checkout}/examples/c",
    }


def test_nothing_is_written_in_the_users_tree_and_nothing_is_left(
    machine: Machine, checkout: Path, tmp_path: Path
) -> None:
    makes = "\n".join(
        [
            "include config.mk ../../mk/more.mk sub/less.mk",
            "%.mk: Makefile\n\techo '# made' >> $@",
            "$(shell touch left ../../mk/left .output/left; echo x >> minimal.c)",
            WILD,
        ]
    )
    (checkout / "examples/c/sub").mkdir()
    (checkout / "examples/c/Makefile").write_text(makes)
    for name in ("examples/c/config.mk", "examples/c/sub/less.mk", "mk/more.mk"):
        (checkout / name).write_text("")
        os.utime(checkout / name, (1, 1))
    before = state(checkout)
    assert values(machine, question(checkout)) == {"APPS": "mine minimal"}
    assert state(checkout) == before
    assert [each.name for each in (tmp_path / "cache").iterdir() if each.is_dir()] == []


@pytest.mark.parametrize(
    ("text", "limit", "reason"),
    [
        ("APPS = $(shell sleep 60)\n", 0.3, "timed-out"),
        ("include none.mk\n", 30, "broken"),
        ("$(error stop)\n", 30, "broken"),
    ],
)
def test_a_makefile_that_make_does_not_read_is_told(
    machine: Machine, checkout: Path, text: str, limit: float, reason: str
) -> None:
    (checkout / "examples/c/Makefile").write_text(text)
    answer = question(checkout, limit=limit).put(machine)
    assert isinstance(answer, NoAnswer)
    assert answer.reason == reason


def test_a_checkout_that_is_gone_is_no_error(machine: Machine, tmp_path: Path) -> None:
    answer = question(tmp_path / "absent").put(machine)
    assert isinstance(answer, NoAnswer)
    assert answer.absent


def test_make_runs_as_the_owner_of_the_tree(
    machine: Machine, needs: Callable[..., None], request: pytest.FixtureRequest
) -> None:
    needs("root")
    tree = Path(tempfile.mkdtemp())  # pytest's own directories are closed to other users
    request.addfinalizer(lambda: shutil.rmtree(tree))
    (tree / "examples/c").mkdir(parents=True)
    (tree / "examples/c/Makefile").write_text("APPS := $(shell id -u)\n")
    tree.chmod(0o755)
    os.chown(tree, 65534, 65534)
    assert values(machine, question(tree)) == {"APPS": "65534"}


class Saying(LiveHost):
    """A host whose make says the same of every variable."""

    def ask(self, question: Question[A]) -> A | NoAnswer:
        if isinstance(question, AskMake):
            names = question.variables
            values, origins = dict.fromkeys(names, "said"), dict.fromkeys(names, "file")
            return MakeSays(values, origins)  # type: ignore[return-value]
        return super().ask(question)


def test_make_is_believed_of_what_was_not_read_alone(machine: Machine, checkout: Path) -> None:
    text = (
        "APPS = minimal\nCLANG := $(wildcard clang)\nBPFTOOL := mine\nx:\n\t$(CLANG) $(BPFTOOL)\n"
    )
    (checkout / "examples/c/Makefile").write_text(text)
    host = Saying(machine)
    read = find_project(host, str(checkout))
    assert read is not None
    asked = as_make_says(host, read)
    assert (asked.programs, asked.listing) == (("minimal",), read.listing)
    assert asked.setting("CLANG").value == "said"
    assert asked.setting("BPFTOOL").value == "mine"


def test_what_was_not_followed_is_asked_and_what_was_stays(
    machine: Machine, checkout: Path
) -> None:
    text = WILD + "CLANG := $(shell echo clang-15)\nBPFTOOL := mine\nx:\n\t$(CLANG) $(BPFTOOL)\n"
    (checkout / "examples/c/Makefile").write_text(text)
    host = LiveHost(machine)
    read = find_project(host, str(checkout))
    assert read is not None
    assert read.setting("CLANG").computed == "$(shell echo clang-15)"
    asked = as_make_says(host, read)
    assert asked.programs == ("mine", "minimal")
    assert asked.listing is not None
    assert asked.listing.how == "asked"
    clang, bpftool = asked.setting("CLANG"), asked.setting("BPFTOOL")
    assert (clang.value, clang.origin, clang.computed) == ("clang-15", "file", "")
    assert bpftool == read.setting("BPFTOOL")


def test_of_what_was_followed_make_is_not_asked(machine: Machine, checkout: Path) -> None:
    (checkout / "examples/c/Makefile").write_text("APPS = minimal\n")
    read = find_project(LiveHost(machine), str(checkout))
    assert read is not None
    assert question_to_make(read) is None


def test_where_make_does_not_tell_that_is_said(machine: Machine, checkout: Path) -> None:
    (checkout / "examples/c/Makefile").write_text(WILD + "$(error stop here)\n")
    host = LiveHost(machine)
    read = find_project(host, str(checkout))
    assert read is not None
    asked = as_make_says(host, read)
    assert asked.programs == read.programs == ("mine", "minimal")
    assert asked.listing is not None
    assert "stop here" in asked.listing.said


def test_a_recorded_machine_says_the_same(machine: Machine, checkout: Path) -> None:
    recording = RecordingHost(LiveHost(machine))
    read = find_project(recording, str(checkout))
    assert read is not None
    live = as_make_says(recording, read)
    recorded = RecordedHost(Snapshot(Tool("", ""), "", "", 0, {}, recording.answers))
    assert as_make_says(recorded, read) == live
    old = RecordedHost(Snapshot(Tool("", ""), "", "", 0, {}, ()))
    assert as_make_says(old, read).programs == read.programs
