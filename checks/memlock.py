"""RLIMIT_MEMLOCK: memory that BPF programs and maps are charged to, on old kernels."""

from __future__ import annotations

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

    It still matters to programs that raise it themselves and give up when they may not, such as
    those of libbpf-bootstrap's layout of 2020 ("Failed to increase RLIMIT_MEMLOCK limit!"): raising
    it takes CAP_SYS_RESOURCE, which root in a container or sandbox often lacks.
    """
    limit = _Limit(context)
    if not context.project.kind.raises_memlock:
        return limit.judged(SMALL)
    if limit.out_of_the_way:
        return passed(limit.out_of_the_way, seen=limit.seen)
    summary = f"{limit}, may not be raised ({limit.refusal}); these programs insist on it"
    return _stopped(summary, limit.raising, limit.identity, limit.seen)


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

    @property
    def refusal(self) -> str:
        """Why it may not be raised."""
        said = self.raising
        return said.reason if isinstance(said, NoAnswer) else said.error

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
) -> Finding:
    """Want of privilege is no failure, unless it is root who wants it."""
    refused = isinstance(said, bpf.Attempt) and said.error == "EPERM"
    if refused and isinstance(identity, machine.Identity) and privilege.is_root(identity):
        return failed(summary, seen=seen, fixes=[RAISE])
    return unknown(summary, seen=seen, fixes=[ASK_AS_ROOT])
