"""The question whether a file is a known one."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bpfdoctor.host.question import OF_ITS_PATH, Answer, NoAnswer, Question
from bpfdoctor.host.reading import NotRegularError, read_published

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

LARGEST = 4 << 20
"""Bytes of a file that are read."""


class Digest(Answer, frozen=True):
    """The SHA-256 of a file, in hexadecimal digits."""

    sha256: str

    def shown(self) -> str:
        return self.sha256


class AskDigest(Question[Digest], frozen=True):
    """The hash of a file: by it a snapshot tells a known source, and keeps no text of it."""

    path: str

    asks = OF_ITS_PATH

    def put(self, machine: Machine) -> Digest | NoAnswer:
        try:
            data = read_published(self.path, LARGEST + 1)
        except NotRegularError as error:
            return NoAnswer("refused", f"it is {error.strerror}")
        except OSError as error:
            return NoAnswer.from_error(error)
        except ValueError as error:  # a path with a NUL byte
            return NoAnswer("refused", str(error))
        if len(data) > LARGEST:
            return NoAnswer("too-large", f"more than {LARGEST} bytes")
        return Digest(hashlib.sha256(data).hexdigest())

    def command(self) -> str:
        return f"sha256sum {self.path}"
