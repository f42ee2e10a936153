"""RLIMIT_MEMLOCK: memory that BPF programs and maps are charged to, on old kernels."""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.api import ASK_AS_ROOT, ByHand, Context, Evidence, Finding, NoAnswer
from bpfdoctor.api import check, evidence, failed, passed, unknown
from bpfdoctor.api import bpf, kernel, machine, privilege

RAISE = ByHand(
    "Give the process CAP_SYS_RESOURCE (docker run --cap-add SYS_RESOURCE), or start it with no "
    "limit at all: docker run --ulimit memlock=-1, LimitMEMLOCK=infinity in a systemd unit, "
    "memlock in /etc/security/limits.conf."
)

SMALL, LARGE = 1 << 15, 1 << 20
"""Bytes: a program with a map or two; one with a hash map of thousands, or a ring buffer."""

ACCOUNTING = bpf.Helper("socket_filter", "ktime_get_coarse_ns")
"""The helper by which libbpf tells (probe_memcg_account): it came with the same release, and RHEL
carried both back."""


@check(
    "runtime.memlock",
    title="RLIMIT_MEMLOCK does not stop BPF programs",
    requires=("kernel.bpf-syscall",),
    excused_by=("runtime.privileges",),
)
def runtime_memlock(context: Context) -> Finding:
    """Whether RLIMIT_MEMLOCK is in the way, and whether this user may raise it.

    Until Linux 5.11 (commit 3ac1f01b43b6) the kernel charged maps and programs to this limit, by
    default 64 KiB; since then it charges the memory cgroup, and the limit does not matter.
    """
    return _Limit(context).judged(SMALL)


@check(
    "runtime.memlock-raised",
    title="programs may raise RLIMIT_MEMLOCK as far as they insist on",
    excused_by=("runtime.privileges",),
)
def runtime_memlock_raised(context: Context) -> Iterator[Finding]:
    """Whether this user may raise RLIMIT_MEMLOCK to what a program raises it to.

    Programs written for kernels before Linux 5.11 raise it themselves, and many end where they may
    not, on any kernel: those of libbpf-bootstrap until 2022-02 ("Failed to increase RLIMIT_MEMLOCK
    limit!") ask for infinity, others for a number of bytes. To raise the hard limit takes
    CAP_SYS_RESOURCE, which root in a container or sandbox often lacks.

    What a program asks for is read in its source: only where it does so in any case, to a limit
    that is written there, and ends if it is refused.
    """
    for about in context.project.abouts("runtime.memlock-raised"):
        yield _raised(context, about)


def _raised(context: Context, about: str) -> Finding:
    size = int(about) if about.isdecimal() else -1
    question, who = bpf.RaiseMemlock(size), machine.AskIdentity()
    raising, identity = context.ask(question), context.ask(who)
    seen = [evidence(question, raising), evidence(who, identity)]
    wanted = "infinity" if size < 0 else f"{size >> 10} KiB"
    if isinstance(raising, bpf.Attempt) and raising.worked:
        return passed(f"it may be raised to {wanted}", about=about, seen=seen)
    refusal = raising.reason if isinstance(raising, NoAnswer) else raising.error
    summary = f"it may not be raised to {wanted} ({refusal}), on which programs insist"
    return _stopped(summary, raising, identity, seen, about=about)


@check(
    "runtime.memlock-room",
    title="RLIMIT_MEMLOCK leaves room for large maps",
    requires=("runtime.memlock",),
    excused_by=("runtime.privileges",),
)
def runtime_memlock_room(context: Context) -> Finding:
    """Whether RLIMIT_MEMLOCK leaves room for a map of 1 MiB, on kernels that charge it.

    Until Linux 5.11 a limit of 64 KiB that may not be raised lets small programs load, and stops
    those with a ring buffer or a hash map of thousands of entries, such as `bootstrap`. Those on
    USDT probes are among them: libbpf describes the probes' arguments in two maps of its own.
    """
    return _Limit(context).judged(LARGE)


class _Limit:
    """The limit, who is under it, and whether it may be raised."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.raising = context.ask(bpf.RaiseMemlock())
        self.identity = context.ask(machine.AskIdentity())
        self.seen = [
            evidence(bpf.RaiseMemlock(), self.raising),
            evidence(machine.AskIdentity(), self.identity),
        ]

    def __str__(self) -> str:
        if isinstance(self.identity, NoAnswer):
            return "a limit that is not known"
        limits = (
            f"{each >> 10} KiB" if each >= 0 else "no limit" for each in self.identity.memlock
        )
        soft, hard = limits
        return f"soft limit {soft}, hard limit {hard}"

    @property
    def out_of_the_way(self) -> str:
        """Why it stops nobody; empty where it may."""
        if isinstance(self.identity, machine.Identity) and self.identity.memlock == (-1, -1):
            return "no limit"
        if isinstance(self.raising, bpf.Attempt) and self.raising.worked:
            return f"{self}, and may be raised to infinity"
        return ""

    def judged(self, size: int) -> Finding:
        """Whether a map of `size` bytes has room: the probes first, then the release."""
        if self.out_of_the_way:
            return passed(self.out_of_the_way, seen=self.seen)
        probe, running = self.context.ask(ACCOUNTING), self.context.ask(kernel.AskKernel())
        seen = [*self.seen, evidence(ACCOUNTING, probe), evidence(kernel.AskKernel(), running)]
        if isinstance(probe, bpf.Attempt) and probe.worked:
            return passed(f"{self}, to which this kernel charges nothing", seen=seen)
        release = running.release if isinstance(running, kernel.Kernel) else ""
        if kernel.version(release) >= (5, 11):
            return passed(f"{self}, to which Linux {release} charges nothing", seen=seen)
        question = bpf.CreateMap("array", 4, size, 1)
        room = self.context.ask(question)
        seen.append(evidence(question, room))
        if isinstance(room, bpf.Attempt) and room.worked:
            return passed(f"{self}: a map of {size >> 10} KiB has room", seen=seen)
        summary = f"{self}, to which this kernel charges maps: no room for {size >> 10} KiB"
        return _stopped(summary, room, self.identity, seen)


def _stopped(
    summary: str,
    said: bpf.Attempt | NoAnswer,
    identity: machine.Identity | NoAnswer,
    seen: list[Evidence],
    about: str = "",
) -> Finding:
    """Want of privilege is no failure, unless it is root who wants it."""
    refused = isinstance(said, bpf.Attempt) and said.error == "EPERM"
    if refused and isinstance(identity, machine.Identity) and privilege.is_root(identity):
        return failed(summary, about=about, seen=seen, fixes=[RAISE])
    return unknown(summary, about=about, seen=seen, fixes=[ASK_AS_ROOT])
