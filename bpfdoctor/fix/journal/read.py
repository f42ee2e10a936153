"""Reading journals: what each run did, step by step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeGuard

import msgspec
from msgspec.structs import replace

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.fix.journal.write import After, Before, Began, Line, Undone, state_directory
from bpfdoctor.fix.managers.registry import MANAGERS
from bpfdoctor.fix.plan import Step
from bpfdoctor.host.own_directory import NotOursError, own_directory
from bpfdoctor.host.own_file import read_own_file
from bpfdoctor.typed import from_json

LARGEST = 64 << 20
"""Bytes of the largest journal that is read; a step writes a few hundred KiB at most."""
MOST_LINES = 20_000
"""Lines of the longest one; a step writes two."""


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

    Raises BpfDoctorError where the file is no journal, or where another user could have written it:
    what it tells is run.
    """
    lines = _lines(path)
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


def _lines(path: Path) -> list[bytes]:
    try:
        data = read_own_file(path, LARGEST)
    except NotOursError as error:
        hint = "only what this user's own runs have changed is taken back"
        raise BpfDoctorError(f"journal {path} is not used: {error.strerror}", hint) from None
    except OSError as error:
        raise BpfDoctorError(f"journal {path}: {error.strerror}") from None
    if data.count(b"\n") > MOST_LINES:
        raise BpfDoctorError(f"journal {path}: it has more than {MOST_LINES:,} lines")
    return data.split(b"\n")


def _line(data: bytes) -> Line | None:
    try:
        found: Line = from_json(data, Line)  # type: ignore[arg-type]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None if isinstance(found, Before) and not _can_be_run(found.step) else found


def _can_be_run(step: Step) -> bool:
    """Whether a step has what is needed to take it back; one of a damaged line may not."""
    places = (step.cwd, step.output, step.owner_of)
    words = (*step.argv, *step.undo, *places, *step.environment, *step.environment.values())
    managed = step.kind in {"install", "remove"}
    return (
        bool(step.argv)
        and not any("\0" in word for word in words)
        and all(place.startswith("/") for place in places if place)
        and (step.manager in MANAGERS or not managed)
    )


def _records(lines: list[Line]) -> tuple[Record, ...]:
    """Each start with its end: the next one of that step, for a run may repeat an id."""
    records: list[Record] = []
    for line in lines:
        if isinstance(line, Before):
            records.append(Record(line))
        elif isinstance(line, After) and records and records[-1].before.step.id == line.step:
            records[-1] = replace(records[-1], after=line)
        elif _was_undone(line, len(records)):
            records[line.index] = replace(records[line.index], undone=True)
    return tuple(records)


def _was_undone(line: Line, begun: int) -> TypeGuard[Undone]:
    return isinstance(line, Undone) and line.result == "done" and 0 <= line.index < begun


def journal_directory(environ: Mapping[str, str]) -> Path:
    """Where this user's journals are; it need not exist.

    Raises BpfDoctorError where another user could have put one there, or where it cannot be seen.
    """
    directory = state_directory(environ)
    try:
        return own_directory(directory, make=False)
    except FileNotFoundError:
        return directory
    except OSError as error:
        hint = "XDG_STATE_HOME names another place for journals; it must be yours alone"
        raise BpfDoctorError(f"no journal of {directory} is used: {error.strerror}", hint) from None


def runs(directory: Path, say: Callable[[str], object] = lambda text: None) -> list[JournaledRun]:
    """All runs in a state directory, newest first; what cannot be read is said and left out."""
    found = []
    for path in sorted(directory.glob("*.jsonl"), reverse=True):
        try:
            found.append(read_run(path))
        except BpfDoctorError as error:
            say(str(error))
    return found
