"""What was changed, kept so that it can be taken back: one file of JSON lines a run.

Each line is on the disk before the next thing happens: a run that was killed leaves a step that
began and never ended, which `undo` understands. The journal is not redacted, for its commands have
to work; it is the user's alone (mode 0600) and is not meant to be passed on.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

import msgspec

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.fix.plan import Plan, Step
from bpfdoctor.host.own_directory import own_directory
from bpfdoctor.host.own_file import open_own_file
from bpfdoctor.host.scratch import boot_id

OUTPUT = 64 << 10
"""Characters of a step's output that are kept, from its end."""
Result = Literal["done", "failed", "interrupted", "not-taken"]


class Began(msgspec.Struct, frozen=True, tag_field="event", tag="run"):
    """The first line: which run, when (UTC), the plan as it was shown, and the boot's id."""

    run: str
    started: str
    plan: Plan
    boot: str = ""


class Before(msgspec.Struct, frozen=True, tag_field="event", tag="start"):
    """A step is about to run: `argv` as it is executed, and what there is before it.

    `packages` are those installed (None where the manager would not say), `leftovers` those removed
    whose settings are there; `intended` is what the manager says that the step will add, and maybe
    more (None where it would not say). `fresh` says that `step.output` did not exist.
    """

    step: Step
    argv: tuple[str, ...]
    at: str
    packages: tuple[str, ...] | None = None
    fresh: bool = False
    leftovers: tuple[str, ...] = ()
    intended: tuple[str, ...] | None = None


class After(msgspec.Struct, frozen=True, tag_field="event", tag="end"):
    """A step has ended. `added` are the packages that are there now and were not before it.

    None: not known, for the command did not come to its end under our eyes. `digest` is that of the
    file it wrote (SHA-256), `mount` the mount that it made, as `mount_at` tells it.
    """

    step: str
    result: Result
    exit_code: int | None
    seconds: float
    output: str
    reason: str = ""
    added: tuple[str, ...] | None = ()
    digest: str = ""
    mount: str = ""


class Undone(msgspec.Struct, frozen=True, tag_field="event", tag="undone"):
    """A step of this run was taken back, or would not be; `index` counts its steps from 0."""

    index: int
    argv: tuple[str, ...]
    result: Result
    output: str = ""


class Finished(msgspec.Struct, frozen=True, tag_field="event", tag="finished"):
    """The last line of a run that was not killed: the exit status."""

    exit: int


Line = Began | Before | After | Undone | Finished


def state_directory(environ: Mapping[str, str]) -> Path:
    """`$XDG_STATE_HOME/bpfdoctor`, or `~/.local/state/bpfdoctor`; it need not exist."""
    chosen = environ.get("XDG_STATE_HOME", "")
    base = (
        Path(chosen) if chosen.startswith("/") else Path(environ.get("HOME", "/")) / ".local/state"
    )
    return base / "bpfdoctor"


def now() -> str:
    """UTC, in ISO 8601."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Journal:
    """The file of one run, open for writing.

    `failed` says why the disk did not take a line; nothing is written after that.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run = path.stem
        self.failed = ""

    @classmethod
    def begin(cls, directory: Path, plan: Plan, home: str = "") -> Journal:
        """A new run. Raises BpfDoctorError where nothing can be written: no change without it.

        The directory is made where it is missing, but not the `home` that it lies in.
        """
        name = (
            f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{time.time_ns() // 1000 % 10**6:06}"
        )
        journal = cls(directory / f"{name}.jsonl")
        try:
            own_directory(directory, home=home)
            journal.path.touch(mode=0o600, exist_ok=False)
        except OSError as error:
            journal.failed = _refused(journal.path, error)
        if not journal.write(Began(journal.run, now(), plan, boot_id())):
            hint = "set XDG_STATE_HOME to a directory of yours; nothing was changed"
            raise BpfDoctorError(journal.failed, hint)
        return journal

    def write(self, line: Line) -> bool:
        """Append a line and wait until the disk has it; False where it does not take it."""
        if not self.failed:
            try:
                self._append(msgspec.json.encode(line) + b"\n")
            except OSError as error:
                self.failed = _refused(self.path, error)
        return not self.failed

    def _append(self, data: bytes) -> None:
        """All of it or nothing; a line that a killed run left unfinished is ended first."""
        descriptor = open_own_file(self.path, os.O_RDWR | os.O_APPEND)
        end = os.fstat(descriptor).st_size
        try:
            if end and os.pread(descriptor, 1, end - 1) != b"\n":
                data = b"\n" + data
            while data:
                data = data[os.write(descriptor, data) :]
            os.fsync(descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, end)
            raise
        finally:
            os.close(descriptor)


def _refused(path: Path, error: OSError) -> str:
    return f"the journal cannot be written: {path}: {error.strerror}"
