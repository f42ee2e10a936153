"""What was changed, kept so that it can be taken back: one file of JSON lines a run.

Each line is on the disk before the next thing happens: a run that was killed leaves a step that
began and never ended, which `undo` understands. The journal is not redacted, for its commands have
to work; it is the user's alone (mode 0600) and is not meant to be passed on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

import msgspec
from msgspec.structs import replace

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.fix.plan import Plan, Step

OUTPUT = 64 << 10
"""Characters of a step's output that are kept, from its end."""
Result = Literal["done", "failed", "interrupted", "not-taken"]


class Began(msgspec.Struct, frozen=True, tag_field="event", tag="run"):
    """The first line: which run, when (UTC), and the plan as it was shown."""

    run: str
    started: str
    plan: Plan


class Before(msgspec.Struct, frozen=True, tag_field="event", tag="start"):
    """A step is about to run: `argv` as it is executed, and what there is before it.

    `packages` are those installed (None where the manager would not say), `fresh` says that
    `step.output` did not exist.
    """

    step: Step
    argv: tuple[str, ...]
    at: str
    packages: tuple[str, ...] | None = None
    fresh: bool = False


class After(msgspec.Struct, frozen=True, tag_field="event", tag="end"):
    """A step has ended. `added` are the packages that are there now and were not before it.

    `digest` is that of the file it wrote (SHA-256).
    """

    step: str
    result: Result
    exit_code: int | None
    seconds: float
    output: str
    reason: str = ""
    added: tuple[str, ...] = ()
    digest: str = ""


class Undone(msgspec.Struct, frozen=True, tag_field="event", tag="undone"):
    """A step of this run was taken back, or would not be; `index` counts its steps from 0."""

    index: int
    argv: tuple[str, ...]
    result: Result
    output: str = ""


class Ended(msgspec.Struct, frozen=True, tag_field="event", tag="finished"):
    """The last line of a run that was not killed: the exit status."""

    exit: int


Line = Began | Before | After | Undone | Ended


def state_directory(environ: Mapping[str, str]) -> Path:
    """`$XDG_STATE_HOME/bpfdoctor`, or `~/.local/state/bpfdoctor`."""
    chosen = environ.get("XDG_STATE_HOME", "")
    base = (
        Path(chosen) if chosen.startswith("/") else Path(environ.get("HOME", "/")) / ".local/state"
    )
    return base / "bpfdoctor"


def now() -> str:
    """UTC, in ISO 8601."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Journal:
    """The file of one run, open for writing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run = path.stem

    @classmethod
    def begin(cls, directory: Path, plan: Plan) -> Journal:
        """A new run. Raises BpfDoctorError where nothing can be written: no change without it."""
        started = now()
        name = (
            f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{time.time_ns() // 1000 % 10**6:06}"
        )
        journal = cls(directory / f"{name}.jsonl")
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            journal.path.touch(mode=0o600, exist_ok=False)
        except OSError as error:
            raise BpfDoctorError(
                f"the journal cannot be written: {journal.path}: {error.strerror}",
                "set XDG_STATE_HOME to a directory of yours; nothing was changed",
            ) from None
        journal.write(Began(journal.run, started, plan))
        return journal

    def write(self, line: Line) -> None:
        """Append a line and wait until the disk has it."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        try:
            data = msgspec.json.encode(line) + b"\n"
            while data:
                data = data[os.write(descriptor, data) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Record(msgspec.Struct, frozen=True):
    """What a journal says of one step: how it began, and how it ended if it did."""

    before: Before
    after: After | None = None
    undone: bool = False


class Run(msgspec.Struct, frozen=True):
    """A run as its journal tells it."""

    name: str
    started: str
    records: tuple[Record, ...]
    path: str


def read_run(path: Path) -> Run:
    """Read a journal; a last line that was cut off is as if it had not been written.

    Raises BpfDoctorError where the file is no journal.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise BpfDoctorError(f"journal {path}: {error.strerror}") from None
    found: list[Line] = []
    for number, line in enumerate(lines):
        try:
            if line:
                found.append(msgspec.json.decode(line, type=Line))
        except msgspec.DecodeError as error:
            if number < len(lines) - 1:
                raise BpfDoctorError(f"journal {path}, line {number + 1}: {error}") from None
    began = next((line for line in found if isinstance(line, Began)), None)
    return Run(path.stem, began.started if began else "", _records(found), str(path))


def _records(lines: list[Line]) -> tuple[Record, ...]:
    """Each start with its end: the next one of that step, for a run may repeat an id."""
    records: list[Record] = []
    for line in lines:
        if isinstance(line, Before):
            records.append(Record(line))
        elif isinstance(line, After) and records and records[-1].before.step.id == line.step:
            records[-1] = replace(records[-1], after=line)
        elif isinstance(line, Undone) and line.result == "done" and line.index < len(records):
            records[line.index] = replace(records[line.index], undone=True)
    return tuple(records)


def runs(directory: Path) -> list[Run]:
    """All runs in a state directory, newest first; those that cannot be read are left out."""
    found = []
    for path in sorted(directory.glob("*.jsonl"), reverse=True):
        try:
            found.append(read_run(path))
        except BpfDoctorError:
            continue
    return found
