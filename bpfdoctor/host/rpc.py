"""Questions and answers as lines of JSON on a pipe between two processes of ours.

The one side serves a host, the other asks it. Either may be at several questions at once: each
carries a number, and its answer the same. Progress may travel beside the answers, and one result.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count
from typing import IO, Any

import msgspec

from bpfdoctor.host.catalog import decode, encode, to_answer, to_question
from bpfdoctor.host.machine import silent
from bpfdoctor.host.question import A, Answer, Host, NoAnswer, Question
from bpfdoctor.typed import from_plain

LINE_LIMIT = 64 << 20
"""Bytes of one line: more than any answer, so that a peer gone wrong cannot fill the memory."""
AT_ONCE = 8
"""Questions served at a time."""


class WireError(Exception):
    """The other side sent something that is not a message."""


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line: a question or an answer with its `number`, progress, or the result of a job.

    `grant` is what the asker may ask from then on; only a privileged process listens to it.
    """

    number: int = 0
    question: Any = None
    answer: Any = None
    progress: str = ""
    result: Any = None
    grant: Any = None


class Channel:
    """Both directions of a pipe, a message a line. Any thread may send; one receives.

    The side that is read is closed at its end, by the thread that reads it.
    """

    def __init__(self, reader: IO[bytes], writer: IO[bytes]) -> None:
        self._reader, self._writer = reader, writer
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Write one message. Raises OSError or ValueError when the pipe is closed."""
        line = encode(message) + b"\n"
        with self._lock:
            self._writer.write(line)
            self._writer.flush()

    def progress(self, text: str) -> None:
        """Tell the other side what is being done."""
        self.send(Message(progress=text))

    def receive(self) -> Message | None:
        """The next message; None at the end. Raises WireError for anything else, once."""
        try:
            line = self._reader.readline(LINE_LIMIT)
        except (OSError, ValueError):  # closed
            line = b""
        if line.endswith(b"\n"):
            with contextlib.suppress(ValueError):
                return from_plain(decode(line), Message)
        self._reader.close()
        if line.endswith(b"\n") or len(line) == LINE_LIMIT:
            raise WireError(f"not a message: {line[:200]!r}")
        return None


def own_pipe() -> Channel:
    """stdin and stdout as a channel; what else is printed goes to stderr, what is read is empty."""
    reader, writer = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return Channel(reader, writer)


def serve(
    host: Host,
    channel: Channel,
    refusal: Callable[[Question[Any]], str] = lambda question: "",
    granted: Callable[[Any], None] = lambda plain: None,
) -> Any:
    """Answer the other side's questions until it sends a result (returned) or ends (None).

    `refusal` says why a question is not put to the host; empty: it is. `granted` is told of each
    grant before any question that follows it. Raises WireError.
    """
    room = threading.Semaphore(AT_ONCE)
    while (message := channel.receive()) is not None:
        if message.result is not None:
            return message.result
        if message.grant is not None:
            granted(message.grant)
        if message.question is not None:
            room.acquire()
            given = (host, channel, refusal, message, room)
            try:
                threading.Thread(target=_answer, args=given, daemon=True).start()
            except RuntimeError:  # no more threads
                _answer(*given)
    return None


def _answer(
    host: Host,
    channel: Channel,
    refusal: Callable[[Question[Any]], str],
    message: Message,
    room: threading.Semaphore,
) -> None:
    try:
        answer = _asked(host, refusal, message.question)
        channel.send(Message(message.number, answer=msgspec.to_builtins(answer)))
    except (OSError, ValueError):  # the other side is gone; `receive` sees that too
        pass
    finally:
        room.release()


def _asked(host: Host, refusal: Callable[[Question[Any]], str], plain: Any) -> Answer:
    try:
        question = to_question(plain)
    except (LookupError, ValueError) as error:
        return NoAnswer("refused", str(error))
    if reason := refusal(question):
        return NoAnswer("refused", reason)
    try:
        return host.ask(question)
    except Exception as error:  # noqa: BLE001  (the asker must not wait for ever)
        return NoAnswer("broken", f"{type(error).__name__}: {error}")


class RemoteHost:
    """A host in another process. Once that process has ended, nothing is answered any more."""

    def __init__(
        self, channel: Channel, progress: Callable[[str], None] = silent, peer: str = "host"
    ) -> None:
        self._channel, self._progress, self._peer = channel, progress, peer
        self._numbers = count(1)
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[Any]] = {}
        self._ended = False
        threading.Thread(target=self._receive, daemon=True).start()

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `Host.ask`; `broken` when the other process has ended or answers nonsense."""
        future: Future[Any] = Future()
        with self._lock:
            if self._ended:
                return self._gone()
            number = next(self._numbers)
            self._waiting[number] = future
        try:
            self._channel.send(Message(number, question=msgspec.to_builtins(question)))
        except (OSError, ValueError):
            return self._gone()
        plain = future.result()
        if plain is None:
            return self._gone()
        try:
            return to_answer(question, plain)  # type: ignore[return-value]
        except ValueError as error:
            return NoAnswer("broken", f"the {self._peer} process answered nonsense: {error}")

    def grant(self, plain: Any) -> None:
        """Tell the other process what may be asked of it from now on."""
        with contextlib.suppress(OSError, ValueError):  # it has ended
            self._channel.send(Message(grant=plain))

    def _gone(self) -> NoAnswer:
        return NoAnswer("broken", f"the {self._peer} process has ended")

    def _receive(self) -> None:
        try:
            while (message := self._channel.receive()) is not None:
                if message.progress:
                    self._progress(message.progress)
                with self._lock:
                    future = self._waiting.pop(message.number, None)
                if future is not None:
                    future.set_result(message.answer)
        except WireError:
            pass  # as if it had ended: nothing more of it can be trusted
        finally:
            self._end()

    def _end(self) -> None:
        with self._lock:
            self._ended = True
            waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            future.set_result(None)
