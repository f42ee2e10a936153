"""The live host: once each, whoever asks; an error reaches everybody who waits."""

from __future__ import annotations

import errno
import os
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import pytest

from bpfdoctor.host.credentials import Credentials, owner_to_become
from bpfdoctor.host.grant import Grant, grant_of
from bpfdoctor.host.hosts import LiveHost, as_user
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import A, Answer, NoAnswer, Question
from bpfdoctor.host.scratch import boot_id, scratch_prefix
from bpfdoctor.host.system.facts import AskIdentity
from bpfdoctor.host.system.files import LookAt
from bpfdoctor.host.system.mounted import AskFileSystem
from bpfdoctor.host.tools.commands import Completed, RunCommand
from bpfdoctor.host.tools.workdir import Workplace


def test_a_question_is_put_once_under_eight_threads(tmp_path: Path) -> None:
    count = tmp_path / "count"
    question = RunCommand(("sh", "-c", f"echo x >> {count}; sleep 0.1; cat {count}"))
    host = LiveHost(Machine())
    barrier = threading.Barrier(8)

    def ask() -> Completed | NoAnswer:
        barrier.wait(20)
        return host.ask(question)

    with ThreadPoolExecutor(8) as pool:
        answers = [future.result() for future in [pool.submit(ask) for _ in range(8)]]
    assert answers == [Completed(0, "x\n", "")] * 8
    assert count.read_text() == "x\n"


class Broken(Question[Answer], frozen=True):
    """Raises, which a question must not."""

    calls: ClassVar[list[int]] = []

    def put(self, machine: Machine) -> Answer | NoAnswer:
        self.calls.append(1)
        raise RuntimeError("a fault of ours")

    def source(self) -> str:
        return "broken"


def test_a_fault_reaches_everybody_who_asks_and_is_not_tried_again() -> None:
    host = LiveHost(Machine())
    for _ in range(2):
        with pytest.raises(RuntimeError, match="a fault of ours"):
            host.ask(Broken())
    assert Broken.calls == [1]


class Refused(Question[Answer], frozen=True):
    """One whose system call is refused here, and nowhere else (a seccomp filter)."""

    def put(self, machine: Machine) -> Answer:
        raise PermissionError(errno.EPERM, "refused")


def test_a_call_that_is_refused_is_no_fault_of_ours(live: LiveHost) -> None:
    assert live.ask(Refused()) == NoAnswer("EPERM", os.strerror(errno.EPERM))


class Root:
    """Somebody who answers as root, and remembers what."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.closed = False

    def ask(self, question: Question[A]) -> A | NoAnswer:
        self.asked.append(question)
        return NoAnswer("ENOENT", "asked as root")

    def grant(self, grant: Grant) -> None:
        self.asked.append(grant)

    def close(self) -> None:
        self.closed = True


def test_only_what_depends_on_privilege_goes_to_root() -> None:
    root = Root()
    host = LiveHost(Machine(), root)
    assert host.ask(AskFileSystem("/proc")) == NoAnswer("ENOENT", "asked as root")
    assert not isinstance(host.ask(LookAt("/")), NoAnswer)
    assert root.asked == [AskFileSystem("/proc")]
    host.close()
    assert root.closed


class Program(Answer, frozen=True):
    """What a build made."""

    def grants(self) -> tuple[Grant, ...]:
        return (grant_of("RunProgram", ("/built", "hash")),)


class Build(Question[Program], frozen=True):
    """Something that is built."""

    builds = True

    def put(self, machine: Machine) -> Program | NoAnswer:
        return Program()


def test_root_is_told_of_a_program_before_anybody_knows_that_it_was_built() -> None:
    root = Root()
    host = LiveHost(Machine(), root)
    host.ask(Build())
    assert host.ask(Build()) == Program()
    assert root.asked == [grant_of("RunProgram", ("/built", "hash"))]


def test_what_another_has_built_is_not_for_root_to_run() -> None:
    root = Root()
    host = LiveHost(Machine(), root)
    assert as_user(host).ask(Build()) == Program()
    assert root.asked == []
    host.ask(Build())
    assert root.asked != []


def test_what_is_asked_as_the_user_is_kept_for_the_user() -> None:
    host = LiveHost(Machine(), Root())
    for _ in range(2):
        assert as_user(host).ask(AskIdentity()) == LiveHost(Machine()).ask(AskIdentity())
        assert host.ask(AskIdentity()) == NoAnswer("ENOENT", "asked as root")
    plain = LiveHost(Machine())
    assert as_user(plain) is plain


def test_the_scratch_directory_is_made_when_needed_and_removed() -> None:
    machine = Machine()
    assert machine.hidden("/tmp") == "/tmp"
    place = machine.scratch
    assert place == machine.scratch
    assert place.name.startswith(scratch_prefix())
    (place / "file").touch()
    LiveHost(machine).close()
    assert not place.exists()
    machine.close()


def test_a_boot_has_one_id() -> None:
    assert boot_id() == boot_id()
    assert boot_id()


def test_a_tree_of_our_own_is_acted_on_as_ourselves(tmp_path: Path) -> None:
    assert owner_to_become(str(tmp_path)) is None
    with pytest.raises(FileNotFoundError):
        owner_to_become(str(tmp_path / "absent"))


def test_scratch_never_lies_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, cache = tmp_path / "checkout", tmp_path / "cache"
    here.mkdir()
    cache.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr("tempfile.tempdir", str(here))  # tempfile's last resort
    this = Machine({}, cache)
    assert this.scratch.parent == cache
    this.close()
    with pytest.raises(OSError, match="no directory for temporary files"):
        Machine({}).scratch  # noqa: B018
    with Workplace(Machine({}, cache), Credentials(65534, 65534)) as place:
        assert place.trouble is not None  # nobody else may enter the cache
    assert list(here.iterdir()) == []


def test_the_owner_of_a_tree_leaves_nothing_in_a_directory_of_ours(
    monkeypatch: pytest.MonkeyPatch, needs: Callable[..., None]
) -> None:
    """/tmp lets him take away what is his; a TMPDIR of ours does not."""
    needs("root")
    with tempfile.TemporaryDirectory(dir="/tmp") as ours:
        os.chmod(ours, 0o755)
        monkeypatch.setattr("tempfile.tempdir", ours)
        monkeypatch.setenv("TMPDIR", ours)
        machine = Machine({})
        with Workplace(machine, Credentials(65534, 65534)) as place:
            assert place.write("file", "") is None
        machine.close()
        assert os.listdir(ours) == []


@pytest.mark.parametrize("status", [0, 1])
@pytest.mark.parametrize("instead", ["nothing", "another", "itself"])
def test_a_step_whose_directory_was_taken_away_says_nothing_of_its_tool(
    instead: str, status: int, machine: Machine
) -> None:
    put = {"nothing": "", "another": "; mkdir $0", "itself": "; mv $0.old $0"}[instead]
    with Workplace(machine) as place:
        ended = place.run(
            ("sh", "-c", f"mv $0 $0.old{put}; exit {status}", place.path("")[:-1]), 20
        )
    assert isinstance(ended, NoAnswer) is (instead != "itself")
