"""The maps that programs have for their variables, and to hand their events to user space."""

from __future__ import annotations

from bpfdoctor.api import ByHand, Context, Evidence, Finding, Status
from bpfdoctor.api import check, passed
from bpfdoctor.api import bpf

RING_BUFFER = 256 * 1024
"""Bytes: what libbpf-bootstrap's programs ask for."""


@check(
    "kernel.maps",
    title="BPF maps",
    requires=("runtime.memlock",),
    excused_by=("runtime.privileges",),
)
def kernel_maps(context: Context) -> Finding:
    """Whether a map can be made: an array of one number (Linux 3.19, commit 28fbcfa08d8e).

    All that programs keep, their global variables too, they keep in maps.
    """
    what = "making an array of one element"
    return bpf.probed(context, bpf.CreateMap("array", 4, 4, 1), what, fixes=[bpf.KERNEL_WITH_BPF])


@check(
    "kernel.global-data",
    title="global variables of BPF programs",
    requires=("kernel.maps",),
    excused_by=("runtime.privileges", "kernel.program-types[socket_filter]"),
)
def kernel_global_data(context: Context) -> Finding:
    """Whether a program may have global variables: .bss, .data and .rodata.

    libbpf makes an array map of each, whose value a program reaches by its address (Linux 5.2,
    commit d8eca5bbb2be). Programs that print with bpf_printk have .rodata as well, for the text.
    On older kernels libbpf refuses them; a program without any, as `minimal_legacy`, still loads.
    """
    means = {
        "EINVAL": "this kernel has no global data; it came with Linux 5.2",
        "EBADF": "this kernel has no global data; it came with Linux 5.2",
    }
    instead = ByHand("Keep variables in maps, as minimal_legacy does, or boot a kernel of 5.2 on.")
    what = "writing to a global variable"
    return bpf.probed(context, bpf.UseGlobalData(), what, means=means, fixes=[instead])


@check(
    "kernel.ringbuf",
    title="BPF ring buffer",
    requires=("kernel.maps", "runtime.memlock-room"),
    excused_by=("runtime.privileges",),
)
def kernel_ringbuf(context: Context) -> Finding:
    """Whether a ring buffer of 256 KiB can be made, by which programs hand events to user space.

    It came with Linux 5.8, and with it the helpers that put events into it (commit 457f44363a88).
    On older kernels use the perf event array, as `bootstrap_legacy` does.
    """
    since = bpf.MAP_TYPES["ringbuf"].since
    means = {"EINVAL": f"this kernel has no ring buffer; it came with Linux {since}"}
    instead = ByHand(f"Use a perf event array (bootstrap_legacy), or a kernel of {since} or later.")
    made = bpf.CreateMap("ringbuf", 0, 0, RING_BUFFER)
    what = f"making a ring buffer of {RING_BUFFER >> 10} KiB"
    return bpf.probed(context, made, what, means=means, fixes=[instead])


@check(
    "kernel.perf-buffer",
    title="perf event array",
    requires=(
        "kernel.program-types[tracepoint]",
        "kernel.maps",
        "runtime.privileges",
        "runtime.memlock-room",
    ),
)
def kernel_perf_buffer(context: Context) -> Finding:
    """Whether a perf event array can be made, and a program may write to it.

    It is the way from a program to user space before the ring buffer (Linux 4.4, commit
    a43eec304259). To read it, user space opens events: see `runtime.event-privileges`.
    """
    since = bpf.HELPERS["perf_event_output"].since
    means = {"EINVAL": f"this kernel has no bpf_perf_event_output; it came with Linux {since}"}
    newer = ByHand("Boot a kernel built with CONFIG_BPF_EVENTS=y and CONFIG_PERF_EVENTS=y.")
    steps = {
        "making a perf event array": bpf.CreateMap("perf_event_array", 4, 4, 1),
        "bpf_perf_event_output": bpf.Helper("tracepoint", "perf_event_output"),
    }
    seen: list[Evidence] = []
    for what, question in steps.items():
        finding = bpf.probed(context, question, what, means=means, fixes=[newer])
        if finding.status is not Status.PASS:
            return finding
        seen += finding.evidence
    return passed("a perf event array was made, and bpf_perf_event_output is known", seen=seen)
