"""The file systems that the kernel shows itself in: sysfs, tracefs, bpffs."""

from __future__ import annotations

from bpfdoctor.api import ByHand, Context, Evidence, Finding, Fix, NoAnswer, Run
from bpfdoctor.api import blocked, check, evidence, failed, passed, unknown
from bpfdoctor.api import files, kernel, machine, privilege

SYSFS_MAGIC = 0x62656572
BPFFS_MAGIC = 0xCAFE4A11
"""Superblock magics of include/uapi/linux/magic.h."""

OLD_PLACE = "/sys/kernel/debug/tracing"
"""Where tracefs is mounted by itself where debugfs is, as it was before Linux 4.1."""


@check("runtime.sysfs", title="sysfs at /sys")
def runtime_sysfs(context: Context) -> Finding:
    """Whether sysfs is mounted at /sys, by its superblock magic.

    The kernel's BTF and tracefs are found below it. A chroot often lacks it: mount it there, or
    run from outside.
    """
    question = files.AskFileSystem("/sys")
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    mount = Run(
        ("mount", "-t", "sysfs", "sysfs", "/sys"),
        privileged=True,
        undo=("umount", "/sys"),
        text="A chroot has none of its own: mount it in each one that is to run BPF programs.",
    )
    if not isinstance(answer, files.FileSystem):
        if answer.absent:
            return failed("there is no /sys", seen=seen, fixes=[mount])
        return unknown(f"/sys: {answer.reason}", seen=seen, fixes=[ByHand("As root: stat -f /sys")])
    if answer.magic != SYSFS_MAGIC:
        return failed(f"/sys is not sysfs ({answer.shown()})", seen=seen, fixes=[mount])
    return passed("mounted", seen=seen)


@check(
    "runtime.tracefs",
    title="tracefs",
    requires=("runtime.sysfs",),
    explained_by=("kernel.lockdown",),
)
def runtime_tracefs(context: Context) -> Finding:
    """Whether tracefs is really mounted, at either of its places, and its tracepoints readable.

    Without it no tracepoint can be attached to: libbpf reads their ids there, and what programs
    print with bpf_printk is read there. Kprobes, uprobes, fentry, LSM programs, iterators, tc and
    socket filters do not need it. The directory /sys/kernel/tracing exists (Linux 4.1, commit
    4282d60689d4) whether or not tracefs is mounted on it, so the file system itself is asked.

    Mount it with `mount -t tracefs tracefs /sys/kernel/tracing`; a line in /etc/fstab makes it
    last. In a container, the host's can be passed in.
    """
    question = kernel.AskTracefs()
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if not isinstance(answer, kernel.Tracefs):
        look = ByHand("As root: stat -f -c %T /sys/kernel/tracing /sys/kernel/debug/tracing")
        return unknown(f"tracefs: {answer.reason}", seen=seen, fixes=[look])
    mounted = [place for place in answer.places if place.mounted]
    if answer.readable:
        return passed(f"mounted and readable at {' and '.join(answer.readable)}", seen=seen)
    if mounted:
        return _refused(context, mounted[0], seen)
    return _not_mounted(context, answer, seen)


@check(
    "runtime.tracefs-debugfs",
    title="tracefs below debugfs",
    requires=("runtime.tracefs",),
    applies=lambda project: "runtime.tracefs-debugfs" in project.all_needs(),
)
def runtime_tracefs_debugfs(context: Context) -> Finding:
    """Whether tracefs is at its old place, /sys/kernel/debug/tracing, too.

    An old libbpf, such as the 0.3 that libbpf-bootstrap's layout of 2020 is built with, reads the
    ids of tracepoints there and nowhere else. It appears where debugfs is mounted:
    `mount -t debugfs debugfs /sys/kernel/debug`.
    """
    question = kernel.AskTracefs(old=True)
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if not isinstance(answer, kernel.Tracefs):
        look = ByHand(f"As root: stat -f -c %T {OLD_PLACE}")
        return unknown(f"tracefs: {answer.reason}", seen=seen, fixes=[look])
    place = next((each for each in answer.places if each.path == OLD_PLACE), None)
    if place is not None and place.mounted and not place.events:
        return passed(f"mounted and readable at {OLD_PLACE}", seen=seen)
    refused = (place.refused or place.events) if place is not None else "not-recorded"
    if refused not in ("", "ENOENT", "ENOTDIR"):
        look = ByHand(f"As root: ls {OLD_PLACE}/events")
        return unknown(f"{OLD_PLACE}: {refused}", seen=seen, fixes=[look])
    fix = _mount(context.ask(machine.AskIdentity()), "debugfs", "debugfs", "/sys/kernel/debug")
    return failed(f"tracefs is not at {OLD_PLACE}", seen=seen, fixes=[fix])


def _refused(context: Context, place: kernel.TracePlace, seen: list[Evidence]) -> Finding:
    """Mounted, and closed to this user: for want of privilege, unless root itself is refused."""
    identity = context.ask(machine.AskIdentity())
    summary = f"mounted at {place.path}, but this user may not read it: {place.events}"
    if not isinstance(identity, machine.Identity) or not privilege.is_root(identity):
        return unknown(
            summary,
            seen=seen,
            fixes=[ByHand(f"As root: cat {place.path}/events/sched/sched_process_exec/id")],
        )
    if place.events not in privilege.REFUSED:
        return unknown(f"mounted at {place.path}: {place.events}", seen=seen)
    seen = [*seen, evidence(machine.AskIdentity(), identity)]
    if not privilege.in_initial_namespace(identity):
        why = "root of a user namespace is not root of the host's tracefs"
        return blocked(f"{summary}; {why}", by=["runtime.privileges"])
    summary = f"mounted at {place.path}, but root is refused: {place.events}"
    hint = "A security module or lockdown refuses it: see dmesg, and runtime.container."
    return failed(summary, seen=seen, fixes=[ByHand(hint)])


def _not_mounted(context: Context, answer: kernel.Tracefs, seen: list[Evidence]) -> Finding:
    first, *_ = answer.places
    hidden = [p for p in answer.places if p.refused not in ("", "ENOENT", "ENOTDIR")]
    if hidden and answer.mounts:
        summary = f"{hidden[0].path}: {hidden[0].refused}; {answer.mounts[0]}"
        return unknown(summary, seen=seen, fixes=[ByHand(f"As root: ls {hidden[0].path}/events")])
    if first.refused in ("ENOENT", "ENOTDIR"):
        by_hand = ByHand("Boot a kernel built with CONFIG_FTRACE=y and CONFIG_EVENT_TRACING=y.")
        return failed(f"this kernel has no tracing: no {first.path}", seen=seen, fixes=[by_hand])
    summary = f"tracefs is not mounted at {' or '.join(p.path for p in answer.places)}"
    fix = _mount(context.ask(machine.AskIdentity()), "tracefs", "tracefs", first.path)
    return failed(summary, seen=seen, fixes=[fix])


def _may_mount(identity: machine.Identity) -> bool:
    return privilege.in_initial_namespace(identity) and privilege.holds(
        identity, privilege.CAP_SYS_ADMIN
    )


def _mount(identity: machine.Identity | NoAnswer, kind: str, source: str, path: str) -> Fix:
    """Mount it, or where that is not for us to do, have it mounted on the host and passed in."""
    if (
        isinstance(identity, machine.Identity)
        and privilege.is_root(identity)
        and not _may_mount(identity)
    ):
        return ByHand(
            f"It cannot be mounted from in here. On the host: mount -t {kind} {source} {path}; "
            f"then start the container with -v {path}:{path}"
        )
    return Run(
        ("mount", "-t", kind, source, path),
        privileged=True,
        undo=("umount", path),
        text=f"To make it last, in /etc/fstab: {source} {path} {kind} defaults 0 0",
    )


@check("runtime.bpffs", title="BPF file system", requires=("runtime.sysfs",))
def runtime_bpffs(context: Context) -> Finding:
    """Whether the BPF file system is mounted at /sys/fs/bpf, by its superblock magic.

    Programs that pin maps, programs or links to share them or to outlive their process need it
    (Linux 4.4, commit b2197755b263). systemd mounts it at boot; containers are often given none.
    """
    question = files.AskFileSystem("/sys/fs/bpf")
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if isinstance(answer, files.FileSystem) and answer.magic == BPFFS_MAGIC:
        return passed("mounted at /sys/fs/bpf", seen=seen)
    if isinstance(answer, files.FileSystem):
        fix = _mount(context.ask(machine.AskIdentity()), "bpf", "bpf", question.path)
        return failed(f"not mounted at {question.path}", seen=seen, fixes=[fix])
    if answer.absent:
        boot = ByHand("Boot a kernel built with CONFIG_BPF_SYSCALL=y.")
        return failed(f"this kernel has no {question.path}", seen=seen, fixes=[boot])
    look = ByHand(f"As root: stat -f {question.path}")
    return unknown(f"{question.path}: {answer.reason}", seen=seen, fixes=[look])
