"""What programs find at run time: the PID namespace, room on disk, a cycle counter, USDT probes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bpfdoctor.api import Build, ByHand, Context, Finding
from bpfdoctor.api import blocked, check, evidence, failed, passed, unknown, warned
from bpfdoctor.api import bpf, files, machine, tools


@check("runtime.pid-namespace", title="initial PID namespace")
def runtime_pid_namespace(context: Context) -> Finding:
    """Whether this is the machine's own PID namespace, by the inode of /proc/self/ns/pid.

    bpf_get_current_pid_tgid() gives the number of a process in the initial namespace, whatever
    its own namespace calls it. A program that looks for its own number that way (`minimal`) loads
    and attaches in a container or in WSL2, and stays silent. `minimal_ns` asks with
    bpf_get_ns_current_pid_tgid() (Linux 5.7, commit b4490c5c4e02) and works in any namespace.
    """
    question = machine.AskIdentity()
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    number = answer.pid_namespace if isinstance(answer, machine.Identity) else 0
    if not number:
        look = ByHand(
            f"stat -L -c %i /proc/self/ns/pid, which is {machine.INITIAL_PID_NAMESPACE} at home"
        )
        return unknown("the PID namespace's number cannot be read", seen=seen, fixes=[look])
    if number == machine.INITIAL_PID_NAMESPACE:
        return passed(f"initial ({number})", seen=seen)
    advice = ByHand(
        "Use minimal_ns in place of minimal, or run it on the host (docker: --pid=host)."
    )
    summary = f"in a PID namespace ({number}): a program that filters by its own PID stays silent"
    return failed(summary, seen=seen, fixes=[advice])


@check("runtime.disk", title="room for the build")
def runtime_disk(context: Context) -> Finding | None:
    """Whether there is room for what a build writes, in the scratch directory and in the cache.

    Room is bytes and inodes: a file system with many small files may have none left for another.
    The scratch directory is $TMPDIR or /tmp, the cache $XDG_CACHE_HOME or ~/.cache. Free some
    room, or point the variable to a place that has more. Both are bpfdoctor's own places before
    they are the build's: without room there, nothing is known of the build. The checkout's own
    file system is `checkout.build-directory`'s; what both lack is said there.
    """
    build = context.project.kind.build
    if build is None:
        return None
    environment = machine.AskEnvironment(("HOME", "TMPDIR", "XDG_CACHE_HOME"))
    answer = context.ask(environment)
    values = answer.values if isinstance(answer, machine.Variables) else {}
    places = {"TMPDIR": values.get("TMPDIR") or "/tmp"}  # noqa: S108  (the user's own default)
    cache = values.get("XDG_CACHE_HOME") or (values["HOME"] + "/.cache" if "HOME" in values else "")
    if cache:
        places["XDG_CACHE_HOME"] = cache
    return _room(context, places, build)


class _Left(NamedTuple):
    """What is left of one thing at one place, and how much a build takes."""

    variable: str
    path: str
    what: str
    free: int
    needed: int
    device: int

    @property
    def summary(self) -> str:
        """Both, in words."""
        if self.what == "inodes":
            return f"{self.free:,} inodes free at {self.path}, and a build takes {self.needed:,}"
        free, needed = _megabytes(self.free), _megabytes(self.needed)
        return f"{free} free at {self.path}, and a build takes {needed}"


def _room(context: Context, places: dict[str, str], build: Build) -> Finding:
    """The place with the least room decides."""
    answers = {files.AskSpace(path): context.ask(files.AskSpace(path)) for path in places.values()}
    seen = [evidence(question, answer) for question, answer in answers.items()]
    unseen = [q.path for q, answer in answers.items() if not isinstance(answer, files.Space)]
    if unseen:
        summary = f"how much room {unseen[0]} has is not known"
        return unknown(summary, seen=seen, fixes=[ByHand(f"df {unseen[0]}")])
    left = [
        each
        for name, path in places.items()
        if isinstance(space := answers[files.AskSpace(path)], files.Space)
        for each in _left(name, path, space, build)
    ]
    least = min(left, key=lambda each: each.free / each.needed)
    advice = f"Free some room at {least.path}, or set {least.variable} to a place that has it."
    if least.free < least.needed:
        if _told_of_the_checkout(context, build, least):
            return blocked(least.summary, ["checkout.build-directory"])
        return unknown(least.summary, seen=seen, fixes=[ByHand(advice)])
    if least.free < 2 * least.needed:
        return warned(least.summary, seen=seen, fixes=[ByHand(advice)])
    return passed(least.summary, seen=seen)


def _left(name: str, path: str, space: files.Space, build: Build) -> Iterator[_Left]:
    yield _Left(name, path, "bytes", space.free, build.room, space.device)
    if space.inodes:
        yield _Left(name, path, "inodes", space.free_inodes, build.files, space.device)


def _told_of_the_checkout(context: Context, build: Build, least: _Left) -> bool:
    """The checkout lies on the same file system, and lacks the same: that is said once."""
    own = tools.own_place(context, build) if context.project.path else None
    if not isinstance(own, tools.OwnPlace) or not own.open or own.lacks is None:
        return False
    what, room, _ = own.lacks
    return (what, room.device) == (least.what, least.device)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


@check(
    "runtime.perf-events",
    title="hardware cycle counter",
    requires=("runtime.event-privileges",),
)
def runtime_perf_events(context: Context) -> Finding:
    """Whether perf_event_open(2) counts CPU cycles here, which profilers sample by.

    Many virtual machines pass no performance counters on: the kernel then answers ENOENT, also to
    root. Sample by the CPU clock in software instead, which every machine has (`perf record -e
    cpu-clock`; `profile --sw-event` in libbpf-bootstrap).
    """
    question = bpf.CountCycles()
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if isinstance(answer, bpf.Attempt) and answer.worked:
        return passed("counts cycles", seen=seen)
    reason = answer.error if isinstance(answer, bpf.Attempt) else answer.reason
    if reason in ("ENOENT", "EOPNOTSUPP", "ENODEV"):
        software = [ByHand("Sample by the software CPU clock instead, or pass the counters on.")]
        return failed(f"no cycle counter: {reason}", seen=seen, fixes=software)
    look = ByHand("As root: perf stat -e cycles true")
    return unknown(f"perf_event_open: {reason}", seen=seen, fixes=[look])
