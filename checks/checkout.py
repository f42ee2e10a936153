"""The checkout: which project it is, and whether its vmlinux.h is there."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator

from bpfdoctor.api import (
    AskKernel,
    AskSubmodules,
    Build,
    ByHand,
    Context,
    Evidence,
    FileText,
    Finding,
    Kernel,
    LookAt,
    NoAnswer,
    PathFacts,
    Project,
    ReadFile,
    Run,
    Status,
    Submodules,
    blocked,
    check,
    evidence,
    failed,
    passed,
    target_architecture,
    unknown,
    warned,
)

GUARD = "__VMLINUX_H__"
"""What `bpftool btf dump … format c` begins with, in every version of it."""

VMLINUX = re.compile(r"^VMLINUX *[:?]?= *(\S+\.h) *$", re.MULTILINE)
"""In libbpf-bootstrap: `vmlinux/` in 2021, `vmlinux/ARCH/` in 2022 to 2024, then a submodule."""


@check("checkout.project", title="project")
def project(context: Context) -> Iterator[Finding]:
    """Which project is judged, which layout of it, and whether what make builds is there.

    bpfdoctor looks for a checkout upwards from the current directory (or `-C DIR`), and reads the
    list of its programs in its makefile. Without a checkout (`--project NAME`) what the machine
    allows is judged, and nothing can be built: clone the project first. A checkout that lacks its
    makefile builds nothing, and one that lacks the source of a program does not build that program;
    `git checkout -- FILE` brings back what git knows.
    """
    here, build = context.project, context.project.kind.build
    if build is None:
        return
    if here.path:
        whole = _makefile(context, build)
        yield whole
        yield from _sources(context, build) if whole.status is Status.PASS else ()
    else:
        why = f"no checkout of {here.kind.title} here: what the machine allows is judged"
        yield warned(why, fixes=[ByHand(here.kind.clone)] if here.kind.clone else [])


def _makefile(context: Context, build: Build) -> Finding:
    here = context.project
    question = ReadFile(here.inside(build.makefile))
    answer = context.ask(question)
    seen = [Evidence(here.path, here.evidence)]
    if isinstance(answer, FileText):
        count = len(here.programs)
        return passed(f"{here.kind.title}, layout {here.kind.layout}, {count} programs", seen=seen)
    seen.append(evidence(question, answer))
    if answer.absent:
        why = f"{here.kind.title}, but {build.makefile} is not there"
        return failed(why, seen=seen, fixes=[_brought_back(here, build.makefile)])
    why = f"{here.kind.title}, but {build.makefile} cannot be read ({answer.shown()})"
    look_at = ByHand(f"as its owner: ls -l {shlex.quote(question.path)}")
    return unknown(why, seen=seen, fixes=[look_at])


def _sources(context: Context, build: Build) -> Iterator[Finding]:
    """The programs whose source is not there; of one of the user's own, its name is not known."""
    here = context.project
    for program in (name for name in here.programs if name in here.kind.programs):
        for source in (f"{build.directory}/{program}{end}" for end in (".bpf.c", ".c")):
            question = LookAt(here.inside(source))
            answer = context.ask(question)
            if answer.absent if isinstance(answer, NoAnswer) else not answer.target_kind:
                fixes, seen = [_brought_back(here, source)], [evidence(question, answer)]
                yield failed(f"{source} is not there", about=program, seen=seen, fixes=fixes)
                break


def _brought_back(here: Project, name: str) -> ByHand:
    """By hand, for what git does here the checkout's own configuration decides."""
    return ByHand(f"git -C {shlex.quote(here.path)} checkout -- {shlex.quote(name)}")


@check("checkout.vmlinux-h", title="vmlinux.h")
def vmlinux_h(context: Context) -> Finding | None:
    """Whether the header with the kernel's types, for this architecture, is in the checkout.

    BPF code includes `vmlinux.h` in place of the kernel's own headers. libbpf-bootstrap keeps one
    for each architecture in the submodule vmlinux.h; in 2020 there was one, behind a link. It need
    not be of the running kernel: CO-RE adapts the program when it is loaded. Where it is missing,
    `bpftool btf dump file /sys/kernel/btf/vmlinux format c` writes one.
    """
    here, build = context.project, context.project.kind.build
    if build is None or not build.vmlinux_h or not here.path:
        return None
    kernel = context.ask(AskKernel())
    if not isinstance(kernel, Kernel):
        return unknown(f"the architecture is not known: {kernel.shown()}")
    name = _header(context, build, target_architecture(kernel.architecture))
    question = LookAt(here.inside(name))
    facts = context.ask(question)
    seen = [evidence(question, facts)]
    if not isinstance(facts, PathFacts):
        return _not_there(context, name, facts.absent, seen)
    if facts.target_kind != "file":
        broken = f"{name} is a broken link to {facts.target}"
        why = f"{name} is not a file" if facts.target_kind else broken
        fix = _dump(here.inside(_behind(name, facts)))
        return failed(why, seen=seen, fixes=[] if facts.target_kind else [fix])
    if facts.size == 0:
        fix = _dump(here.inside(_behind(name, facts)))
        return failed(f"{name} is empty", seen=seen, fixes=[fix])
    return _content(context, name, facts, seen)


def _header(context: Context, build: Build, architecture: str) -> str:
    """Its path in this checkout: the makefile's VMLINUX, for it has moved; else the project's."""
    text = context.ask(ReadFile(context.project.inside(build.makefile)))
    named = VMLINUX.search(text.text) if isinstance(text, FileText) else None
    relative = named.group(1).replace("$(ARCH)", architecture) if named else "$"
    path = posixpath.normpath(posixpath.join(build.directory, relative))
    if "$" in path or path.startswith(("/", "../")):
        return build.vmlinux_h.replace("{arch}", architecture)
    return path


def _not_there(context: Context, name: str, absent: bool, seen: list[Evidence]) -> Finding:
    """It is missing: perhaps with the submodule that holds it, which then is the root."""
    here = context.project
    answer = context.ask(AskSubmodules(here.path))
    for submodule in answer.found if isinstance(answer, Submodules) else ():
        inside = name.startswith(f"{submodule.path}/")
        empty = submodule.place != "filled" or 0 < submodule.tracked == submodule.absent
        if inside and empty and absent:
            key = f"checkout.submodules[{submodule.path}]"
            return blocked(f"{submodule.path} holds no files", by=[key])
        if inside and absent and submodule.commit:
            relative = name.removeprefix(f"{submodule.path}/")
            back = ByHand(f"git -C {here.inside(submodule.path)} checkout -- {relative}")
            return failed(f"{name} is missing", seen=seen, fixes=[back])
    if not absent:
        look = Run(("ls", "-l", here.inside(name)))
        return unknown(f"{name} cannot be looked at", seen=seen, fixes=[look])
    return failed(f"{name} is missing", seen=seen, fixes=[_dump(here.inside(name))])


def _content(context: Context, name: str, facts: PathFacts, seen: list[Evidence]) -> Finding:
    """It is there: a header as bpftool writes it, or something else of that name."""
    path = context.project.inside(name)
    question = ReadFile(path, limit=1024)
    head = context.ask(question)
    if not isinstance(head, FileText):
        look = Run(("head", "-1", path))
        why = f"{name} cannot be read: {head.shown()}"
        return unknown(why, seen=[*seen, evidence(question, head)], fixes=[look])
    if GUARD in head.text:
        target = f" (a link to {facts.target})" if facts.target else ""
        return passed(f"{name}{target}, {facts.size} bytes", seen=seen)
    seen = [*seen, evidence(question, head)]
    if facts.size < 256 and "\n" not in head.text.strip() and "#" not in head.text:
        why = (
            f"{name} is a text file with the name {head.text.strip()}: the link was lost in a copy"
        )
        return failed(why, seen=seen, fixes=[_dump(path)])
    return warned(f"{name} is not as bpftool writes it: the build decides", seen=seen)


def _behind(name: str, facts: PathFacts) -> str:
    """The file to write for a link inside the checkout: the one it points to."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), facts.target or name))
    honest = facts.target and not target.startswith(("/", "../"))
    return target if honest else name


def _dump(path: str) -> Run:
    argv = ("bpftool", "btf", "dump", "file", "/sys/kernel/btf/vmlinux", "format", "c")
    return Run(argv, text="from the running kernel", output=path, undo=("rm", path))
