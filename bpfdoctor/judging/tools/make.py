"""GNU make: the one that is used, and whether it is new enough."""

from __future__ import annotations

from bpfdoctor.host.question import Host
from bpfdoctor.judging.tools.choice import ToolChoice, choose
from bpfdoctor.judging.tools.tool_verdict import Argv, ToolVerdict
from bpfdoctor.judging.tools.version import older, says_version
from bpfdoctor.projects.model import Setting


def chosen_make(host: Host, minimum: str) -> ToolChoice:
    """The GNU make that is used; `gmake` is its name where make is another one."""
    setting = Setting("MAKE", "make")
    return choose(host, setting, lambda argv: _judge_make(host, argv, minimum), (("gmake",),))


def _judge_make(host: Host, argv: Argv, minimum: str) -> ToolVerdict:
    says = says_version(host, argv, "GNU Make")
    if isinstance(says, ToolVerdict):
        return says
    version, seen = says[0], says[1:]
    if not version:
        return ToolVerdict(argv, "unfit", "", f"{argv[0]} does not say that it is GNU make", seen)
    if older(version, minimum):
        trouble = f"{argv[0]} is GNU make {version}; the makefile needs {minimum}"
        return ToolVerdict(argv, "old", version, trouble, seen)
    return ToolVerdict(argv, "fit", version, "", seen)
