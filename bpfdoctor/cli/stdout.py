"""Standard output carries the report and nothing else.

At the start its descriptor is set aside and 1 points to where 2 does: whatever else prints (a
third-party check, a library in C) reaches standard error and cannot corrupt the report.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.visible import Shown, put, visible


class Stdout:
    """The standard output that was set aside."""

    def __init__(self) -> None:
        _open_missing_descriptors()
        self._descriptor = os.dup(1)
        os.dup2(2, 1)
        self.stream = open(  # noqa: SIM115  (it stays open as long as the process)
            self._descriptor, "w", encoding=_encoding(), errors="backslashreplace", closefd=False
        )
        # click's own help and completion go here, as text or as bytes; `finish` writes them
        self._bytes_said = io.BytesIO()
        self._said = io.TextIOWrapper(
            self._bytes_said, encoding=_encoding(), errors="backslashreplace", write_through=True
        )
        sys.stdout = self._said

    def is_terminal(self) -> bool:
        """Whether a person reads it."""
        return os.isatty(self._descriptor)

    def keep_for_reports(self) -> None:
        """From now on, `print` means standard error."""
        sys.stdout = sys.stderr

    def write(self, data: str | bytes) -> None:
        """Write all of `data`; text in the terminal's encoding. A reader who left is not an error.

        Text that was not made visible is; bytes are for programs, and left as they are.

        Raises BpfDoctorError where it cannot be written for another reason (a full disk).
        """
        try:
            if isinstance(data, bytes):
                self.stream.flush()
                _write_all(self._descriptor, data)
            else:
                put(self.stream, data if isinstance(data, Shown) else _visible_lines(data))
        except BrokenPipeError:
            self._drop()
        except OSError as error:
            self._drop()
            raise BpfDoctorError(f"cannot write to standard output: {error.strerror}") from None

    def finish(self) -> None:
        """Write what click has printed: its way with a reader who left is an exit status of 1."""
        self.write(self._bytes_said.getvalue().decode(_encoding(), "backslashreplace"))

    def _drop(self) -> None:
        """Let whatever is still buffered go nowhere: nobody reads it."""
        nowhere = _nowhere()
        os.dup2(nowhere, self._descriptor)
        os.close(nowhere)


def _nowhere() -> int:
    """A descriptor that nobody reads; in memory, where there is no /dev/null."""
    try:
        return os.open(os.devnull, os.O_RDWR)
    except OSError:
        return os.memfd_create("nowhere")


def _visible_lines(text: str) -> Shown:
    """Text of another format or of click's: its lines, and the tabs of a shell's completion."""
    return Shown("\t".join(visible(part, newlines=True) for part in text.split("\t")))


def _encoding() -> str:
    stdout: TextIO | None = sys.__stdout__
    return (stdout.encoding if stdout else None) or "utf-8"


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _open_missing_descriptors() -> None:
    """Point a closed 0, 1 or 2 at /dev/null, or the next file opened would become it."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = _nowhere()  # the lowest free number: this one
            os.set_inheritable(opened, True)
    if sys.stderr is None:  # Python's own reaction to a closed descriptor
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
