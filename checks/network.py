"""Programs in the network: socket filters, and classifiers of traffic control."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bpfdoctor.api import ByHand, Context, Finding
from bpfdoctor.api import check, evidence, passed, unknown
from bpfdoctor.api import bpf, kernel

MODULES = ("sch_ingress", "cls_bpf")


@check(
    "kernel.socket-filter",
    title="BPF socket filters",
    requires=("kernel.program-types[socket_filter]",),
)
def kernel_socket_filter(context: Context) -> Finding:
    """Whether a filter attaches to a raw packet socket (Linux 3.19, commit 89aa075832b0).

    The socket receives nothing. It takes CAP_NET_RAW, and CONFIG_PACKET in the kernel.
    """
    means = {
        "EAFNOSUPPORT": "this kernel has no packet sockets, CONFIG_PACKET is off",
    }
    fix = ByHand("In a container: docker run --cap-add NET_RAW; else a kernel with CONFIG_PACKET.")
    what = "attaching a socket filter"
    return bpf.probed(context, bpf.AttachSocketFilter(), what, means=means, fixes=[fix])


@check(
    "kernel.classifiers",
    title="BPF classifiers load",
    requires=("kernel.program-types[sched_cls]",),
)
def kernel_classifiers(context: Context) -> Finding:
    """Whether a classifier of traffic control may be loaded: what kernel.program-types says of it.

    Programs that change packets take CAP_NET_ADMIN beside CAP_BPF and CAP_PERFMON (Linux 5.8,
    commit 2c78ee898d8f): a user who may load tracing programs may be refused these.
    """
    means = {"EINVAL": "this kernel knows no such programs, CONFIG_NET is off"}
    fix = ByHand("In a container: docker run --cap-add NET_ADMIN; else a kernel with CONFIG_NET.")
    what = "loading a classifier"
    return bpf.probed(context, bpf.LoadProgram("sched_cls"), what, means=means, fixes=[fix])


@check(
    "kernel.tc",
    title="BPF classifiers of tc",
    requires=("kernel.program-types[sched_cls]",),
)
def kernel_tc(context: Context) -> Finding:
    """Whether a classifier can be put on the ingress of an interface, as `tc` and libbpf do.

    Where sch_ingress and cls_bpf are modules that are not loaded yet, and will be, it is not tried,
    for trying would load them; the kernel does so when a program first needs them. Else it is tried
    for real, on the lo of a network namespace of its own: as where a module's file is gone, where
    kernel.modules_disabled is 1 or kernel.modprobe is empty, or where modprobe.d keeps it out. The
    qdisc clsact came with Linux 4.5 (commit 1f211a1b929c).
    """
    question = kernel.Loadable(MODULES)
    modules = context.ask(question)
    if not isinstance(modules, kernel.Modules):
        return _attached(context, ())
    seen = [evidence(question, modules)]
    if modules.doubtful:
        summary = f"not known whether the kernel would load it: {_reasons(modules.doubtful)}"
        return unknown(summary, seen=seen, fixes=[_by_hand(modules)])
    if modules.loadable and not modules.lacking and not modules.kept_out:
        names = " and ".join(modules.loadable)
        return passed(f"the kernel will load {names} when a program needs it", seen=seen)
    found = _attached(context, modules.kept_out)
    return msgspec.structs.replace(found, evidence=(*seen, *found.evidence))


def _attached(context: Context, kept_out: Sequence[tuple[str, str]]) -> Finding:
    """The finding on a classifier that is really attached; `kept_out` is why a module is not."""
    lacks = "this kernel has neither CONFIG_NET_SCH_INGRESS nor its module, or no cls_bpf"
    means = {
        "ENOENT": _reasons(kept_out) or lacks,
        "EOPNOTSUPP": "this kernel has no traffic control",
    }
    boot = ByHand(
        "Boot a kernel built with CONFIG_NET_SCH_INGRESS and CONFIG_NET_CLS_BPF (y or m)."
    )
    names = ", ".join(name for name, _ in kept_out)
    load = ByHand(
        f"Take away what keeps {names} out (kernel.modprobe, modprobe.d, the kernel's command "
        "line). Until the next boot, as root: insmod $(modinfo -n NAME), for each of them."
    )
    what = "attaching a classifier to lo of an own network namespace"
    fixes = [load if kept_out else boot]
    return bpf.probed(context, bpf.AttachClassifier(), what, means=means, fixes=fixes)


def _reasons(words: Sequence[tuple[str, str]]) -> str:
    return "; ".join(f"{name}: {reason}" for name, reason in words)


def _by_hand(modules: kernel.Modules) -> ByHand:
    names = " ".join(name for name, _ in modules.doubtful)
    return ByHand(f"As root: modprobe -a {names}; then ask again")
