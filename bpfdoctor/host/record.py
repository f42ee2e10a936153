"""Recording and replay: a snapshot is the questions that were asked, and their answers."""

from __future__ import annotations

import errno
import gc
import os
import stat
import threading
from pathlib import Path
from typing import Any

import msgspec

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.host.acting import as_owner_of
from bpfdoctor.host.atomic_write import replace_file
from bpfdoctor.host.catalog import decode, encode, to_answer, to_question
from bpfdoctor.host.headroom import refuse_larger
from bpfdoctor.host.hosts import UserHost, as_user
from bpfdoctor.host.own_directory import NotOursError, owner_name, refuse_links_of_others
from bpfdoctor.host.path_walk import LINKS
from bpfdoctor.host.question import NOT_RECORDED, A, Answer, Host, NoAnswer, Question
from bpfdoctor.host.redact import Redactor
from bpfdoctor.model import Tool
from bpfdoctor.typed import from_plain

SCHEMA = 1
"""Version of a snapshot's JSON. More may be added under the same number."""
SIZE_LIMIT = 32 << 20
"""Bytes of a snapshot that are read; a real one has a few millions. No signal is heeded while they
are decoded, which takes a second and a half at most."""
UNPACKED = 48
"""Bytes of memory that one of JSON may take: `[]` is an object and its place in a list."""

NEUTRAL = Redactor()
"""Writes what was redacted elsewhere in the same way, and knows no secret of this machine."""


class Recorded(msgspec.Struct, frozen=True):
    """One question and its answer."""

    question: Question[Any]
    answer: Answer

    def needed(self) -> Recorded:
        """The same without what no replay looks at."""
        return Recorded(self.question, self.question.needed(self.answer))


class Snapshot(msgspec.Struct, frozen=True):
    """All that a run asked, and what the run was.

    `started` is UTC in ISO 8601, `seconds` the wall time. `options` hold what else decides a
    report: project, selection and flags, as plain data.
    """

    tool: Tool
    python: str
    started: str
    seconds: float
    options: dict[str, Any]
    answers: tuple[Recorded, ...]

    def encoded(self, redactor: Redactor) -> bytes:
        """The snapshot as JSON, redacted; the same whatever order the questions came in."""
        entries: dict[bytes, Any] = {}
        for each in self.answers:
            plain = msgspec.to_builtins(redactor.value(each.needed()))
            entries.setdefault(encode(plain["question"]), plain)
        whole = {
            "schema": SCHEMA,
            **redactor.value(msgspec.to_builtins(msgspec.structs.replace(self, answers=()))),
            "answers": [entries[key] for key in sorted(entries)],
        }
        return msgspec.json.format(encode(whole), indent=1) + b"\n"

    def write(self, path: Path, redactor: Redactor) -> None:
        """Write it to `path`, readable by this user alone. Raises BpfDoctorError."""
        write_whole(path, self.encoded(redactor))


def write_whole(path: Path, data: bytes, *, private: bool = True) -> None:
    """Write a file that is there whole or not at all. Raises BpfDoctorError.

    It is readable by this user alone, or else by whom the umask lets, or the file that was there.
    What is there and is no regular file (`/dev/stdout`, a FIFO) is written to as it is.
    """
    try:
        refuse_links_of_others(str(path))
        if path.exists() and not path.is_file():
            _write_to_what_is_there(path, data)
        else:
            there = None if private or not path.exists() else stat.S_IMODE(path.stat().st_mode)
            replace_file(_end_of_links(path), data, 0o600 if private else there)
    except (OSError, ValueError) as error:
        raise BpfDoctorError(f"cannot write {path}: {_reason(error)}") from None


def _end_of_links(path: Path) -> Path:
    """Where our own links, or root's, lead from a file; another's is not followed."""
    for _ in range(LINKS):
        try:
            link = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            break
        try:
            facts = os.fstat(link)
            if not stat.S_ISLNK(facts.st_mode):
                break
            if facts.st_uid not in (0, os.geteuid()):
                raise NotOursError(f"{path} is a link that belongs to {owner_name(facts.st_uid)}")
            path = path.parent.resolve() / os.readlink("", dir_fd=link)
        finally:
            os.close(link)
    return path


def _write_to_what_is_there(path: Path, data: bytes) -> None:
    """Write to a device or FIFO; not to a file whose link was put in its place meanwhile."""
    with open(os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC), "wb") as file:
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EBUSY, "it was exchanged meanwhile")
        file.write(data)


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


def read_snapshot(path: Path) -> Snapshot:
    """The snapshot in a file. Raises BpfDoctorError, in one sentence, for whatever is not one.

    Kinds of question that this version does not know are left out.
    """
    plain = _plain(path)
    schema = plain.get("schema") if isinstance(plain, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        raise BpfDoctorError(
            f"{path} is a snapshot of schema {schema}; this bpfdoctor reads {SCHEMA}",
            "use the version of bpfdoctor that wrote it, or a newer one",
        )
    if not isinstance(schema, int) or not isinstance(plain.get("answers"), list):
        hint = "give the file that `bpfdoctor check --record FILE` or `bpfdoctor snapshot` wrote"
        raise BpfDoctorError(f"{path} is not a snapshot: it holds no recorded answers", hint)
    try:
        answers = [_recorded(entry) for entry in plain["answers"]]
        head = from_plain({**plain, "answers": ()}, Snapshot)
    except ValueError as error:
        raise BpfDoctorError(f"{path} is not a snapshot that can be read: {error}") from None
    known = tuple(each for each in answers if each is not None)
    return msgspec.structs.replace(head, answers=known)


def _plain(path: Path) -> Any:
    try:
        with as_owner_of(str(path)):
            file = path.open("rb")
        with file:
            data = file.read(SIZE_LIMIT + 1)
    except (OSError, ValueError) as error:
        raise BpfDoctorError(f"cannot read the snapshot {path}: {_reason(error)}") from None
    if len(data) > SIZE_LIMIT:
        raise BpfDoctorError(f"{path} is too large for a snapshot")
    refuse_larger(len(data) * UNPACKED)
    try:
        return _decoded(data)
    except ValueError as error:
        what = "is truncated" if "truncated" in str(error) else f"is not JSON: {error}"
        raise BpfDoctorError(f"the snapshot {path} {what}") from None


def _decoded(data: bytes) -> Any:
    """Plain data of JSON, made without looks for circles: of empty lists these took minutes."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        return decode(data)
    finally:
        if collecting:
            gc.enable()


def _recorded(entry: Any) -> Recorded | None:
    if not isinstance(entry, dict) or not {"question", "answer"} <= entry.keys():
        raise ValueError("an entry of `answers` is an object with a question and its answer")
    try:
        question = to_question(entry["question"])
    except LookupError:  # of a version newer than this one
        return None
    return Recorded(question, to_answer(question, entry["answer"]))


class RecordingHost:
    """A host that keeps every question and answer that passes."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._answers: dict[Question[Any], Answer] = {}
        self._lock = threading.Lock()

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """As `Host.ask`."""
        answer = self.host.ask(question)
        with self._lock:
            self._answers[question] = answer
        return answer

    def as_user(self) -> Host:
        """Without root. What is then put as the user is not recorded: root's answer may be."""
        there = as_user(self.host)
        return self if there is self.host else UserHost(self, there)

    @property
    def answers(self) -> tuple[Recorded, ...]:
        """What was asked so far, in the order of the answers."""
        with self._lock:
            return tuple(Recorded(*pair) for pair in self._answers.items())


class RecordedHost:
    """The machine of a snapshot. What was not asked there is `not-recorded`."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._answers: dict[Question[Any], Answer] = {}
        for each in snapshot.answers:  # an earlier version may have redacted less
            self._answers.setdefault(NEUTRAL.value(each.question), each.answer)
        for question, answer in list(self._answers.items()):  # or asked in one what are two now
            for part, said in question.apart(answer).items():
                self._answers.setdefault(part, said)

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """The recorded answer; the question is looked up as it would have been written."""
        answer = self._answers.get(NEUTRAL.value(question))
        if answer is None:
            return NoAnswer(NOT_RECORDED, "the snapshot holds no answer to this")
        return answer  # type: ignore[return-value]

    def as_user(self) -> Host:
        """Itself: what it holds was written down, and nobody is root there."""
        return self
