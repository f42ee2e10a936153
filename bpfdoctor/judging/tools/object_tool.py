"""A tool that treats a compiled object, judged by treating one."""

from __future__ import annotations

from bpfdoctor.host.question import Host, evidence
from bpfdoctor.host.tools.commands import Completed
from bpfdoctor.host.tools.treat_object import TreatObject
from bpfdoctor.judging.tools.tool_verdict import Argv, ToolVerdict, misbehaving


def treats(host: Host, argv: Argv, question: TreatObject, expected: str = "") -> ToolVerdict:
    """Judge a tool by one run over an object; `expected` is a part of what it then prints."""
    answer = host.ask(question)
    bad = misbehaving(argv, question, answer)
    if bad is not None or not isinstance(answer, Completed):
        return bad or ToolVerdict(argv, "unclear")
    seen = (evidence(question, answer),)
    if expected not in answer.stdout:
        return ToolVerdict(argv, "unfit", "", f"{argv[0]} exits 0 and makes no skeleton", seen)
    return ToolVerdict(argv, "fit", "", "", seen)
