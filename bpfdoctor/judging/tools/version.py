"""The version of a tool: read off what it says, and compared."""

from __future__ import annotations

import re

from bpfdoctor.host.question import Host, evidence
from bpfdoctor.host.tools.commands import Completed
from bpfdoctor.host.tools.version import AskVersion
from bpfdoctor.judging.tools.tool_verdict import Argv, ToolVerdict, absent, misbehaving
from bpfdoctor.model import Evidence


def says_version(host: Host, argv: Argv, name: str) -> ToolVerdict | tuple[str, Evidence]:
    """What `argv --version` says follows `name` (empty: nothing does), and the words themselves.

    The judgement instead where there is no such tool, or where it does not run to a good end.
    """
    missing = absent(host, argv)
    if missing is not None:
        return missing
    question = AskVersion((*argv, "--version"))
    answer = host.ask(question)
    bad = misbehaving(argv, question, answer)
    if bad is not None or not isinstance(answer, Completed):
        return bad or ToolVerdict(argv, "unclear")
    return version_in(answer.output, name), evidence(question, answer)


def version_in(text: str, name: str) -> str:
    """The version that follows `name`: `14.0.6` in "Debian clang version 14.0.6"; or empty."""
    found = re.search(rf"\b{name}\s+(?:version\s+)?v?(\d+(?:\.\d+)*)", text, re.IGNORECASE)
    return found.group(1) if found else ""


def older(version: str, minimum: str) -> bool:
    """Whether a version of numbers and dots is below another."""
    return _numbers(version) < _numbers(minimum)


def _numbers(version: str) -> list[int]:
    numbers = [int(part[:9]) for part in re.findall(r"\d+", version)]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers
