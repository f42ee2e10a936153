"""The contract of a check: the only module that a check imports.

    @check("kernel.btf", title="kernel BTF", requires=())
    def kernel_btf(context: Context) -> Finding | None:
        '''What it asks, why it matters, what to do: shown by `bpfdoctor explain kernel.btf`.'''

A check asks `context.host` questions and returns a finding, several (one for each `about`), or
None where it does not apply. It prints nothing and changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

import msgspec

from bpfdoctor.host.bpf.attach import (
    AttachKprobe,
    AttachRawTracepoint,
    AttachTracepoint,
    AttachUprobe,
)
from bpfdoctor.host.bpf.attach_btf import AttachIterator, AttachTrampoline, FireLsm, LsmFired
from bpfdoctor.host.bpf.attach_net import AskLoadable, AttachClassifier, AttachSocketFilter, Modules
from bpfdoctor.host.bpf.calls import Attempt
from bpfdoctor.host.bpf.memlock import RaiseMemlock
from bpfdoctor.host.bpf.pmu import CountCycles
from bpfdoctor.host.bpf.probes import AskBpf, AskHelper, CreateMap, LoadProgram, OpenPerfEvent
from bpfdoctor.host.btf.kernel_types import (
    AskEnumerator,
    AskField,
    AskFunction,
    AskKernelBtf,
    BtfFacts,
    EnumeratorFacts,
    FieldFacts,
    FunctionFacts,
)
from bpfdoctor.host.elf.bpf_object import AskBpfObject, BpfObject, ObjectProgram
from bpfdoctor.host.elf.usdt import AskUsdt, UsdtProbes
from bpfdoctor.host.git.submodules import AskSubmodules, Submodule, Submodules
from bpfdoctor.host.question import A, Answer, Host, NoAnswer, Question, evidence
from bpfdoctor.host.system.container import AskContainer, Marks
from bpfdoctor.host.system.facts import (
    INITIAL_PID_NAMESPACE,
    AskDistribution,
    AskIdentity,
    AskKernel,
    AskSpace,
    Distribution,
    Identity,
    Kernel,
    Space,
    kernel_version,
)
from bpfdoctor.host.system.files import (
    AskFileSystem,
    FileSystem,
    FileText,
    FindExecutables,
    ListDirectory,
    LookAt,
    Names,
    PathFacts,
    ReadFile,
)
from bpfdoctor.host.system.kconfig import AskKernelOption, KernelOption
from bpfdoctor.host.system.privilege import (
    CAP_SYS_ADMIN,
    CAP_SYS_RESOURCE,
    REFUSED,
    hindrances,
    holds,
    in_initial_namespace,
    is_root,
    lacking,
    may_load,
    status_of,
)
from bpfdoctor.host.system.security import AskSecurityFile, lockdown_mode
from bpfdoctor.host.system.symbols import AskSymbols, Symbols
from bpfdoctor.host.system.tracefs import (
    AskTracefs,
    AskTracepoint,
    Tracefs,
    TracePlace,
    TracepointFacts,
)
from bpfdoctor.host.tools.architecture import target_architecture
from bpfdoctor.host.tools.choice import (
    Chosen,
    Judged,
    misbehaving,
    older,
    tool_words,
    verdict_on,
    verdict_on_all,
    version_in,
)
from bpfdoctor.host.tools.commands import (
    AskEnvironment,
    Completed,
    FindTool,
    FoundTools,
    RunCommand,
    ToolPath,
    Variables,
)
from bpfdoctor.host.tools.compile import (
    Compile,
    Compiled,
)
from bpfdoctor.host.tools.libc import AskLibc, Libc
from bpfdoctor.host.tools.toolchain import (
    BPF_FLAGS,
    C_FLAGS,
    chosen_bpftool,
    chosen_clang,
    chosen_compilers,
    chosen_llvm_strip,
    chosen_make,
    compile_bpf,
    compile_c,
    emits_bpf,
)
from bpfdoctor.model import (
    ByHand,
    Evidence,
    Finding,
    Fix,
    Install,
    Run,
    Selection,
    Stage,
    Status,
    Target,
)
from bpfdoctor.projects.model import Build, Program, Project

__all__ = [
    "ASK_AS_ROOT",
    "BPF_FLAGS",
    "CAP_SYS_ADMIN",
    "CAP_SYS_RESOURCE",
    "C_FLAGS",
    "INITIAL_PID_NAMESPACE",
    "REFUSED",
    "Answer",
    "AskBpf",
    "AskBpfObject",
    "AskContainer",
    "AskDistribution",
    "AskEnumerator",
    "AskEnvironment",
    "AskField",
    "AskFileSystem",
    "AskFunction",
    "AskHelper",
    "AskIdentity",
    "AskKernel",
    "AskKernelBtf",
    "AskKernelOption",
    "AskLibc",
    "AskLoadable",
    "AskSecurityFile",
    "AskSpace",
    "AskSubmodules",
    "AskSymbols",
    "AskTracefs",
    "AskTracepoint",
    "AskUsdt",
    "AttachClassifier",
    "AttachIterator",
    "AttachKprobe",
    "AttachRawTracepoint",
    "AttachSocketFilter",
    "AttachTracepoint",
    "AttachTrampoline",
    "AttachUprobe",
    "Attempt",
    "BpfObject",
    "BtfFacts",
    "Build",
    "ByHand",
    "Check",
    "Chosen",
    "Compile",
    "Compiled",
    "Completed",
    "Context",
    "CountCycles",
    "CreateMap",
    "Distribution",
    "EnumeratorFacts",
    "Evidence",
    "FieldFacts",
    "FileSystem",
    "FileText",
    "FindExecutables",
    "FindTool",
    "Finding",
    "Findings",
    "FireLsm",
    "Fix",
    "FoundTools",
    "FunctionFacts",
    "Host",
    "Identity",
    "Install",
    "Judged",
    "Kernel",
    "KernelOption",
    "Libc",
    "ListDirectory",
    "LoadProgram",
    "LookAt",
    "LsmFired",
    "Marks",
    "Modules",
    "Names",
    "NoAnswer",
    "ObjectProgram",
    "OpenPerfEvent",
    "PathFacts",
    "Program",
    "Project",
    "Question",
    "RaiseMemlock",
    "ReadFile",
    "Run",
    "RunCommand",
    "Selection",
    "Space",
    "Stage",
    "Status",
    "Submodule",
    "Submodules",
    "Symbols",
    "Target",
    "ToolPath",
    "TracePlace",
    "Tracefs",
    "TracepointFacts",
    "UsdtProbes",
    "Variables",
    "blocked",
    "check",
    "chosen_bpftool",
    "chosen_clang",
    "chosen_compilers",
    "chosen_llvm_strip",
    "chosen_make",
    "compile_bpf",
    "compile_c",
    "emits_bpf",
    "evidence",
    "failed",
    "hindrances",
    "holds",
    "in_initial_namespace",
    "is_root",
    "kernel_version",
    "lacking",
    "lockdown_mode",
    "may_load",
    "misbehaving",
    "older",
    "passed",
    "probed",
    "status_of",
    "target_architecture",
    "tool_words",
    "unknown",
    "verdict_on",
    "verdict_on_all",
    "version_in",
    "warned",
]

ASK_AS_ROOT = Run(("bpfdoctor", "check", "--sudo"), text="asks the kernel as root, nothing else")
"""The fix of what only root can find out."""

Findings = Finding | Iterable[Finding] | None
"""What a check may return."""


class Context(msgspec.Struct, frozen=True):
    """All that a check may know: the machine, the project, and what the run is about."""

    host: Host
    project: Project
    selection: Selection = Selection()
    may_build: bool = True
    """The user asked to build: before that, no program that lies in the checkout is run."""

    def ask(self, question: Question[A]) -> A | NoAnswer:
        """Ask the host."""
        return self.host.ask(question)


def _always(project: Project) -> bool:
    return True


class Check(msgspec.Struct, frozen=True):
    """A check as the engine knows it; made by `check`.

    `requires` are keys that must pass before this check is worth running. `explained_by` are keys
    whose failure, but not whose silence, is the cause of this one's. `gates`: it counts whatever
    program is selected. `applies`: whether a project leaves it anything to judge; where
    not, it finds nothing, whatever became of what it requires.
    """

    id: str
    title: str
    run: Callable[[Context], Findings]
    requires: tuple[str, ...] = ()
    gates: bool = False
    limit: float = 60
    """Seconds that it may take before it is given up as `error`."""
    applies: Callable[[Project], bool] = _always
    explained_by: tuple[str, ...] = ()

    @property
    def waits_for(self) -> tuple[str, ...]:
        """The keys that are judged before this check."""
        return (*self.requires, *self.explained_by)

    @property
    def subject(self) -> str:
        """The part of the id before the dot."""
        return self.id.partition(".")[0]

    @property
    def doc(self) -> str:
        """What a user reads: the docstring of the function."""
        return self.run.__doc__ or ""


def check(  # noqa: PLR0913  (each is a part of the check)
    check_id: str,
    *,
    title: str,
    requires: tuple[str, ...] = (),
    gates: bool = False,
    limit: float = 60,
    applies: Callable[[Project], bool] = _always,
    explained_by: tuple[str, ...] = (),
) -> Callable[[Callable[[Context], Findings]], Check]:
    """Make a check of a function. `check_id` is `subject.what`, lower case, for ever."""
    if not re.fullmatch(r"[a-z0-9]+\.[a-z0-9]+(-[a-z0-9]+)*", check_id):
        raise ValueError(f"{check_id!r} is not a check id: subject.what, lower case")

    def decorate(function: Callable[[Context], Findings]) -> Check:
        return Check(check_id, title, function, requires, gates, limit, applies, explained_by)

    return decorate


def _finding(
    status: Status,
    summary: str,
    about: str,
    seen: Iterable[Evidence],
    fixes: Iterable[Fix],
) -> Finding:
    return Finding(status, summary, about=about, evidence=tuple(seen), fixes=tuple(fixes))


def passed(
    summary: str, *, about: str = "", seen: Iterable[Evidence] = (), fixes: Iterable[Fix] = ()
) -> Finding:
    """Positive evidence that it works; `summary` holds the value that decided it."""
    return _finding(Status.PASS, summary, about, seen, fixes)


def warned(
    summary: str, *, about: str = "", seen: Iterable[Evidence] = (), fixes: Iterable[Fix] = ()
) -> Finding:
    """It works, or may; something about it will surprise."""
    return _finding(Status.WARN, summary, about, seen, fixes)


def failed(
    summary: str, *, about: str = "", seen: Iterable[Evidence] = (), fixes: Iterable[Fix] = ()
) -> Finding:
    """Positive evidence that it does not work; never for want of privilege or of an answer."""
    return _finding(Status.FAIL, summary, about, seen, fixes)


def unknown(
    summary: str, *, about: str = "", seen: Iterable[Evidence] = (), fixes: Iterable[Fix] = ()
) -> Finding:
    """The machine would not tell; a fix holds the command that would find out."""
    return _finding(Status.UNKNOWN, summary, about, seen, fixes)


def blocked(summary: str, by: Iterable[str], *, about: str = "") -> Finding:
    """It cannot be judged before the findings with these keys are mended."""
    return Finding(Status.SKIP, summary, about=about, blocked_by=tuple(by))


def probed(  # noqa: PLR0913  (each is a part of the finding)
    context: Context,
    question: Question[Attempt],
    what: str,
    *,
    about: str = "",
    means: Mapping[str, str] | None = None,
    fixes: Iterable[Fix] = (),
) -> Finding:
    """The finding on one live probe of `what`; the kernel's answer decides (`status_of`).

    `means` says in words what an errno stands for here; `fixes` are for a failure.
    """
    answer, identity = context.ask(question), context.ask(AskIdentity())
    status = status_of(answer, identity)
    seen = [evidence(question, answer)]
    if isinstance(answer, NoAnswer):
        summary = f"{what}: not tried: {answer.shown()}"
        return unknown(summary, about=about, seen=seen, fixes=[ASK_AS_ROOT])
    if status is Status.PASS:
        return passed(f"{what}: the kernel did it", about=about, seen=seen)
    meaning = (means or {}).get(answer.error, "")
    summary = f"{what}: {answer.call}: {answer.error}{meaning and f' ({meaning})'}"
    seen.append(evidence(AskIdentity(), identity))
    if status is Status.UNKNOWN:
        return unknown(summary, about=about, seen=seen, fixes=[ASK_AS_ROOT])
    if answer.error in REFUSED and isinstance(identity, Identity):
        summary += ", although this is root"
        seen += [Evidence("what may be behind it", text) for text in hindrances(identity)]
    return failed(summary, about=about, seen=seen, fixes=fixes)
