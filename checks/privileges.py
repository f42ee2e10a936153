"""What the kernel lets this user do with BPF: the system call, and the privilege to use it."""

from __future__ import annotations

from bpfdoctor.api import (
    ASK_AS_ROOT,
    ByHand,
    Context,
    Evidence,
    Finding,
    Fix,
    NoAnswer,
    Question,
    Run,
)
from bpfdoctor.api import check, evidence, failed, passed, unknown
from bpfdoctor.api import bpf, files, machine, privilege

CONTAINER = ByHand(
    "In a container the one who starts it decides. With Docker: docker run --cap-add BPF --cap-add "
    "PERFMON --cap-add SYS_RESOURCE (--cap-add SYS_ADMIN where perf_event_paranoid is above 2 or "
    "the kernel is older than 5.8) and, if the default profile is still in the way, "
    "--security-opt seccomp=unconfined"
)

PARANOID = "/proc/sys/kernel/perf_event_paranoid"
UNPRIVILEGED = "/proc/sys/kernel/unprivileged_bpf_disabled"

SECCOMP_FILTER = 2


@check("kernel.bpf-syscall", title="the bpf(2) system call")
def kernel_bpf_syscall(context: Context) -> Finding:
    """Whether bpf(2) answers at all. Everything else that loads a program rests on it.

    It is asked for something that it must refuse by itself (E2BIG: an argument of impossible size).
    ENOSYS means that the kernel was built without CONFIG_BPF_SYSCALL, or that a filter plays dead.
    EPERM comes from a seccomp filter, such as that of Docker's default profile, or from bpf(2)
    itself: until Linux 5.19 it asked for privilege first where `unprivileged_bpf_disabled` is set.
    Without a filter on this process, any answer but ENOSYS proves that the call is there.

    Against a filter: start the container with the capabilities BPF and PERFMON, which Docker's
    profile takes as leave to call bpf(2), or with `--security-opt seccomp=unconfined`.
    """
    question = bpf.AskBpf()
    answer = context.ask(question)
    identity = context.ask(machine.AskIdentity())
    seen = [evidence(question, answer), evidence(machine.AskIdentity(), identity)]
    if isinstance(answer, NoAnswer):
        return unknown(f"bpf(2) was not asked: {answer.shown()}", seen=seen, fixes=[ASK_AS_ROOT])
    filtered = isinstance(identity, NoAnswer) or identity.seccomp not in (0, None)
    if answer.error == "ENOSYS":
        return _no_syscall(identity, seen)
    if answer.error in ("E2BIG", "EFAULT", "EINVAL", "") or not filtered:
        return passed(f"it answers ({answer.error or 'success'})", seen=seen)
    return _filtered(answer, identity, seen)


def _no_syscall(identity: machine.Identity | NoAnswer, seen: list[Evidence]) -> Finding:
    if isinstance(identity, machine.Identity) and identity.seccomp == SECCOMP_FILTER:
        summary = "bpf(2) answers ENOSYS: a seccomp filter hides it, or the kernel lacks it"
        return failed(summary, seen=seen, fixes=[CONTAINER])
    return failed(
        "bpf(2) answers ENOSYS: this kernel has none", seen=seen, fixes=[bpf.KERNEL_WITH_BPF]
    )


def _filtered(
    answer: bpf.Attempt, identity: machine.Identity | NoAnswer, seen: list[Evidence]
) -> Finding:
    if not isinstance(identity, machine.Identity) or identity.seccomp != SECCOMP_FILTER:
        summary = f"bpf(2) answers {answer.error}, and whether a seccomp filter does is not known"
        return unknown(summary, seen=seen, fixes=[ASK_AS_ROOT])
    if privilege.is_root(identity):
        summary = f"root's bpf(2) answers {answer.error}: a seccomp filter is on this process"
        return failed(summary, seen=seen, fixes=[CONTAINER])
    summary = f"bpf(2) answers {answer.error}: a seccomp filter, or want of privilege"
    return unknown(summary, seen=seen, fixes=[ASK_AS_ROOT])


@check(
    "runtime.privileges",
    title="privilege to load BPF programs",
    requires=("kernel.bpf-syscall",),
)
def runtime_privileges(context: Context) -> Finding:
    """Whether the kernel lets this user load tracing programs.

    A small tracepoint program is loaded: the kernel's answer decides, the capabilities explain it.
    Any other refusal is no matter of privilege: `kernel.program-types` judges it.
    It asks for CAP_BPF and CAP_PERFMON (Linux 5.8), or CAP_SYS_ADMIN, in the effective set, and
    in the initial user namespace: root of another one has every capability and may do none of this.

    Run the program as root, or under sudo; `bpfdoctor check --sudo` asks as root. In a container or
    user namespace the one who starts it decides.
    """
    what = "loading a tracepoint program"
    judge = _Judge(context, bpf.LoadProgram("tracepoint"), UNPRIVILEGED)
    if judge.inability:
        summary = f"{what} is not refused for want of privilege, but with {judge.inability}"
        return passed(summary, seen=judge.seen)
    return judge.judged(what)


@check(
    "runtime.event-privileges",
    title="privilege to open events for BPF programs",
    requires=("runtime.privileges",),
)
def runtime_event_privileges(context: Context) -> Finding:
    """Whether this user may open an event for every process, by perf_event_open(2).

    Tracepoints, kprobes, uprobes and perf events are attached to that way; fentry, LSM, iterators
    and network programs are not. The kernel asks for CAP_PERFMON (Linux 5.8) or CAP_SYS_ADMIN;
    where `perf_event_paranoid` is above 2, as Debian and Ubuntu patch it, for the latter alone.
    """
    what = "opening an event for every process"
    judge = _Judge(context, bpf.OpenPerfEvent(), PARANOID)
    if judge.inability:
        boot = ByHand("Boot a kernel built with CONFIG_PERF_EVENTS=y.")
        summary = f"{what}: {judge.inability}: this kernel has none, or a filter plays so"
        return failed(summary, seen=judge.seen, fixes=[boot])
    return judge.judged(what)


class _Judge:
    """One thing that takes privilege: what the kernel said, and who asked."""

    def __init__(self, context: Context, question: Question[bpf.Attempt], setting: str) -> None:
        self.answer = context.ask(question)
        self.identity = context.ask(machine.AskIdentity())
        value = context.ask(files.Read(setting))
        self.of_events = setting == PARANOID
        self.setting = setting.rpartition("/")[2]
        self.value = value.text.strip() if isinstance(value, files.Text) else ""
        self.seen = [
            evidence(question, self.answer),
            evidence(machine.AskIdentity(), self.identity),
            evidence(files.Read(setting), value),
        ]

    @property
    def inability(self) -> str:
        """The errno of a refusal that is neither for want of privilege nor of this moment."""
        said = self.answer
        if isinstance(said, NoAnswer) or said.error in privilege.REFUSED or privilege.passing(said):
            return ""
        return said.error

    @property
    def number(self) -> int | None:
        """The value of the setting, where it is a number."""
        return int(self.value) if self.value.removeprefix("-").isdecimal() else None

    @property
    def right(self) -> privilege.Right:
        """What the kernel asks of one who may do this."""
        return privilege.opening_events(self.number) if self.of_events else privilege.LOADING

    @property
    def fixes(self) -> list[Fix]:
        """The setting that stands in the way of one who has the capability for it."""
        enough = privilege.opening_events(privilege.MOST_PARANOID)
        identity = self.identity
        if not self.of_events or isinstance(identity, NoAnswer):
            return []
        if privilege.may(identity, self.right) or not privilege.may(identity, enough):
            return []
        name = f"kernel.{self.setting}"
        return [
            Run(
                ("sysctl", "-w", f"{name}={privilege.MOST_PARANOID}"),
                privileged=True,
                undo=("sysctl", "-w", f"{name}={self.value}"),
                text="Until the next boot; from within a container, on the host. "
                "CAP_SYS_ADMIN does as well.",
            )
        ]

    def judged(self, what: str) -> Finding:
        """What the kernel said to an asker who has the privilege, or has not."""
        answer = self.answer
        if isinstance(answer, NoAnswer) or privilege.passing(answer):
            return unknown(f"{what}: {answer.shown()}", seen=self.seen, fixes=[ASK_AS_ROOT])
        if answer.worked:
            return passed(f"{what} works, as {self._who()}", seen=self.seen)
        if isinstance(self.identity, machine.Identity) and privilege.is_root(self.identity):
            return self._root_refused(what, answer, self.identity)
        summary = f"{what}: {answer.error}, as {self._who()}{self._set()}"
        return unknown(summary, seen=self.seen, fixes=[*self.fixes, ASK_AS_ROOT])

    def _root_refused(self, what: str, answer: bpf.Attempt, identity: machine.Identity) -> Finding:
        reasons = [
            Evidence("what may be behind it", text)
            for text in privilege.hindrances(identity, self.right)
        ]
        fixes: list[Fix] = [*self.fixes, CONTAINER]
        how = "although this is" if privilege.may(identity, self.right) else "as"
        summary = f"{what}: {answer.error}, {how} {self._who()}{self._set()}"
        if not privilege.in_initial_namespace(identity):
            summary = (
                f"{what}: {answer.error}: this is root of a user namespace of its own "
                f"({identity.user_namespace}), whose capabilities the kernel does not count"
            )
            fixes = [ByHand("Run it outside of the user namespace: as root of the machine itself.")]
        elif privilege.may(identity, self.right) and not reasons:
            summary += "; a security module or lockdown may be behind it"
        return failed(summary, seen=[*self.seen, *reasons], fixes=fixes)

    def _who(self) -> str:
        identity = self.identity
        if isinstance(identity, NoAnswer):
            return "a user whom the kernel did not describe"
        name = "root" if privilege.is_root(identity) else f"user {identity.euid}"
        lacking = privilege.lacking(identity, self.right)
        if privilege.may(identity, self.right) or not lacking:
            return f"{name} with the capabilities for it"
        return f"{name} without {lacking}"

    def _set(self) -> str:
        return f" ({self.setting} {self.value})" if self.value else ""
