"""The question whether a file is a known one."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from bpfdoctor.host.published import whole
from bpfdoctor.host.question import OF_ITS_PATH, Answer, NoAnswer, Question

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
        data = whole(self.path, LARGEST)
        return data if isinstance(data, NoAnswer) else Digest(hashlib.sha256(data).hexdigest())

    def command(self) -> str:
        return f"sha256sum {self.path}"
