"""Where documents go: standard output, and the files that --format names."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from bpfdoctor.cli.stdout import Stdout
from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.report import TEXT
from bpfdoctor.visible import tell

if TYPE_CHECKING:
    from bpfdoctor.report.documents import Document, Redacts
    from bpfdoctor.report.paper import Paper


class Destination(NamedTuple):
    """A format, and the file that it goes to; without one it goes to standard output."""

    format: str
    file: str = ""


class Destinations:
    """Writes each document to every place that was asked for, in the format asked for there.

    A place takes one document: what comes later (an error) does not spoil what is there.
    """

    def __init__(self, stdout: Stdout) -> None:
        self.stdout = stdout
        self.unwritten: list[BpfDoctorError] = []
        """Why there is no such file, although one was asked for."""
        self.chosen = False
        self._stdout_format = TEXT
        self.waiting: list[Destination] = [Destination(TEXT)]

    def choose(self, asked: Sequence[Destination]) -> None:
        """Take these; standard output carries text where none of them is for it."""
        self.chosen = True
        on_stdout = [each for each in asked if not each.file] or [Destination(TEXT)]
        self._stdout_format = on_stdout[0].format
        self.waiting = [*(each for each in asked if each.file), *on_stdout]

    def write(
        self, document: Document, redactor: Redacts | None = None, *, said: bool = False
    ) -> None:
        """Write a document, the files first: no full disk or lost reader costs another its copy.

        `said`: a person was told it on standard error, so that text need not say it again.
        Raises BpfDoctorError where standard output cannot be written.
        """
        from bpfdoctor.report.documents import KIND_OF, bare
        from bpfdoctor.report.registry import load

        loaded = [(place, load(place.format)) for place in self.waiting]
        writing = [pair for pair in loaded if pair[1].writes(KIND_OF[type(document)])]
        redacted = shown = document
        if redactor is not None:
            shown = bare(document, redactor)
            if any(form.redacts for _, form in writing):
                redacted = document.redacted(redactor)
        for place, form in writing:
            self.waiting.remove(place)
            given = redacted if form.redacts else shown
            if place.file:
                self._write_file(place.file, form.write(given, _file_paper))
            elif not (said and place.format == TEXT):
                self.stdout.write(form.write(given, self._stdout_paper))

    @property
    def redacting(self) -> bool:
        """Whether a format that is waited for takes redacted documents only."""
        from bpfdoctor.report.registry import load

        return any(load(place.format).redacts for place in self.waiting)

    def words(self, text: str) -> None:
        """Write text for a person: to standard output, unless it carries another format."""
        if self._stdout_format == TEXT:
            self.stdout.write(text)
        else:
            tell(sys.stderr, text)

    def _write_file(self, file: str, content: str | bytes) -> None:
        from pathlib import Path

        from bpfdoctor.host.record import write_whole

        data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
        try:
            write_whole(Path(file), data, private=False)
        except BpfDoctorError as error:
            self.unwritten.append(error)

    def _stdout_paper(self) -> Paper:
        from bpfdoctor.report.paper import Paper

        return Paper.for_stream(self.stdout.stream, terminal=self.stdout.is_terminal())


def _file_paper() -> Paper:
    from bpfdoctor.report.paper import Paper

    return Paper()
