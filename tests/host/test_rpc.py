"""Questions across a pipe: many at a time, and every way for the other side to go wrong."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import pytest

from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import A, NoAnswer, Question
from bpfdoctor.host.rpc import Channel, Message, RemoteHost, WireError, serve
from bpfdoctor.host.system.files import FileText, ReadFile
from bpfdoctor.host.tools.commands import Completed, RunCommand
from bpfdoctor.host.tools.search import FindTool


class Pipes:
    """Both ends of a connection."""

    def __init__(self) -> None:
        (a, b), (c, d) = os.pipe(), os.pipe()
        near = (os.fdopen(a, "rb"), os.fdopen(d, "wb"))
        far = (os.fdopen(c, "rb"), os.fdopen(b, "wb"))
        self.files: tuple[IO[bytes], ...] = (*near, *far)
        self.near, self.far = Channel(*near), Channel(*far)

    def hang_up(self, *which: int) -> None:
        for index in which or range(4):
            self.files[index].close()


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    both = Pipes()
    yield both
    both.hang_up(1, 3)  # the writing ends: whoever reads sees the end
    both.hang_up(0, 2)


class Serving(threading.Thread):
    """Serves a host on the far end; keeps what came of it."""

    def __init__(self, pipes: Pipes, host: Any, **more: Any) -> None:
        super().__init__(daemon=True)
        self.arguments = (host, pipes.far)
        self.more = more
        self.outcome: Any = "still serving"
        self.start()

    def run(self) -> None:
        try:
            self.outcome = serve(*self.arguments, **self.more)
        except WireError as error:
            self.outcome = error


def test_questions_of_many_threads_get_their_own_answers(pipes: Pipes, tmp_path: Path) -> None:
    for number in range(40):
        (tmp_path / str(number)).write_text(str(number))
    Serving(pipes, LiveHost(Machine()))
    remote = RemoteHost(pipes.near)
    questions = [ReadFile(str(tmp_path / str(number))) for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(remote.ask, questions))
    assert answers == [FileText(str(number)) for number in range(40)]


def test_what_is_no_text_crosses_unchanged(pipes: Pipes, tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    Path(odd).touch(0o755)
    Serving(pipes, LiveHost(Machine({"PATH": "/usr/bin:/bin"})))
    remote = RemoteHost(pipes.near)
    assert remote.ask(ReadFile(odd)) == FileText("")
    assert getattr(remote.ask(FindTool(odd)), "path", "") == odd
    large = remote.ask(RunCommand(("head", "-c", "900000", "/dev/zero")))
    assert large == Completed(0, "\0" * 900_000, "")


def test_progress_arrives_in_order(pipes: Pipes) -> None:
    seen: list[str] = []
    pipes.far.progress("compiling")
    pipes.far.progress("linking")
    Serving(pipes, LiveHost(Machine()))
    RemoteHost(pipes.near, seen.append).ask(FindTool("sh"))
    assert seen == ["compiling", "linking"]


def test_a_result_ends_the_service(pipes: Pipes) -> None:
    serving = Serving(pipes, LiveHost(Machine()))
    pipes.near.send(Message(result=[1]))
    serving.join(20)
    assert serving.outcome == [1]


def test_a_question_that_is_refused_or_unknown_says_so(pipes: Pipes) -> None:
    Serving(pipes, LiveHost(Machine()), refusal=lambda question: "not today")
    assert RemoteHost(pipes.near).ask(FindTool("sh")) == NoAnswer("refused", "not today")
    unknown = Pipes()
    Serving(unknown, LiveHost(Machine()))
    for plain in ({"ask": "AskTomorrow"}, {"ask": "FindTool"}, 5):
        unknown.near.send(Message(7, question=plain))
        message = unknown.near.receive()
        assert message is not None
        assert message.number == 7
        assert message.answer["reason"] == "refused"
    unknown.hang_up(1, 3, 0, 2)


class Faulty:
    """A host with a fault of ours."""

    def ask(self, question: Question[A]) -> A | NoAnswer:
        raise RuntimeError("a fault")


def test_a_fault_of_the_host_is_an_answer(pipes: Pipes) -> None:
    Serving(pipes, Faulty())
    answer = RemoteHost(pipes.near).ask(FindTool("sh"))
    assert answer == NoAnswer("broken", "RuntimeError: a fault")


def test_who_waits_is_told_when_the_other_side_ends(pipes: Pipes) -> None:
    remote = RemoteHost(pipes.near, peer="privileged")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(remote.ask, FindTool("sh"))
        assert pipes.far.receive() is not None
        pipes.hang_up(3)
        assert waiting.result(20) == NoAnswer("broken", "the privileged process has ended")
    assert remote.ask(FindTool("sh")) == NoAnswer("broken", "the privileged process has ended")


def test_nonsense_for_an_answer_is_no_answer(pipes: Pipes) -> None:
    remote = RemoteHost(pipes.near)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(remote.ask, FindTool("sh"))
        message = pipes.far.receive()
        assert message is not None
        pipes.far.send(Message(message.number, answer={"answer": "Kernel"}))
        answer = waiting.result(20)
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "broken"
    assert "nonsense" in answer.detail


@pytest.mark.parametrize(
    "line", [b"hello\n", b"[]\n", b'{"number": "x"}\n', b"\xff\n", b"[" * 9999 + b"\n"]
)
def test_a_line_that_is_no_message_ends_the_service(pipes: Pipes, line: bytes) -> None:
    serving = Serving(pipes, LiveHost(Machine()))
    pipes.files[1].write(line)
    pipes.files[1].flush()
    serving.join(20)
    assert isinstance(serving.outcome, WireError)


def test_a_line_cut_short_is_the_end(pipes: Pipes) -> None:
    serving = Serving(pipes, LiveHost(Machine()))
    pipes.files[1].write(b'{"number": 1')
    pipes.hang_up(1)
    serving.join(20)
    assert serving.outcome is None


def test_a_line_without_an_end_is_refused() -> None:
    with open("/dev/zero", "rb") as zeros, open(os.devnull, "wb") as nowhere:
        channel = Channel(zeros, nowhere)
        with pytest.raises(WireError, match="not a message"):
            channel.receive()
        assert channel.receive() is None
