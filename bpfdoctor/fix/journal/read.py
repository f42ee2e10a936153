"""Reading journals: what each run did, step by step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.fix.journal.write import After, Before, Began, Line, Undone


class Record(msgspec.Struct, frozen=True):
    """What a journal says of one step: how it began, and how it ended if it did."""

    before: Before
    after: After | None = None
    undone: bool = False

    @property
    def cut_off(self) -> bool:
        """Nobody saw its command come to an end: what it added is not known."""
        return self.after is None or self.after.added is None


class JournaledRun(msgspec.Struct, frozen=True):
    """A run as its journal tells it. `unread` are the numbers of the lines that tell nothing."""

    name: str
    started: str
    records: tuple[Record, ...]
    path: str
    boot: str = ""
    unread: tuple[int, ...] = ()


def read_run(path: Path) -> JournaledRun:
    """Read a journal; a line that was cut off is as if it had not been written.

    Raises BpfDoctorError where the file is no journal.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise BpfDoctorError(f"journal {path}: {error.strerror}") from None
    read = {number: _line(line) for number, line in enumerate(lines, 1) if line}
    found = [line for line in read.values() if line is not None]
    began = next((line for line in found if isinstance(line, Began)), None)
    if began is None and len(lines) > 1:
        raise BpfDoctorError(f"{path} is not a journal of bpfdoctor's")
    unread = tuple(number for number, line in read.items() if line is None)
    return JournaledRun(
        name=path.stem,
        started=began.started if began else "",
        records=_records(found),
        path=str(path),
        boot=began.boot if began else "",
        unread=unread,
    )


def _line(data: bytes) -> Line | None:
    try:
        found: Line = msgspec.json.decode(data, type=Line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found


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


def runs(directory: Path, say: Callable[[str], object] = lambda text: None) -> list[JournaledRun]:
    """All runs in a state directory, newest first; what cannot be read is said and left out."""
    found = []
    for path in sorted(directory.glob("*.jsonl"), reverse=True):
        try:
            found.append(read_run(path))
        except BpfDoctorError as error:
            say(str(error))
    return found
