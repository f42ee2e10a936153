"""What JSON says in place of a report where there is none."""

from __future__ import annotations

import msgspec

from bpfdoctor.model import SCHEMA, Tool
from bpfdoctor.report.documents import ErrorKind


class Trouble(msgspec.Struct, frozen=True):
    """Why there is no report. `kind`: `usage` (exit status 2), `limit` (3) or `internal` (5)."""

    kind: ErrorKind
    message: str
    hint: str


class ErrorReport(msgspec.Struct, frozen=True):
    """What `--json` prints in place of a report."""

    tool: Tool
    error: Trouble
    schema: int = SCHEMA
