"""What makefiles ask by `$(shell …)`, where the answer is known without running a command."""

from __future__ import annotations

import re

from bpfdoctor.host.question import Host, NoAnswer
from bpfdoctor.host.system.facts import AskKernel, Kernel
from bpfdoctor.host.tools.search import FindTool, ToolPath

_WHICH = re.compile(r"\s*(which|command\s+-v)\s+([\w./+-]+)(?:\s+2>\s*/dev/null)?\s*")
_SED = re.compile(r"""sed\s+(?:-e\s+)?(?:'([^'"]+)'|"([^'"]+)"|([^\s'"]+))""")
_CHANGE = re.compile(r"\s*s([/,|])([\w.-]+(?:\*[\w.-]*)?)\1([\w-]*)\1(g?)\s*")
"""A substitution whose pattern repeats one character at most: several take as long as they like."""
LONGEST = 64
"""Characters of a text that sed gets, and of what it makes of it; an architecture has ten."""


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
        text = None if text is None else _edited(each, text)
    return text


def _edited(command: str, text: str) -> str | None:
    """What sed makes of a text; None for another command, or one that says more than `s/a/b/`."""
    script = _SED.fullmatch(command.strip())
    for each in "".join(script.groups("")).split(";") if script else ("",):
        change = _CHANGE.fullmatch(each)
        if change is None or len(text) > LONGEST:
            return None
        text = re.sub(change[2], change[3], text, count=0 if change[4] else 1)
    return text


def _which(host: Host, program: str, tool: str) -> str:
    """Where a tool is; nothing where there is no such tool, or no `which` that would say so."""
    if program == "which":
        itself = host.ask(FindTool("which"))
        if isinstance(itself, NoAnswer) and itself.absent:
            return ""
    found = host.ask(FindTool(tool))
    return found.path if isinstance(found, ToolPath) else ""
