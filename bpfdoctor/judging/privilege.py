"""What an asker may do, from what it is to the kernel: words for `Identity`, no I/O."""

from __future__ import annotations

from bpfdoctor.host.bpf.call_names import BPF_COMMANDS
from bpfdoctor.host.bpf.calls import Attempt
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.system.facts import (
    INITIAL_PID_NAMESPACE,
    INITIAL_USER_NAMESPACE,
    Identity,
)
from bpfdoctor.model import Status

REFUSED = ("EPERM", "EACCES")
"""What the kernel says for want of privilege, and for other reasons too."""

PASSING = ("EAGAIN", "EINTR", "EMFILE", "ENFILE", "ENOMEM")
"""What says nothing about the kernel, only about this moment."""

CAP_SYS_ADMIN, CAP_SYS_RESOURCE, CAP_PERFMON, CAP_BPF = 21, 24, 38, 39
"""linux/capability.h. CAP_PERFMON and CAP_BPF are of Linux 5.8 (980737282232, a17b53c4a4b5)."""

NAMES = {21: "CAP_SYS_ADMIN", 24: "CAP_SYS_RESOURCE", 38: "CAP_PERFMON", 39: "CAP_BPF"}

SECCOMP_FILTER = 2
"""SECCOMP_MODE_FILTER: a filter may answer system calls in the kernel's place."""


def holds(identity: Identity, capability: int) -> bool:
    """It is in the effective set; what the bounding set would allow counts for nothing."""
    return bool(identity.capabilities >> capability & 1)


def in_initial_namespace(identity: Identity) -> bool:
    """Where capabilities count for bpf(2). A namespace that could not be read passes for it."""
    return identity.user_namespace in (0, INITIAL_USER_NAMESPACE)


def in_pid_namespace(identity: Identity) -> bool:
    """In another PID namespace than the machine's own. One that cannot be read passes for that."""
    return identity.pid_namespace not in (0, INITIAL_PID_NAMESPACE)


def is_root(identity: Identity) -> bool:
    """Effective root: what the kernel refuses it, no `sudo` opens."""
    return identity.euid == 0


Right = tuple[tuple[int, ...], ...]
"""What lets an asker do a thing: any of these sets of capabilities."""

LOADING: Right = ((CAP_BPF, CAP_PERFMON), (CAP_SYS_ADMIN,))
"""To load tracing programs."""

MOST_PARANOID = 2
"""The highest perf_event_paranoid of the kernel itself."""


def opening_events(paranoid: int | None) -> Right:
    """What opens events for every process, for a value of perf_event_paranoid.

    Above 2 the patch of Debian and Ubuntu ("security,perf: Allow further restriction of
    perf_event_open") asks for CAP_SYS_ADMIN; other kernels take it for 2.
    """
    if paranoid is not None and paranoid > MOST_PARANOID:
        return ((CAP_SYS_ADMIN,),)
    return ((CAP_PERFMON,), (CAP_SYS_ADMIN,))


def may(identity: Identity, right: Right) -> bool:
    """It has what the kernel asks for, where that counts."""
    enough = any(all(holds(identity, each) for each in one) for one in right)
    return in_initial_namespace(identity) and enough


def may_load(identity: Identity) -> bool:
    """It has what the kernel asks of one who loads tracing programs."""
    return may(identity, LOADING)


def may_list_btf(identity: Identity) -> bool:
    """It may ask for the BTF of the kernel's modules (BPF_BTF_GET_NEXT_ID, Linux 5.4)."""
    return in_initial_namespace(identity) and holds(identity, CAP_SYS_ADMIN)


def lacking(identity: Identity, right: Right = LOADING) -> str:
    """The capabilities that would do and are not in the effective set, by name."""
    wanted = (each for one in right for each in one)
    return ", ".join(NAMES[each] for each in wanted if not holds(identity, each))


def hindrances(identity: Identity, right: Right = LOADING) -> list[str]:
    """What may be behind an EPERM or EACCES: facts of the asker, for evidence; none is proven."""
    found: list[str] = []
    if not in_initial_namespace(identity):
        found.append(
            f"this is not the initial user namespace ({identity.user_namespace}, not "
            f"{INITIAL_USER_NAMESPACE}), so that its capabilities open nothing of the kernel's"
        )
    elif not may(identity, right):
        found.append(f"not in the effective set: {lacking(identity, right)}")
    if identity.seccomp == SECCOMP_FILTER:
        found.append("a seccomp filter is on this process, and may answer in the kernel's place")
    return found


def passing(said: Attempt) -> bool:
    """It was refused for something of this moment.

    EBUSY is that of an event alone, which another has to itself. bpf(2) says it of a function that
    is not prepared for a trampoline, and says it again each time: there is no tracer to have put a
    call at its start (bpf_arch_text_poke; Linux 5.5, commit 5964b2000f28).
    """
    busy = said.error == "EBUSY" and said.known_call not in BPF_COMMANDS
    return busy or said.error in PASSING


def status_of(answer: Attempt | NoAnswer, identity: Identity | NoAnswer) -> Status:
    """What a probe's answer proves: `pass`, `fail`, or nothing (`unknown`).

    A refusal for want of privilege proves nothing, unless an effective root is refused.
    """
    if isinstance(answer, NoAnswer) or passing(answer):
        return Status.UNKNOWN
    if answer.worked:
        return Status.PASS
    root = isinstance(identity, Identity) and is_root(identity)
    return Status.UNKNOWN if answer.error in REFUSED and not root else Status.FAIL
