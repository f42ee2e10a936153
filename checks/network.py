"""Programs in the network: socket filters, and classifiers of traffic control."""

from __future__ import annotations

from bpfdoctor.api import ByHand, Context, Finding
from bpfdoctor.api import check, evidence, passed
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

    Where sch_ingress and cls_bpf are modules that are not loaded yet, and may be, it is not tried,
    for trying would load them; the kernel does so when a program first needs them. Else, as where a
    module's file is gone or kernel.modules_disabled is 1, it is tried for real, on the lo of a
    network namespace of its own. The qdisc clsact came with Linux 4.5 (commit 1f211a1b929c).
    """
    question = kernel.Loadable(MODULES)
    modules = context.ask(question)
    if isinstance(modules, kernel.Modules) and modules.loadable and not modules.lacking:
        names = " and ".join(modules.loadable)
        seen = [evidence(question, modules)]
        return passed(f"the kernel will load {names} when a program needs it", seen=seen)
    means = {
        "ENOENT": "this kernel has neither CONFIG_NET_SCH_INGRESS nor its module, or no cls_bpf",
        "EOPNOTSUPP": "this kernel has no traffic control",
    }
    fix = ByHand("Boot a kernel built with CONFIG_NET_SCH_INGRESS and CONFIG_NET_CLS_BPF (y or m).")
    what = "attaching a classifier to lo of an own network namespace"
    return bpf.probed(context, bpf.AttachClassifier(), what, means=means, fixes=[fix])
