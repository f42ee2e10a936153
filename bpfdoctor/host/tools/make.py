"""GNU make: the one that is used, and whether it is new enough."""

from __future__ import annotations

from bpfdoctor.host.question import Host
from bpfdoctor.host.tools.choice import Chosen, choose
from bpfdoctor.host.tools.judged import Argv, Judged
from bpfdoctor.host.tools.version import older, says_version


def chosen_make(host: Host, minimum: str) -> Chosen:
    """The GNU make that is used; `gmake` is its name where make is another one."""
    return choose(
        host, "MAKE", "make", lambda argv: _judge_make(host, argv, minimum), (("gmake",),)
    )


def _judge_make(host: Host, argv: Argv, minimum: str) -> Judged:
    says = says_version(host, argv, "GNU Make")
    if isinstance(says, Judged):
        return says
    version, seen = says[0], says[1:]
    if not version:
        return Judged(argv, "unfit", "", f"{argv[0]} does not say that it is GNU make", seen)
    if older(version, minimum):
        trouble = f"{argv[0]} is GNU make {version}; the makefile needs {minimum}"
        return Judged(argv, "old", version, trouble, seen)
    return Judged(argv, "fit", version, "", seen)
