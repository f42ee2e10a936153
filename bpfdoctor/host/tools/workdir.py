"""A scratch directory for one question that works in several steps, and the steps' commands."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from bpfdoctor.host.acting import acting_as
from bpfdoctor.host.credentials import Credentials, owner_on_the_way
from bpfdoctor.host.decode import decoded
from bpfdoctor.host.limits import shortage, shortage_behind, shortage_said
from bpfdoctor.host.process import ProcessResult
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.reading import read_regular
from bpfdoctor.host.removal import remove_tree
from bpfdoctor.host.tools.commands import Completed, signal_name

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

LARGEST = 16 << 20
"""Bytes of a file here that are read; the rule of a source that includes a kernel has 100,000."""

LOG_LIMIT = 16_384
"""Characters of a compiler's log, or of a tool's output, that are kept."""


class Workplace:
    """A directory of its own for one question, removed at the end; shown as `$SCRATCH`.

    With `identity`, it belongs to that user. `trouble` says why there is no such directory.
    """

    def __init__(self, machine: Machine, identity: Credentials | None = None) -> None:
        self.machine = machine
        self.identity = identity
        self.trouble: NoAnswer | None = None
        self.searched: set[str] = set()
        """Directories that a tool is known to have searched."""
        self.without: tuple[str, ...] = ()
        """The variables of the environment that no step gets."""
        self.linked: str = ""
        """What the linker says that it read (`--trace`)."""
        self._directory: Path | None = None
        self._place: tuple[int, int] | None = None

    def __enter__(self) -> Workplace:
        try:
            self._directory = Path(self._made())
            self._place = _place_of(self._directory)
        except OSError as error:
            self.trouble = NoAnswer("refused", f"no scratch directory: {error.strerror or error}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._directory is not None:
            remove_tree(self._directory, self.identity)

    def _made(self) -> str:
        if self.identity is None:
            return tempfile.mkdtemp(dir=self.machine.scratch)
        lent = self.machine.lent(self.identity)
        with acting_as(self.identity):
            return tempfile.mkdtemp(dir=lent)

    def path(self, name: str) -> str:
        """A path in this directory."""
        return f"{self._directory}/{name}"

    def text(self, name: str) -> str:
        """What a file here holds; empty where there is none."""
        try:
            return decoded(read_regular(self.path(name), LARGEST))
        except OSError:
            return ""

    def write(self, name: str, text: str) -> NoAnswer | None:
        """Write a file here, or say why that cannot be."""
        try:
            with acting_as(self.identity):
                Path(self.path(name)).write_text(text)
        except OSError as error:
            return NoAnswer("refused", f"no scratch space: {error.strerror}")
        return None

    def link(self, name: str, target: str) -> NoAnswer | None:
        """Make a link here, or say why that cannot be."""
        try:
            with acting_as(self.identity):
                os.symlink(target, self.path(name))
        except OSError as error:
            return NoAnswer.from_error(error)
        return None

    def run(self, argv: Sequence[str], timeout: float) -> ProcessResult | NoAnswer:
        """Run a step, as whoever the directory belongs to.

        No answer where it cannot be started, takes longer than `timeout`, or where the machine
        ran out of something.
        """
        try:
            ended = self.machine.run(
                argv,
                cwd=None if self.identity else _own_directory(),
                timeout=timeout,
                identity=self.identity,
                extra=self.machine.temporary(self.identity, self._directory),
                without=self.without,
            )
        except OSError as error:
            return self.taken_away() or NoAnswer.from_error(error)
        except ValueError as error:  # an argument with a NUL byte
            return NoAnswer("refused", str(error))
        if ended.timed_out:
            return NoAnswer("timed-out", f"no end after {timeout:g} seconds")
        return self.taken_away() or self._stopped(ended) or ended

    def taken_away(self) -> NoAnswer | None:
        """Another directory is where ours was, or none: what was made there says
        nothing."""
        if self._place is not None and _place_of(self._directory) == self._place:
            return None
        return NoAnswer("refused", "the scratch directory was taken away while it was in use")

    def _stopped(self, ended: ProcessResult) -> NoAnswer | None:
        """What the machine ran out of, which says nothing about the tool."""
        reason = shortage_said(ended.stderr) or shortage_behind(ended.signal)
        if not reason:
            return None
        said = self.hidden(decoded(ended.stderr))[:LOG_LIMIT]
        short = shortage(reason)
        killed = f"killed by {signal_name(ended.signal)}"
        return NoAnswer(short.reason, f"{short}\n{said or killed}")

    def hidden(self, text: str) -> str:
        """`text` with this directory written `$SCRATCH`."""
        return self.machine.hidden(text.replace(str(self._directory), "$SCRATCH"))

    def completed(self, ended: ProcessResult) -> Completed:
        """How a step ended, as an answer."""
        stdout, stderr = (self.hidden(decoded(data)) for data in (ended.stdout, ended.stderr))
        return Completed(
            exit_code=ended.exit_code,
            stdout=stdout[:LOG_LIMIT],
            stderr=stderr[:LOG_LIMIT],
            signal=signal_name(ended.signal),
            truncated=ended.truncated or max(len(stdout), len(stderr)) > LOG_LIMIT,
        )


def _own_directory() -> str | None:
    """Where root runs a tool: not in a directory of another's, where tools look for files too."""
    with contextlib.suppress(OSError):  # it is gone: the tool says so
        return "/" if owner_on_the_way(os.getcwd()) else None
    return None


def _place_of(directory: Path | None) -> tuple[int, int] | None:
    """Which directory a path leads to; None where there is none."""
    try:
        facts = os.stat(directory or "")
    except OSError:
        return None
    return facts.st_dev, facts.st_ino
