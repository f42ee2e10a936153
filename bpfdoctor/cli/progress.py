"""Progress on standard error, for a person at a terminal only."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from bpfdoctor.model import Finding, Stage
from bpfdoctor.visible import fitting, visible

if TYPE_CHECKING:
    from rich.status import Status


class Watcher:
    """What a run is doing, as one line that changes; without a terminal, nothing."""

    def __init__(self, status: Status | None = None) -> None:
        self._status = status
        self._lock = threading.Lock()
        self._running: list[str] = []
        self._stage = ""
        self._detail = ""
        self._since = time.monotonic()

    def started(self, check_id: str) -> None:
        """A check has begun."""
        with self._lock:
            self._running.append(check_id)
            self._show()

    def finished(self, finding: Finding) -> None:
        """A finding is there."""
        with self._lock:
            if finding.id in self._running:
                self._running.remove(finding.id)
            self._show()

    def stage(self, program: str, stage: Stage) -> None:
        """The smoke of a program has come to a stage."""
        with self._lock:
            self._stage, self._detail = f"{program}: {stage.value}", ""
            self._since = time.monotonic()
            self._show()

    def detail(self, text: str) -> None:
        """What is being done within it: the line of make."""
        with self._lock:
            self._detail = " ".join(text.split())
            self._show()

    def line(self) -> str:
        """What is shown now."""
        if self._stage:
            spent = f"{time.monotonic() - self._since:.0f} s"
            return f"{self._stage} ({spent})  {self._detail}".rstrip()
        return "checking " + ", ".join(self._running[-4:])

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the terminal to somebody else for a while."""
        if self._status is None:
            yield
            return
        self._status.stop()
        try:
            yield
        finally:
            self._status.start()

    def _show(self) -> None:
        if self._status is None:
            return
        from rich.text import Text

        room = self._status.console.width - 4
        self._status.update(Text(fitting(visible(self.line()), room), no_wrap=True))


@contextlib.contextmanager
def watching(stream: TextIO) -> Iterator[Watcher]:
    """A watcher for the length of a run, which leaves the terminal as it was."""
    if not stream.isatty():
        yield Watcher()
        return
    from rich.console import Console

    console = Console(file=stream, highlight=False, markup=False)
    with console.status("starting") as status:
        yield Watcher(status)
