"""What makefiles ask by `$(shell …)`, where the answer is known without running a command."""

from __future__ import annotations

import re

from bpfdoctor.host.question import Host, NoAnswer
from bpfdoctor.host.system.facts import AskKernel, Kernel
from bpfdoctor.host.tools.search import FindTool, ToolPath

_WHICH = re.compile(r"\s*(which|command\s+-v)\s+([\w./+-]+)(?:\s+2>\s*/dev/null)?\s*")
_SED = re.compile(r"""\s*sed\s+(?:-e\s+)?(['"]?)s([/,|])([\w.*-]+)\2([\w-]*)\2g?\1\s*""")


def known_output(host: Host, command: str) -> str | None:
    """What a command prints; None for one that is not known."""
    if which := _WHICH.fullmatch(command):
        return _which(host, *which.groups())
    first, *rest = command.split("|")
    if first.split() != ["uname", "-m"]:
        return None
    running = host.ask(AskKernel())
    text = running.architecture if isinstance(running, Kernel) else None
    for each in rest:
        change = _SED.fullmatch(each)
        if change is None or text is None:
            return None
        text = re.sub(change[3], change[4], text, count=0 if "g" in each[change.end(4) :] else 1)
    return text


def _which(host: Host, program: str, tool: str) -> str:
    """Where a tool is; nothing where there is no such tool, or no `which` that would say so."""
    if program == "which":
        itself = host.ask(FindTool("which"))
        if isinstance(itself, NoAnswer) and itself.absent:
            return ""
    found = host.ask(FindTool(tool))
    return found.path if isinstance(found, ToolPath) else ""
