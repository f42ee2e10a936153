"""What this process is shut into: a container, a seccomp filter, SELinux."""

from __future__ import annotations

from bpfdoctor.api import ByHand, Context, Finding, NoAnswer
from bpfdoctor.api import check, evidence, passed, unknown, warned
from bpfdoctor.api import bpf, files, kernel, machine, privilege

SELINUX_MAGIC = 0xF97CFF8C

GVISOR = "#1 SMP Sun Jan 10 15:06:54 PST 2016"
"""The version that gVisor's own kernel gives itself (pkg/sentry/syscalls/linux), whatever release:
4.4.0, and 4.19.0-gvisor of late."""

ADVICE = {
    "gVisor": "gVisor is a kernel of its own without bpf(2): run on the host, or with runc.",
    "WSL2": "The kernel is Windows' to change: wsl --update, or kernel= in .wslconfig.",
    "chroot": "Mount /sys, /proc and tracefs in the chroot; the kernel is the one outside.",
    "rootless Podman": "Its root is not the host's: use sudo podman run --privileged.",
    "a user namespace": "Its root is not the host's: run outside of it, with sudo.",
    "Kubernetes": (
        "In the pod: securityContext.privileged: true (or capabilities BPF, PERFMON and "
        "SYS_RESOURCE), hostPID: true, hostPath volumes of /sys/kernel/tracing and /sys/kernel/btf."
    ),
}
HOST = (
    "The kernel, its modules, sysctls, tracefs and BTF are the host's to change. docker run: "
    "--cap-add BPF --cap-add PERFMON --cap-add SYS_RESOURCE, --pid=host for programs that filter "
    "by PID, -v /sys/kernel/tracing:/sys/kernel/tracing; or --privileged for all of it."
)


@check("runtime.container", title="container or sandbox")
def runtime_container(context: Context) -> Finding:
    """Whether this process is in a container, a chroot or on another system's kernel.

    Nothing is refused for that alone: what is missing says so itself. But what is the host's to
    change (kernel, modules, sysctls, what is mounted over /sys) cannot be changed from in here,
    and a warning names the container and what to ask of its host.

    Marks that images carry along (/.dockerenv) count only where a PID namespace or an overlay
    root bears them out.
    """
    question = machine.AskContainer()
    marks, identity, running = (
        context.ask(question),
        context.ask(machine.AskIdentity()),
        context.ask(kernel.AskKernel()),
    )
    seen = [evidence(question, marks), evidence(machine.AskIdentity(), identity)]
    if not isinstance(marks, machine.Marks) or not isinstance(identity, machine.Identity):
        look = ByHand("systemd-detect-virt --container")
        return unknown("what this process is shut into is not known", seen=seen, fixes=[look])
    found = _sandbox(marks, identity, running)
    if found:
        return warned(found, seen=seen, fixes=[ByHand(ADVICE.get(found, HOST))])
    if not identity.pid_namespace or not identity.user_namespace:
        look = ByHand("ls -l /proc/self/ns, and systemd-detect-virt --container")
        return unknown("the namespaces cannot be read", seen=seen, fixes=[look])
    stale = [path for path in marks.files if path == "/.dockerenv"]
    note = f" ({stale[0]} is left from an image)" if stale else ""
    return passed(f"none: initial PID and user namespaces{note}", seen=seen)


def _sandbox(
    marks: machine.Marks, identity: machine.Identity, running: kernel.Kernel | NoAnswer
) -> str:
    """What it is shut into, in a word; empty for nothing. The tightest first."""
    if isinstance(running, kernel.Kernel) and (
        running.version == GVISOR or "gvisor" in running.release
    ):
        return "gVisor"
    home = privilege.in_initial_namespace(identity)
    processes = privilege.in_pid_namespace(identity)
    layered = marks.root_type in ("overlay", "fuse.overlayfs")
    manager = _manager(marks) if layered or processes else ""
    if manager:
        return manager if home or manager != "Podman" else "rootless Podman"
    if isinstance(running, kernel.Kernel) and "microsoft" in running.release.lower():
        return "WSL2"
    if processes or not home:
        return "a PID namespace" if home else "a user namespace"
    return "chroot" if marks.chroot else ""


def _manager(marks: machine.Marks) -> str:
    """The container manager that left its marks."""
    if "KUBERNETES_SERVICE_HOST" in marks.variables or any("kubernetes" in p for p in marks.files):
        return "Kubernetes"
    named = marks.files.get("/run/systemd/container") or marks.variables.get("container", "")
    if "/run/.containerenv" in marks.files or named == "podman":
        return "Podman"
    if "/.dockerenv" in marks.files or named == "docker":
        return "Docker"
    return {"lxc": "LXC", "lxc-libvirt": "LXC"}.get(named, named)


@check("runtime.seccomp", title="seccomp")
def runtime_seccomp(context: Context) -> Finding:
    """Whether a seccomp filter is on this process, and whether it lets bpf(2) through.

    A filter answers system calls in the kernel's place, most often EPERM, also to root. Docker's
    lets bpf(2) through where the container has CAP_BPF or CAP_SYS_ADMIN; systemd's
    SystemCallFilter= and browsers' sandboxes do not. It can only be lifted where it was put on.
    """
    identity, question = context.ask(machine.AskIdentity()), bpf.AskBpf()
    answer = context.ask(question)
    seen = [evidence(machine.AskIdentity(), identity), evidence(question, answer)]
    if not isinstance(identity, machine.Identity):
        look = ByHand("grep Seccomp: /proc/self/status")
        return unknown("whether there is a filter is not shown", seen=seen, fixes=[look])
    if not identity.seccomp:
        return passed(
            "no filter" if identity.seccomp == 0 else "this kernel has no seccomp", seen=seen
        )
    through = isinstance(answer, bpf.Attempt) and answer.error in ("", "E2BIG", "EINVAL")
    if through:
        return passed("a filter, which lets bpf(2) through", seen=seen)
    lift = ByHand("Start it with --security-opt seccomp=unconfined, or without SystemCallFilter=.")
    return warned("a filter, which may refuse bpf(2)", seen=seen, fixes=[lift])


@check("runtime.selinux", title="SELinux", requires=("runtime.sysfs",))
def runtime_selinux(context: Context) -> Finding:
    """Whether SELinux is enforcing, and in which context this process runs.

    Since Linux 4.15 (commit ec27c3568a34) it judges bpf(2): map_create, prog_load and others are
    permissions of the class `bpf`. An unconfined user has them; a container's domain has not.
    `ausearch -m avc -ts recent` shows what was refused.
    """
    place = files.AskFileSystem("/sys/fs/selinux")
    system = context.ask(place)
    if (isinstance(system, files.FileSystem) and system.magic != SELINUX_MAGIC) or (
        isinstance(system, NoAnswer) and system.absent
    ):
        return passed("not active", seen=[evidence(place, system)])
    enforce, label = files.Read("/sys/fs/selinux/enforce"), files.Read("/proc/self/attr/current")
    mode, context_of = context.ask(enforce), context.ask(label)
    seen = [evidence(place, system), evidence(enforce, mode), evidence(label, context_of)]
    known = isinstance(mode, files.Text) and mode.text.strip() in ("0", "1")
    if not isinstance(system, files.FileSystem) or not isinstance(mode, files.Text) or not known:
        look = ByHand("getenforce; id -Z")
        return unknown("whether SELinux is enforcing is not shown", seen=seen, fixes=[look])
    domain = context_of.text.strip("\0\n ") if isinstance(context_of, files.Text) else "?"
    if mode.text.strip() == "0":
        return passed(f"permissive, {domain}", seen=seen)
    if ":unconfined_t:" in domain or ":spc_t:" in domain:
        return passed(f"enforcing, {domain}", seen=seen)
    advice = ByHand("See ausearch -m avc -ts recent; in a container: --security-opt label=disable.")
    return warned(f"enforcing, {domain}: it may refuse bpf(2)", seen=seen, fixes=[advice])
