"""BPF programs as a security module."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bpfdoctor.api import ASK_AS_ROOT, ByHand, Context, Evidence, Finding, NoAnswer, Status
from bpfdoctor.api import blocked, check, evidence, failed, passed, unknown
from bpfdoctor.api import bpf, files, kernel, machine, privilege

# From bpf(2) itself, and not from the verifier, whose log is then empty:
# EINVAL at BPF_PROG_LOAD: it knows no such type (find_prog_type; Linux 3.18, commit 09756af46893);
# ENOTSUPP (524) when attaching: the architecture has no arch_prepare_bpf_trampoline of its own;
# EBUSY when attaching: not the instruction that a function tracer leaves at a function's start
# (both Linux 5.5, commits fec56f5890d9 and 5964b2000f28).
MEANS = {
    "EBUSY": "the function tracer of this kernel leaves no room at the hook's start",
    "ENOENT": "this kernel has no LSM hooks for BPF, CONFIG_BPF_LSM is off",
    "EINVAL": "this kernel knows no LSM programs, CONFIG_BPF_LSM is off",
    "E2BIG": f"this kernel is older than LSM programs, Linux {bpf.PROGRAM_TYPES['lsm'].since}",
    "ENOTSUPP": "this kernel cannot attach them on this architecture; arm64 can from 6.4",
}

PLAIN_LIST = re.compile(r"[a-z0-9_,]+")
"""The names of security modules, as the kernel prints them."""


@check(
    "kernel.lsm",
    title="BPF LSM programs",
    requires=("runtime.privileges", "kernel.btf"),
    excused_by=("kernel.program-types[socket_filter]", "kernel.maps"),
)
def kernel_lsm(context: Context) -> Iterator[Finding]:
    """Whether an LSM program loads, and attaches (Linux 5.7, commit 9d3fdea789c8; arm64 6.4).

    Tried on the hook of bpf(2), with a program that allows everything and counts one call of our
    own. The kernel needs CONFIG_BPF_LSM, its BTF and the JIT. Whether it is called as well is
    for kernel.lsm-active to say.
    """
    answer, identity = context.ask(bpf.FireLsm()), context.ask(machine.AskIdentity())
    if isinstance(answer, NoAnswer) and kernel.untried(context, "lsm"):
        yield from _loaded_alone(context)
        return
    active = context.ask(kernel.SecurityFile("lsm"))
    seen = [evidence(bpf.FireLsm(), answer), evidence(kernel.SecurityFile("lsm"), active)]
    if isinstance(answer, NoAnswer) or not answer.attached.loaded:
        yield _judged(answer, identity, active, seen, "load")
        by = ["kernel.lsm[load]"]
        yield blocked("what does not load, nobody attaches", by=by, about="attach")
        return
    yield passed("a program for the hook of bpf(2) was loaded", about="load", seen=seen)
    if not answer.attached.worked and kernel.silenced(context, "lsm"):
        by = ["kernel.function-tracer"]
        yield blocked("it does not attach while the tracer is off", by=by, about="attach")
        return
    yield _judged(answer, identity, active, seen, "attach")


def _loaded_alone(context: Context) -> Iterator[Finding]:
    """While the function tracer is off: what attaches then stays silent, and may break it."""
    what = "loading a program for the hook of bpf(2)"
    loaded = bpf.probed(context, bpf.LoadLsm("bpf"), what, about="load", means=MEANS)
    yield loaded
    if loaded.status is Status.PASS:
        summary = "not tried while the function tracer is off: it would attach, and stay silent"
        yield passed(summary, about="attach", seen=loaded.evidence)
    else:
        by = ["kernel.lsm[load]"]
        yield blocked("what does not load, nobody attaches", by=by, about="attach")


@check("kernel.lsm-active", title="BPF LSM programs are called", requires=("kernel.lsm",))
def kernel_lsm_active(context: Context) -> Finding:
    """Whether the kernel calls an LSM program that is attached.

    Attaching proves little: without `bpf` among the active modules (/sys/kernel/security/lsm) a
    program may attach and never be called, as on Debian's 5.10; on its 6.1 `bpf` is among them.
    Boot with `lsm=` and the list with `,bpf` at its end.
    """
    answer, active = context.ask(bpf.FireLsm()), context.ask(kernel.SecurityFile("lsm"))
    seen = [evidence(bpf.FireLsm(), answer), evidence(kernel.SecurityFile("lsm"), active)]
    if not (isinstance(answer, bpf.LsmFired) and answer.hits) and kernel.silenced(context, "lsm"):
        return blocked("the function tracer is off", by=["kernel.function-tracer"])
    if isinstance(answer, NoAnswer) or answer.hits is None:
        return unknown("no LSM program was attached", seen=seen, fixes=[ASK_AS_ROOT])
    if answer.hits:
        return passed("a program on the hook of bpf(2) was called", seen=seen)
    summary = f"a program attaches to the hook of bpf(2) and is never called{_inactive(active)}"
    return failed(summary, seen=seen, fixes=[_add_bpf(active)])


def _judged(
    answer: bpf.LsmFired | NoAnswer,
    identity: machine.Identity | NoAnswer,
    active: files.Text | NoAnswer,
    seen: list[Evidence],
    about: str,
) -> Finding:
    """How far it came, in the stage that decides."""
    if isinstance(answer, NoAnswer):
        summary = f"an LSM program was not tried: {answer.shown()}"
        return unknown(summary, about=about, seen=seen, fixes=[ASK_AS_ROOT])
    said = answer.attached
    if said.worked:
        return passed("a program was attached to the hook of bpf(2)", about=about, seen=seen)
    meaning = MEANS.get(said.error, "")
    summary = f"an LSM program: {said.call}: {said.error}{meaning and f' ({meaning})'}"
    seen = [*seen, evidence(machine.AskIdentity(), identity)]
    if privilege.status_of(said, identity) is Status.UNKNOWN:
        return unknown(summary, about=about, seen=seen, fixes=[ASK_AS_ROOT])
    if isinstance(identity, machine.Identity):
        seen += [Evidence("what may be behind it", text) for text in privilege.hindrances(identity)]
    inactive = _inactive(active)
    fixes = [_add_bpf(active)] if inactive else []
    return failed(f"{summary}{inactive}", about=about, seen=seen, fixes=fixes)


def _inactive(active: files.Text | NoAnswer) -> str:
    """That `bpf` is not among the active modules, where they can be read."""
    if isinstance(active, NoAnswer) or "bpf" in active.text.strip().split(","):
        return ""
    return f"; bpf is not among the active modules ({active.text.strip()})"


def _add_bpf(active: files.Text | NoAnswer) -> ByHand:
    """The list that is active now with `bpf` at its end, where it can be read."""
    text = "Add bpf to the active modules: boot with lsm= and the list of /sys/kernel/security/lsm "
    listed = active.text.strip() if isinstance(active, files.Text) else ""
    plain = PLAIN_LIST.fullmatch(listed) is not None and "bpf" not in listed.split(",")
    return ByHand(f"{text}with `,bpf` at its end.", boot_with=f"lsm={listed},bpf" if plain else "")
