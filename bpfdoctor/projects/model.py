"""What a project kind says of itself: the types of the TOML files in this directory."""

from __future__ import annotations

import posixpath
from functools import cached_property
from typing import Literal

import msgspec

from bpfdoctor.model import Stage, Subject
from bpfdoctor.projects.judged import JudgedObject, Needs

Trigger = Literal["own", "exec", "unlink", "packet", "signal", "bpf", "none"]


class Recognise(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tree is this kind of project when all of `files` exist in one of its `directories`.

    Where some are lost or hidden, any one of `telling` says as much; what is lacking is then said.
    The first directory is where such a project has them; in any other, the makefile there must
    hold one of the words `makefile`: projects of another kind have their files there.
    """

    directories: tuple[str, ...]
    files: tuple[str, ...]
    telling: tuple[str, ...] = ()
    makefile: tuple[str, ...] = ()


class Sources(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the build reads of one submodule; paths are relative to it, as its makefile is.

    `lists` are variables of that makefile which name objects, headers or other files, each with
    the directories where these lie. `include` is where headers are sought; `installed`, by the
    name that includes use, directories that the build installs first (`bpf` for `<bpf/btf.h>`).
    `also` are files that the makefile's recipes read, where it names them. `libraries` are headers
    that are not the project's.
    """

    makefile: str
    lists: dict[str, tuple[str, ...]] = {}
    include: tuple[str, ...] = ()
    installed: dict[str, str] = {}
    also: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ("libelf.h", "gelf.h", "zlib.h")


class Build(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the project's makefile is driven; paths are relative to the checkout.

    `tools` are those that this makefile calls, by make variable (`CLANG`): a name on the user's
    PATH, or with a slash a path in the checkout; `$(NAME)` in it stands for a variable of the
    environment; empty for one that the build makes, unless the environment names another. Of a
    checkout, its own makefile decides: it does not call those whose word in `called_with` it does
    not hold, and it calls those of `former_tools` that it names.
    `variables` are given to make on its command line.
    `include` are the directories that it gives clang for BPF code (`{arch}`: the kernel's name of
    the architecture, as in `__TARGET_ARCH_x86`). `make` is the oldest GNU make that reads it.
    `link_flags` are the variables of the environment that it passes on to the linker. `crates` is
    the Cargo.lock of what it has cargo build. `outputs` are the directories that the makefile makes
    in its own; `writes` are other paths of the checkout that a build makes. `sources` is what it
    reads of each submodule that it compiles.
    """

    directory: str
    makefile: str
    apps: str = "APPS"
    make: str = "3.81"
    tools: dict[str, str] = {}
    former_tools: dict[str, str] = {}
    called_with: dict[str, str] = {}
    variables: dict[str, str] = {}
    include: tuple[str, ...] = ()
    link_flags: tuple[str, ...] = ()
    vmlinux_h: str = ""
    libbpf: str = ""
    source: str = "{program}.bpf.c"
    loader: tuple[str, ...] = ("{program}.c",)
    object: str = ".output/{program}.bpf.o"
    crates: str = ""
    outputs: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    sources: dict[str, Sources] = {}
    room: int = 200_000_000
    """Bytes that a build takes."""
    files: int = 400
    """Files and directories that a build makes: today's `minimal` 108, with the others 180."""


class ProofPattern(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What proves that a program fired.

    `source`: the kernel's trace (`trace`) or the program's own output (`output`). `pattern` is a
    regular expression searched in each line, in which these stand for what is this run's alone:
    `{pid}` the program's process id as it sees it itself; `{task}` the program as the trace names
    it (`minimal-4711`); `{child}` the name of the process that the trigger started; `{file}` of the
    file that it deleted; `{port}` the UDP port and `{length}` the IP length of the packet it sent.
    """

    source: Literal["trace", "output"]
    pattern: str


class BpfWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a project file says of one BPF program of a program's object.

    `load`: whether its loader loads it; empty where the loader's source tells. `attach`: what the
    loader attaches it to, as in SEC() (`uprobe//proc/self/exe:f`, `tc`).
    """

    load: Literal["", "yes", "no", "maybe"] = ""
    attach: str = ""


class Program(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One program of a project: what its compiled object does not tell.

    `needs`: the checks that must pass for a build, by key. `also`: those that must pass for it to
    attach, which no object tells (`runtime.*`, `smoke.*`). `own_pid`: it shows itself for its own
    process alone. `bpf`: what its loader does with its BPF programs. `kernel`: the oldest release
    known to run it. `clang`: the oldest clang known to build it. `variables`: make variables that
    differ from the project's. `trigger`: what makes it fire: `own` (it does so itself), `exec` (a
    process starts), `unlink` (a file is deleted), `packet` (one on lo), `signal` (one is sent),
    `bpf` (bpf(2) is called), `none` (nothing: it ends by itself). `disturbs`: what it does to the
    rest of the machine while it runs; such a program is run only when named. `substitute`: in a PID
    namespace, the default selection takes that program instead. `options`: the kernel options that
    it is known to rest on.
    """

    summary: str
    needs: Needs = {}
    also: tuple[str, ...] = ()
    own_pid: bool = False
    bpf: dict[str, BpfWords] = {}
    kernel: str = ""
    clang: str = ""
    arguments: tuple[str, ...] = ()
    variables: dict[str, str] = {}
    trigger: Trigger = "own"
    proof: ProofPattern | None = None
    disturbs: str = ""
    substitute: str = ""
    options: tuple[str, ...] = ()


class ProjectKind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of project: one TOML file.

    `needs` hold for each of its programs, beside the program's own. `clang` is the oldest that the
    project asks for. `clone` is how to get a checkout; empty for the embedded program.
    """

    name: str
    title: str
    layout: str
    default: tuple[str, ...]
    programs: dict[str, Program]
    recognise: Recognise | None = None
    build: Build | None = None
    clang: str = "10"
    clone: str = ""
    needs: Needs = {}
    always: tuple[str, ...] = ()
    """Keys of findings that count whatever its programs were seen to do."""
    judged_to: Stage = Stage.FIRES
    """The last stage that its needs tell anything of; beyond it they can only fail."""
    unlisted: Program | None = None
    """What is assumed of a program that the makefile has and this file does not."""


class Tree(msgspec.Struct, frozen=True):
    """A directory in which no project is known.

    `named`: the user named it (`-C`). `signs`: what in it names BPF, so that there is a project.
    `unseen`: what might have been a sign and could not be read.
    """

    directory: str
    named: bool = False
    signs: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


class Setting(msgspec.Struct, frozen=True):
    """What make takes for a variable in a checkout, in this environment.

    `value` is its value, empty where the makefile computes it by something that is not followed:
    `computed` says by what. `origin` is make's word for where it is from: `file`, `environment`,
    `default`; `override` where no argument of make's changes it. Without a makefile that was read
    it is empty, and `value` is what makefiles of the kind have: the environment goes before it.
    `unbuilt` is the checkout, where a build was not asked for: what lies there is not run.
    """

    variable: str
    value: str = ""
    origin: str = ""
    computed: str = ""
    makefile: str = ""
    unbuilt: str = ""


class ProgramList(msgspec.Struct, frozen=True):
    """How the programs of a checkout are known: by `variable` of its `makefile`.

    `how`: it was read here; make was asked; they are the sources that are there, for the list is
    `computed` by something that is not followed; or they are those of the kind, for the makefile
    cannot be read. `unlisted` have their sources there, and the list lacks them. `said` is what
    make answered, where it was asked and did not tell.
    """

    how: Literal["read", "asked", "sources", "kind"]
    variable: str
    makefile: str
    computed: str = ""
    unlisted: tuple[str, ...] = ()
    said: str = ""


class Project(msgspec.Struct, frozen=True, dict=True):
    """A kind of project, and where its checkout is.

    `path` is empty without a checkout; `kind.build` is then as this checkout has it. `programs` are
    those of this checkout (`listing` says how they are known), or all of the kind's. `settings` are
    the variables of its makefile that name tools. `evidence` says what it was recognised by.
    `object` is the path of the compiled BPF object that is judged in place of a source tree, or
    empty. `tree` is where the user stands, if there is no checkout.
    """

    kind: ProjectKind
    path: str = ""
    programs: tuple[str, ...] = ()
    evidence: str = ""
    object: str = ""
    tree: Tree | None = None
    settings: tuple[Setting, ...] = ()
    listing: ProgramList | None = None
    judged: tuple[JudgedObject, ...] = ()
    """The compiled objects that were asked for, one a program."""

    @property
    def subject(self) -> Subject:
        """What a verdict on it is about."""
        if self.object:
            return Subject.OBJECT
        if self.path:
            return Subject.CHECKOUT
        return Subject.PROJECT if self.kind.build else Subject.MACHINE

    @property
    def name(self) -> str:
        """The kind's name: what `--project` takes."""
        return self.kind.name

    @property
    def tools(self) -> dict[str, Setting]:
        """The tools that its makefile calls, by make variable; none without a makefile."""
        usual = self.kind.build.tools if self.kind.build else {}
        return {name: self.setting(name, value) for name, value in usual.items()}

    def setting(self, variable: str, usual: str = "") -> Setting:
        """What make takes for a variable; unread, what makefiles of this kind usually have."""
        read = (each for each in self.settings if each.variable == variable)
        return next(read, Setting(variable, usual))

    def program(self, name: str) -> Program | None:
        """What is known of a program; of one that the kind does not list, what it assumes."""
        return self.kind.programs.get(name) or (
            self.kind.unlisted if name in self.programs else None
        )

    def needs(self, name: str, stage: Stage) -> tuple[str, ...]:
        """The keys that must pass for `stage` of a program: the project's, its own, its object's.

        `{program}` in a key stands for the program's name.
        """
        program = self.program(name)
        own = program.needs.get(stage, ()) if program else ()
        keys = dict.fromkeys((*self.kind.needs.get(stage, ()), *own))
        said = [key.replace("{program}", name) for key in keys]
        derived = (
            key for each in self._of(name) for key in each.keys(stage, only=self._only(name))
        )
        return tuple(dict.fromkeys((*said, *derived)))

    def maybe(self, name: str, stage: Stage) -> tuple[str, ...]:
        """The keys without which `stage` of a program is unknown: its loader may do without."""
        only = self._only(name)
        keys = (key for each in self._of(name) for key in each.keys(stage, maybe=True, only=only))
        return tuple(dict.fromkeys(keys))

    def _of(self, name: str) -> tuple[JudgedObject, ...]:
        """The objects of a program; the one that was given has all that are judged."""
        return tuple(each for each in self.judged if each.program in ("", name))

    def _only(self, name: str) -> str:
        """The BPF program that a name means: of an object that was given, each is a row."""
        return name if self.object else ""

    def judged_of(self, name: str) -> JudgedObject | None:
        """The object of a program; None where it was not asked for."""
        return next(iter(self._of(name)), None)

    def all_needs(self) -> tuple[str, ...]:
        """The keys that any of its programs needs, or may need, for any stage."""
        return self._all_needs

    @cached_property
    def _all_needs(self) -> tuple[str, ...]:
        every = ((name, stage) for name in self.programs for stage in Stage)
        keys = (k for each in every for k in (*self.needs(*each), *self.maybe(*each)))
        return tuple(dict.fromkeys(keys))

    def abouts(self, check: str) -> tuple[str, ...]:
        """What its needs name of one check: `sched` for `kernel.tracepoints[sched]`, in order."""
        parts = (key.removesuffix("]").partition("[") for key in self.all_needs())
        return tuple(about for name, _, about in parts if name == check and about)

    def targets(self) -> tuple[str, ...]:
        """What its BPF programs attach to by name, written as in SEC()."""
        parts = (part for each in self.judged for part in each.parts)
        return tuple(dict.fromkeys(each.target for each in parts if each.target))

    def vmlinux_h(self, architecture: str) -> str:
        """The header of the kernel's types, from the checkout: the makefile's VMLINUX, for it has
        moved; else the kind's."""
        build, named = self.kind.build, self.setting("VMLINUX").value
        if build is None or not named:
            return build.vmlinux_h.replace("{arch}", architecture) if build else ""
        if named.startswith(f"{self.path}/"):
            return posixpath.normpath(named.removeprefix(f"{self.path}/"))
        return posixpath.normpath(posixpath.join(build.directory, named))

    def inside(self, *parts: str) -> str:
        """A path in the checkout."""
        return "/".join((self.path, *parts))
