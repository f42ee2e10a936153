"""Running the real command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pytest

COMMAND = (sys.executable, "-m", "bpfdoctor")
Completed = subprocess.CompletedProcess[str]


class Doctor(Protocol):
    """Run `bpfdoctor` with arguments, in a directory of the test's own, and return how it ended."""

    def __call__(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Completed: ...


@pytest.fixture
def doctor(tmp_path: Path) -> Doctor:
    """The real command, outside any checkout."""

    def run(*arguments: str, environ: Mapping[str, str] | None = None) -> Completed:
        return subprocess.run(
            [*COMMAND, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(environ or {})},
            timeout=120,
        )

    return run
