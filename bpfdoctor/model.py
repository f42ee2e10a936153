"""The words of bpfdoctor as frozen data: no I/O, and nothing of ours is imported here."""

from __future__ import annotations

import shlex
from enum import Enum
from typing import Literal

import msgspec

SCHEMA = 1
"""Version of the report's JSON. Names are stable; more may be added."""


class Status(str, Enum):
    """What a check found."""

    PASS = "pass"  # noqa: S105  (not a password)
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"
    """The machine would not tell: no privilege, no answer in time, not recorded."""
    SKIP = "skip"
    """Blocked by another finding, which `Finding.blocked_by` names."""
    ERROR = "error"
    """The check itself broke."""


class Stage(str, Enum):
    """How far a program gets, in order."""

    BUILD = "build"
    LOAD = "load"
    ATTACH = "attach"
    FIRES = "fires"

    @property
    def order(self) -> int:
        """Position from 0 (`build`) to 3 (`fires`)."""
        return list(Stage).index(self)


class Readiness(str, Enum):
    """Whether a program gets through a stage on this machine."""

    READY = "ready"
    NOT_READY = "not-ready"
    UNKNOWN = "unknown"


class Proof(str, Enum):
    """Where a readiness comes from."""

    OBSERVED = "observed"
    PREDICTED = "predicted"
    NONE = "none"


class Subject(str, Enum):
    """What a verdict is about."""

    CHECKOUT = "checkout"
    OBJECT = "object"
    """Compiled BPF objects."""
    MACHINE = "machine"
    """No project: whether this machine can build, load and run BPF programs."""
    PROJECT = "project"
    """A project of which no sources are here: what the machine allows its programs."""


class Evidence(msgspec.Struct, frozen=True):
    """What was asked and what came back, verbatim.

    `source` is a path, a command line or a system call; `text` its answer; `truncated` says that
    `text` is not all of it.
    """

    source: str
    text: str
    truncated: bool = False


class Unrecorded(Evidence, frozen=True):
    """A question that a recorded machine was never asked. A report shows it like any other."""


class Install(msgspec.Struct, frozen=True, tag_field="kind", tag="install"):
    """A fix: install what provides these capabilities (names of `fix/catalogue/packages.toml`).

    A check fills `capabilities` alone; the engine adds `packages` and `argv` for this
    distribution and leaves them empty where it knows none. Or a check fills `packages` alone, with
    installed ones of which a file is gone or broken: then they are installed again.
    """

    capabilities: tuple[str, ...]
    packages: tuple[str, ...] = ()
    argv: tuple[str, ...] = ()
    privileged: bool = True
    text: str = ""


class Run(msgspec.Struct, frozen=True, tag_field="kind", tag="run"):
    """A fix: run this command.

    `cwd` is where (empty: anywhere), `output` the file that its standard output becomes, `undo`
    the command that takes it back (empty: nothing to take back). `checkout` says that it fills
    submodules of that work tree: `fix` looks at each of them first, and may do less.
    """

    argv: tuple[str, ...]
    privileged: bool = False
    text: str = ""
    cwd: str = ""
    output: str = ""
    undo: tuple[str, ...] = ()
    checkout: str = ""


class Instead(msgspec.Struct, frozen=True, omit_defaults=True):
    """What makes a build work that does not work as it stands.

    `make` is the command in place of `make`; `arguments` are given to it (`CLANG=clang-15`);
    `without` are the variables of the environment that it must not get. `elsewhere`: it is built
    in a directory of its own, for the user's own will not do.
    """

    make: str = ""
    arguments: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    elsewhere: bool = False

    def joined(self, other: Instead) -> Instead:
        """Both at once."""
        return Instead(
            make=self.make or other.make,
            arguments=tuple(dict.fromkeys((*self.arguments, *other.arguments))),
            without=tuple(dict.fromkeys((*self.without, *other.without))),
            elsewhere=self.elsewhere or other.elsewhere,
        )

    def words(self, target: str = "") -> str:
        """How it is built, in words: with `make CLANG=clang-15 minimal`."""
        plain = Instead(elsewhere=self.elsewhere) == self
        words = [] if plain else [f"with `{self.command(target)}`"]
        return " ".join([*words, *(["in a directory of its own"] if self.elsewhere else [])])

    def command(self, target: str = "") -> str:
        """What to type, in the makefile's directory: `env -u CPATH make CLANG=clang-15 minimal`."""
        unset = [word for name in self.without for word in ("-u", name)]
        words = [*(["env", *unset] if unset else []), self.make or "make", *self.arguments]
        return shlex.join([*words, target] if target else words)


class ByHand(msgspec.Struct, frozen=True, tag_field="kind", tag="manual"):
    """A fix that only a person can make: what to do, in words (and commands to paste).

    Where it takes another kernel command line, a check says what to boot with, or without, and the
    engine adds this distribution's steps to `text`. `instead`: the build goes on with that.
    """

    text: str
    boot_with: str = ""
    boot_without: str = ""
    instead: Instead | None = None


Fix = Install | Run | ByHand


def key_of(check_id: str, about: str = "") -> str:
    """The name of one finding: `id`, or `id[about]`."""
    return f"{check_id}[{about}]" if about else check_id


class Finding(msgspec.Struct, frozen=True):
    """One verdict of one check.

    `about` is empty or says which one (`bpftool/libbpf`). `blocked_by` names the keys that
    stopped a `skip`; it is empty for every other status. `unrecorded`: some of its evidence was
    never asked of the recorded machine; no report carries it. `explains`: words (a path below the
    checkout, most often); where a build fails and names one of them, this `warn` is its cause.
    `harmful`: to run what rests on it would harm the machine.
    """

    status: Status
    summary: str
    id: str = ""
    about: str = ""
    evidence: tuple[Evidence, ...] = ()
    fixes: tuple[Fix, ...] = ()
    blocked_by: tuple[str, ...] = ()
    unrecorded: bool = False
    explains: tuple[str, ...] = ()
    harmful: bool = False

    def __post_init__(self) -> None:
        """Keep what the evidence tells by its type, which is lost between processes."""
        if any(isinstance(each, Unrecorded) for each in self.evidence):
            msgspec.structs.force_setattr(self, "unrecorded", True)

    @property
    def key(self) -> str:
        """`id`, or `id[about]`."""
        return key_of(self.id, self.about)


class Target(msgspec.Struct, frozen=True):
    """A program and the last stage of it that matters."""

    program: str
    stage: Stage = Stage.FIRES


class Selection(msgspec.Struct, frozen=True):
    """The programs and stages that a run is about.

    `explicit` when the user named them; `note` says where the default was changed and why
    (`minimal_ns` in place of `minimal` in a PID namespace).
    """

    targets: tuple[Target, ...] = ()
    explicit: bool = False
    note: str = ""

    def stage_of(self, program: str) -> Stage | None:
        """The last stage selected for `program`, or None."""
        stages = [target.stage for target in self.targets if target.program == program]
        return max(stages, key=lambda stage: stage.order, default=None)


class Reported(msgspec.Struct, frozen=True):
    """A finding as the report carries it: with its title and whether it counts."""

    id: str
    about: str
    key: str
    title: str
    status: Status
    needed: bool
    summary: str
    evidence: tuple[Evidence, ...]
    fixes: tuple[Fix, ...]
    blocked_by: tuple[str, ...]


class StageResult(msgspec.Struct, frozen=True):
    """One stage of one program: readiness, its proof, and the root keys that decided against it."""

    readiness: Readiness
    proof: Proof
    because: tuple[str, ...] = ()


class InsteadResult(msgspec.Struct, frozen=True):
    """What was seen of a program whose build does not work as it stands.

    It was built with `instead`, which `command` writes as typed in the makefile's directory;
    `stages` are those that were then seen to work or to fail.
    """

    instead: Instead
    command: str
    stages: dict[Stage, StageResult]


class ProgramResult(msgspec.Struct, frozen=True):
    """One program of the project, stage by stage, as it stands; and what another command gives.

    `origin` says where the facts of its object come from ("compiled from minimal.bpf.c"), empty
    where its object was not asked for. `not_fired`: that it fires is predicted from its attachment
    alone, for it is of a kind of which bpfdoctor has no probe that is hit.
    """

    name: str
    selected: bool
    stages: dict[Stage, StageResult]
    instead: InsteadResult | None = None
    origin: str = ""
    not_fired: bool = False


class Tool(msgspec.Struct, frozen=True):
    """Who wrote a report."""

    name: str
    version: str


class Verdict(msgspec.Struct, frozen=True):
    """The exit status of the run, the readiness behind it, and both in one sentence.

    `readiness` is null where no program was judged (`--only`, `--skip`). `subject` is what it is
    about.
    """

    exit: int
    readiness: Readiness | None
    summary: str
    subject: Subject = Subject.CHECKOUT


class ProjectFacts(msgspec.Struct, frozen=True):
    """Which source tree was judged; `path` is empty without a checkout."""

    name: str
    layout: str
    path: str


class HostFacts(msgspec.Struct, frozen=True):
    """Which machine was judged; `privileged` when the kernel was asked as effective root."""

    release: str
    architecture: str
    distribution: str
    privileged: bool


class Report(msgspec.Struct, frozen=True):
    """The one result of a run; every format is made from it.

    `started` is UTC in ISO 8601, `seconds` the wall time. `smoke` says whether programs were run
    (`ran`), left out on request (`left-out`) or did not apply (`none`).
    """

    tool: Tool
    started: str
    seconds: float
    verdict: Verdict
    project: ProjectFacts
    host: HostFacts
    findings: tuple[Reported, ...]
    programs: tuple[ProgramResult, ...]
    selection: Selection = Selection()
    smoke: Literal["ran", "left-out", "none"] = "none"
    schema: int = SCHEMA
