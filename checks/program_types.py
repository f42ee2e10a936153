"""Whether the kernel loads programs of each type that the project has."""

from __future__ import annotations

from collections.abc import Iterator

from bpfdoctor.api import ByHand, Context, Finding, Status
from bpfdoctor.api import blocked, check
from bpfdoctor.api import bpf

PLAINEST = "socket_filter"
"""The type that every kernel with bpf(2) and a network has (Linux 3.19, commit 89aa075832b0)."""

RESTED_ON = (PLAINEST, "sched_cls")
"""Types of which other checks want to know, whatever the project has."""

NETWORK = (
    "sched_cls", "sched_act", "xdp", "cgroup_skb", "lwt_in", "lwt_out", "lwt_xmit", "lwt_seg6local",
    "sk_skb", "sk_msg", "sock_ops", "flow_dissector", "cgroup_device", "cgroup_sock",
    "cgroup_sock_addr", "cgroup_sockopt", "cgroup_sysctl", "netfilter",
)  # fmt: skip
"""Those for which the kernel asks for CAP_NET_ADMIN beside CAP_BPF (is_net_admin_prog_type of
kernel/bpf/syscall.c; Linux 5.8, commit 2c78ee898d8f)."""


@check(
    "kernel.program-types",
    title="types of BPF programs",
    requires=("kernel.bpf-syscall",),
    excused_by=("runtime.privileges",),
)
def kernel_program_types(context: Context) -> Iterator[Finding]:
    """Whether the kernel loads a program of each type that the project's programs are of.

    The least program of the type is loaded, for a moment, and attached to nothing. The types are
    named as in linux/bpf.h. What the kernel asks of the one who loads differs: CAP_BPF alone for a
    socket filter, CAP_NET_ADMIN with it for what changes packets, CAP_PERFMON with it for tracing
    (Linux 5.8); CAP_SYS_ADMIN for all of them.

    EINVAL with nothing in the verifier's log is a type that this kernel does not know: an older
    release, or built without it (CONFIG_BPF_EVENTS for tracing, CONFIG_NET for the network). What
    is refused as a socket filter is, by the same errno, is refused because nothing loads at all.
    """
    named = context.project.abouts("kernel.program-types")
    for kind in dict.fromkeys((*RESTED_ON, *named)):
        finding = _judged(context, kind)
        if kind != PLAINEST and finding.status is Status.FAIL and _like_the_plainest(context, kind):
            by = [f"kernel.program-types[{PLAINEST}]"]
            finding = blocked(f"{finding.summary}, as any program is", by=by, about=kind)
        yield finding


def _like_the_plainest(context: Context, kind: str) -> bool:
    said, plainest = context.ask(bpf.LoadProgram(kind)), context.ask(bpf.LoadProgram(PLAINEST))
    answered = isinstance(said, bpf.Attempt) and isinstance(plainest, bpf.Attempt)
    return answered and said == plainest


def _judged(context: Context, kind: str) -> Finding:
    means = {"EINVAL": "this kernel knows no such programs"}
    fixes = [ByHand("Boot a newer kernel, or one built with CONFIG_BPF_EVENTS and CONFIG_NET.")]
    if kind in NETWORK:
        fixes.insert(0, ByHand("In a container: docker run --cap-add NET_ADMIN."))
    what = f"loading a program of type {kind}"
    return bpf.probed(context, bpf.LoadProgram(kind), what, about=kind, means=means, fixes=fixes)
