"""Where programs run: tracefs, the PID namespace, room on disk."""

from __future__ import annotations

from bpfdoctor.api import (
    AskEnvironment,
    AskFileSystem,
    AskIdentity,
    AskSpace,
    AskTracefs,
    ByHand,
    Context,
    Evidence,
    FileSystem,
    Finding,
    Fix,
    Identity,
    Run,
    Space,
    Tracefs,
    TracePlace,
    Variables,
    blocked,
    check,
    evidence,
    failed,
    passed,
    unknown,
    warned,
)

SYSFS_MAGIC = 0x62656572
INITIAL_PID_NAMESPACE = 0xEFFFFFFC
"""PROC_PID_INIT_INO in include/uapi/linux/nsfs.h (include/linux/proc_ns.h before Linux 6.17)."""
INITIAL_USER_NAMESPACE = 0xEFFFFFFD
CAP_SYS_ADMIN = 1 << 21


@check("runtime.sysfs", title="sysfs at /sys")
def runtime_sysfs(context: Context) -> Finding:
    """Whether sysfs is mounted at /sys, by its superblock magic.

    The kernel's BTF and tracefs are found below it. A chroot often lacks it: mount it there, or
    run from outside.
    """
    question = AskFileSystem("/sys")
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    mount = Run(
        ("mount", "-t", "sysfs", "sysfs", "/sys"),
        privileged=True,
        undo=("umount", "/sys"),
        text="A chroot has none of its own: mount it in each one that is to run BPF programs.",
    )
    if not isinstance(answer, FileSystem):
        if answer.absent:
            return failed("there is no /sys", seen=seen, fixes=[mount])
        return unknown(f"/sys: {answer.reason}", seen=seen, fixes=[ByHand("As root: stat -f /sys")])
    if answer.magic != SYSFS_MAGIC:
        return failed(f"/sys is not sysfs ({answer.shown()})", seen=seen, fixes=[mount])
    return passed("mounted", seen=seen)


@check("runtime.tracefs", title="tracefs", requires=("runtime.sysfs",))
def runtime_tracefs(context: Context) -> Finding:
    """Whether tracefs is really mounted, at either of its places, and readable.

    Without it no tracepoint can be attached to: libbpf reads their ids there, and what programs
    print with bpf_printk is read there. Kprobes, uprobes, fentry, LSM programs, iterators, tc and
    socket filters do not need it. The directory /sys/kernel/tracing exists (Linux 4.1, commit
    f76180bc07e0) whether or not tracefs is mounted on it, so the file system itself is asked.

    Mount it with `mount -t tracefs tracefs /sys/kernel/tracing`; a line in /etc/fstab makes it
    last. In a container, the host's can be passed in.
    """
    question = AskTracefs()
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    if not isinstance(answer, Tracefs):
        look = ByHand("As root: stat -f -c %T /sys/kernel/tracing /sys/kernel/debug/tracing")
        return unknown(f"tracefs: {answer.reason}", seen=seen, fixes=[look])
    mounted = [place for place in answer.places if place.mounted]
    readable = [place.path for place in mounted if not place.events]
    if readable:
        return passed(f"mounted and readable at {' and '.join(readable)}", seen=seen)
    if mounted:
        return _refused(context, mounted[0], seen)
    return _not_mounted(context, answer, seen)


def _refused(context: Context, place: TracePlace, seen: list[Evidence]) -> Finding:
    """Mounted, and closed to this user: for want of privilege, unless root itself is refused."""
    identity = context.ask(AskIdentity())
    summary = f"mounted at {place.path}, but this user may not read it: {place.events}"
    if not isinstance(identity, Identity) or identity.euid != 0:
        return unknown(summary, seen=seen, fixes=[ByHand(f"As root: ls {place.path}/events")])
    seen = [*seen, evidence(AskIdentity(), identity)]
    if identity.user_namespace not in (0, INITIAL_USER_NAMESPACE):
        why = "root of a user namespace is not root of the host's tracefs"
        return blocked(f"{summary}; {why}", by=["runtime.privileges"])
    summary = f"mounted at {place.path}, but root is refused: {place.events}"
    hint = "A security module or lockdown refuses it: see dmesg, and runtime.container."
    return failed(summary, seen=seen, fixes=[ByHand(hint)])


def _not_mounted(context: Context, answer: Tracefs, seen: list[Evidence]) -> Finding:
    first, *_ = answer.places
    hidden = [p for p in answer.places if p.refused not in ("", "ENOENT", "ENOTDIR")]
    if hidden and answer.mounts:
        summary = f"{hidden[0].path}: {hidden[0].refused}; {answer.mounts[0]}"
        return unknown(summary, seen=seen, fixes=[ByHand(f"As root: ls {hidden[0].path}/events")])
    if first.refused in ("ENOENT", "ENOTDIR"):
        by_hand = ByHand("Boot a kernel built with CONFIG_FTRACE=y and CONFIG_EVENT_TRACING=y.")
        return failed(f"this kernel has no tracing: no {first.path}", seen=seen, fixes=[by_hand])
    summary = f"tracefs is not mounted at {' or '.join(p.path for p in answer.places)}"
    return failed(summary, seen=seen, fixes=[_mount_tracefs(context, first.path)])


def _mount_tracefs(context: Context, path: str) -> Fix:
    identity = context.ask(AskIdentity())
    if isinstance(identity, Identity) and identity.euid == 0:
        elsewhere = identity.user_namespace not in (0, INITIAL_USER_NAMESPACE)
        if elsewhere or not identity.capabilities & CAP_SYS_ADMIN:
            return ByHand(
                "It cannot be mounted from in here. On the host: mount -t tracefs tracefs "
                f"{path}; then start the container with -v {path}:{path}"
            )
    return Run(
        ("mount", "-t", "tracefs", "tracefs", path),
        privileged=True,
        undo=("umount", path),
        text=f"To make it last, in /etc/fstab: tracefs {path} tracefs defaults 0 0",
    )


@check("runtime.pid-namespace", title="initial PID namespace")
def runtime_pid_namespace(context: Context) -> Finding:
    """Whether this is the machine's own PID namespace, by the inode of /proc/self/ns/pid.

    bpf_get_current_pid_tgid() gives the number of a process in the initial namespace, whatever
    its own namespace calls it. A program that looks for its own number that way (`minimal`) loads
    and attaches in a container or in WSL2, and stays silent. `minimal_ns` asks with
    bpf_get_ns_current_pid_tgid() (Linux 5.7, commit b4490c5c4e02) and works in any namespace.
    """
    question = AskIdentity()
    answer = context.ask(question)
    seen = [evidence(question, answer)]
    number = answer.pid_namespace if isinstance(answer, Identity) else 0
    if not number:
        look = ByHand(f"stat -L -c %i /proc/self/ns/pid, which is {INITIAL_PID_NAMESPACE} at home")
        return unknown("the PID namespace's number cannot be read", seen=seen, fixes=[look])
    if number == INITIAL_PID_NAMESPACE:
        return passed(f"initial ({number})")
    advice = ByHand(
        "Use minimal_ns in place of minimal, or run it on the host (docker: --pid=host)."
    )
    summary = f"in a PID namespace ({number}): a program that filters by its own PID stays silent"
    return failed(summary, seen=seen, fixes=[advice])


@check("runtime.disk", title="room for the build")
def runtime_disk(context: Context) -> Finding | None:
    """Whether there is room for what a build writes, in the scratch directory and in the cache.

    The scratch directory is $TMPDIR or /tmp, the cache $XDG_CACHE_HOME or ~/.cache. Free some
    room, or point the variable to a place that has more.
    """
    build = context.project.kind.build
    if build is None:
        return None
    environment = AskEnvironment(("HOME", "TMPDIR", "XDG_CACHE_HOME"))
    answer = context.ask(environment)
    values = answer.values if isinstance(answer, Variables) else {}
    places = {"TMPDIR": values.get("TMPDIR") or "/tmp"}  # noqa: S108  (the user's own default)
    cache = values.get("XDG_CACHE_HOME") or (values["HOME"] + "/.cache" if "HOME" in values else "")
    if cache:
        places["XDG_CACHE_HOME"] = cache
    return _room(context, places, build.room)


def _room(context: Context, places: dict[str, str], needed: int) -> Finding:
    """The place with the least room decides."""
    answers = {AskSpace(path): context.ask(AskSpace(path)) for path in places.values()}
    seen = [evidence(question, answer) for question, answer in answers.items()]
    free = {q.path: a.free for q, a in answers.items() if isinstance(a, Space)}
    if len(free) < len(answers):
        path = next(q.path for q in answers if q.path not in free)
        return unknown(
            f"how much room {path} has is not known", seen=seen, fixes=[ByHand(f"df {path}")]
        )
    tightest = min(free, key=lambda path: free[path])
    summary = f"{_megabytes(free[tightest])} free at {tightest}; a build takes {_megabytes(needed)}"
    variable = next(name for name, path in places.items() if path == tightest)
    more = [ByHand(f"Free some room at {tightest}, or set {variable} to a place that has it.")]
    if free[tightest] < needed:
        return failed(summary, seen=seen, fixes=more)
    if free[tightest] < 2 * needed:
        return warned(summary, seen=seen, fixes=more)
    return passed(summary)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
