"""RLIMIT_MEMLOCK: memory that BPF programs and maps are charged to, on old kernels."""

from __future__ import annotations

from bpfdoctor.api import (
    ASK_AS_ROOT,
    AskHelper,
    AskIdentity,
    AskKernel,
    Attempt,
    ByHand,
    Context,
    CreateMap,
    Evidence,
    Finding,
    Identity,
    Kernel,
    NoAnswer,
    RaiseMemlock,
    check,
    evidence,
    failed,
    is_root,
    kernel_version,
    passed,
    unknown,
)

RAISE = ByHand(
    "Give the process CAP_SYS_RESOURCE (docker run --cap-add SYS_RESOURCE), or start it with no "
    "limit at all: docker run --ulimit memlock=-1, LimitMEMLOCK=infinity in a systemd unit, "
    "memlock in /etc/security/limits.conf."
)

ENOUGH = 1 << 19
"""Bytes. The largest map of these programs is a ring buffer of 256 KiB, and there is the rest."""

ACCOUNTING = AskHelper("socket_filter", "ktime_get_coarse_ns")
"""The helper by which libbpf tells (probe_memcg_account): it came with the same release, and RHEL
carried both back."""


@check(
    "runtime.memlock",
    title="RLIMIT_MEMLOCK does not stop BPF programs",
    requires=("runtime.privileges",),
)
def runtime_memlock(context: Context) -> Finding:
    """Whether RLIMIT_MEMLOCK is in the way, and whether this user may raise it.

    Until Linux 5.11 (commit 3ac1f01b43b6) the kernel charged maps and programs to this limit, by
    default 64 KiB; since then it charges the memory cgroup, and the limit does not matter.

    It still matters to programs that raise it themselves and give up when they may not, such as
    those of libbpf-bootstrap's layout of 2020 ("Failed to increase RLIMIT_MEMLOCK limit!"): raising
    it takes CAP_SYS_RESOURCE, which root in a container or sandbox often lacks.
    """
    raising = context.ask(RaiseMemlock())
    identity = context.ask(AskIdentity())
    seen = [evidence(RaiseMemlock(), raising), evidence(AskIdentity(), identity)]
    if isinstance(identity, Identity) and identity.memlock == (-1, -1):
        return passed("no limit", seen=seen)
    if isinstance(raising, Attempt) and raising.worked:
        return passed(f"{_limit(identity)}, and may be raised to infinity", seen=seen)
    if not context.project.kind.raises_memlock:
        return _charged(context, identity, seen)
    summary = (
        f"{_limit(identity)}, may not be raised ({_why(raising)}); these programs insist on it"
    )
    return _stopped(summary, raising, identity, seen)


def _charged(context: Context, identity: Identity | NoAnswer, seen: list[Evidence]) -> Finding:
    """Whether the kernel counts BPF memory against the limit; the probe first, then the release."""
    probe, kernel = context.ask(ACCOUNTING), context.ask(AskKernel())
    seen = [*seen, evidence(ACCOUNTING, probe), evidence(AskKernel(), kernel)]
    release = kernel.release if isinstance(kernel, Kernel) else ""
    if isinstance(probe, Attempt) and probe.worked:
        return passed(f"{_limit(identity)}, to which this kernel charges nothing", seen=seen)
    if kernel_version(release) >= (5, 11):
        return passed(f"{_limit(identity)}, to which Linux {release} charges nothing", seen=seen)
    question = CreateMap("array", 4, ENOUGH, 1)
    room = context.ask(question)
    seen.append(evidence(question, room))
    if isinstance(room, Attempt) and room.worked:
        return passed(f"{_limit(identity)}: a map of {ENOUGH >> 10} KiB has room", seen=seen)
    summary = (
        f"{_limit(identity)}, to which this kernel charges maps: no room for {ENOUGH >> 10} KiB"
    )
    return _stopped(summary, room, identity, seen)


def _stopped(
    summary: str, said: Attempt | NoAnswer, identity: Identity | NoAnswer, seen: list[Evidence]
) -> Finding:
    """Want of privilege is no failure, unless it is root who wants it."""
    refused = isinstance(said, Attempt) and said.error == "EPERM"
    if refused and isinstance(identity, Identity) and is_root(identity):
        return failed(summary, seen=seen, fixes=[RAISE])
    return unknown(summary, seen=seen, fixes=[ASK_AS_ROOT])


def _limit(identity: Identity | NoAnswer) -> str:
    if isinstance(identity, NoAnswer):
        return "a limit that is not known"
    soft, hard = (f"{each >> 10} KiB" if each >= 0 else "no limit" for each in identity.memlock)
    return f"soft limit {soft}, hard limit {hard}"


def _why(raising: Attempt | NoAnswer) -> str:
    return raising.reason if isinstance(raising, NoAnswer) else raising.error
