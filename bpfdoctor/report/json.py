"""The report as JSON: the contract that other programs read. Names are for ever."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from bpfdoctor import __version__
from bpfdoctor.model import SCHEMA, Report, Tool

FIRST = ("schema", "tool", "started", "seconds", "verdict", "project", "host", "findings")
"""The order in which a reader meets the report; what is not named here comes after."""


class Trouble(msgspec.Struct, frozen=True):
    """Why there is no report. `kind`: `usage` (exit status 2) or `internal` (5)."""

    kind: Literal["usage", "internal"]
    message: str
    hint: str


class ErrorReport(msgspec.Struct, frozen=True):
    """What `--json` prints in place of a report."""

    tool: Tool
    error: Trouble
    schema: int = SCHEMA


def report_json(report: Report) -> bytes:
    """The report as indented UTF-8 JSON. What is written gets a redacted one."""
    return tree_json(msgspec.to_builtins(report))


def error_json(kind: Literal["usage", "internal"], message: str, hint: str) -> bytes:
    """The document that takes the place of a report."""
    trouble = Trouble(kind, message, hint)
    tree = msgspec.to_builtins(ErrorReport(Tool("bpfdoctor", __version__), trouble))
    return tree_json(tree)


def tree_json(tree: dict[str, Any]) -> bytes:
    """Plain data as indented UTF-8 JSON, the report's fields in their order."""
    order = [name for name in FIRST if name in tree] + [name for name in tree if name not in FIRST]
    plain = encodable({name: tree[name] for name in order})
    return msgspec.json.format(msgspec.json.encode(plain)) + b"\n"


def encodable(tree: Any) -> Any:
    """`tree` with what no encoding can hold (lone surrogates) written as escapes."""
    if isinstance(tree, str):
        return tree.encode("utf-8", "backslashreplace").decode()
    if isinstance(tree, dict):
        return {encodable(key): encodable(value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [encodable(each) for each in tree]
    return tree
