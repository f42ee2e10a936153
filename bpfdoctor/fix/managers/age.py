"""How long ago something was written: whether a manager's lists are stale."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from bpfdoctor.host.question import Answer, NoAnswer, Question

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine


class Age(Answer, frozen=True):
    """Seconds since the last change of a file or of a directory's entries."""

    seconds: float

    def shown(self) -> str:
        return f"changed {self.seconds:.0f} seconds ago"


class AskAge(Question[Age], frozen=True):
    """When `path` was last changed."""

    path: str

    def put(self, machine: Machine) -> Age | NoAnswer:
        try:
            return Age(max(0.0, time.time() - os.stat(self.path).st_mtime))
        except OSError as error:
            return NoAnswer.from_error(error)

    def source(self) -> str:
        return f"stat -c %Y {self.path}"
