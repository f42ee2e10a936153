"""The header with the kernel's types: whether the checkout has it, and how it comes back."""

from __future__ import annotations

import posixpath

from bpfdoctor.api import Build, ByHand, Context, Evidence, Finding, Fix, Install, Instead
from bpfdoctor.api import NoAnswer, Run
from bpfdoctor.api import blocked, check, evidence, failed, passed, unknown, warned
from bpfdoctor.api import files, git, kernel, machine, tools

BPFTOOLS = ("bpftool", "/usr/sbin/bpftool", "/usr/local/sbin/bpftool")
"""Debian keeps it where a user's PATH does not lead."""

GUARD = "__VMLINUX_H__"
"""What `bpftool btf dump … format c` begins with, in every version of it."""


@check("checkout.vmlinux-h", title="vmlinux.h")
def vmlinux_h(context: Context) -> Finding | None:
    """Whether the header with the kernel's types, for this architecture, is in the checkout.

    BPF code includes `vmlinux.h` in place of the kernel's own headers. libbpf-bootstrap keeps
    one for each architecture in the submodule vmlinux.h; before 2024 it had others. Which one a
    build takes, its makefile says, and ARCH where the environment sets that: unset it if it names
    none that is there. It need not be of the running kernel: CO-RE adapts the program when it is
    loaded. Where it is missing, `bpftool btf dump file /sys/kernel/btf/vmlinux format c` writes
    one.
    """
    here, build = context.project, context.project.kind.build
    if build is None or not build.vmlinux_h or not here.path:
        return None
    named = here.setting("VMLINUX")
    if named.computed:
        why = f"where it is, the makefile computes by {named.computed}"
        return unknown(why, fixes=[Run(("bpfdoctor", "check"), text="asks make")])
    return _placed(context, build) if _is_named(context, build) else None


def _placed(context: Context, build: Build) -> Finding:
    """What follows of the place where the build looks for it."""
    running = context.ask(kernel.AskKernel())
    if not isinstance(running, kernel.Kernel):
        return unknown(f"the architecture is not known: {running.shown()}")
    name = _header(context, build, machine.target_architecture(running.architecture))
    if name.startswith("/"):
        look = Run(("ls", "-l", name))
        return unknown(f"it is {name}, outside of the checkout", fixes=[look])
    return _at(context, name)


def _at(context: Context, name: str) -> Finding:
    here = context.project
    question = files.LookAt(here.inside(name))
    facts = context.ask(question)
    seen = [evidence(question, facts)]
    if not isinstance(facts, files.PathFacts):
        return _not_there(context, name, facts.absent, seen)
    if facts.target_kind != "file":
        broken = f"{name} is a broken link to {facts.target}"
        why = f"{name} is not a file" if facts.target_kind else broken
        fixes = [] if facts.target_kind else _repairs(context, _behind(name, facts))
        return failed(why, seen=seen, fixes=fixes)
    if facts.size == 0:
        fixes = _repairs(context, _behind(name, facts))
        return failed(f"{name} is empty", seen=seen, fixes=fixes)
    return _content(context, name, facts, seen)


def _is_named(context: Context, build: Build) -> bool:
    """The makefile, as far as it was read, speaks of such a header at all."""
    if not context.project.settings:
        return True
    text = context.ask(files.Read(context.project.inside(build.makefile)))
    return not isinstance(text, files.Text) or "vmlinux" in text.text


def _header(context: Context, build: Build, architecture: str) -> str:
    """Its path in this checkout: the makefile's VMLINUX, for it has moved; else the project's."""
    here, named = context.project, context.project.setting("VMLINUX").value
    if not named:
        return build.vmlinux_h.replace("{arch}", architecture)
    if named.startswith(f"{here.path}/"):
        return posixpath.normpath(named.removeprefix(f"{here.path}/"))
    return posixpath.normpath(posixpath.join(build.directory, named))


def _not_there(context: Context, name: str, absent: bool, seen: list[Evidence]) -> Finding:
    """It is missing: perhaps with the submodule that holds it, which then is the root."""
    here = context.project
    answer = context.ask(git.AskSubmodules(here.path))
    for submodule in answer.found if isinstance(answer, git.Submodules) else ():
        inside = name.startswith(f"{submodule.path}/")
        empty = submodule.place != "filled" or 0 < submodule.tracked == submodule.absent
        if inside and empty and absent:
            key = f"checkout.submodules[{submodule.path}]"
            return blocked(f"{submodule.path} holds no files", by=[key])
    if not absent:
        look = Run(("ls", "-l", here.inside(name)))
        return unknown(f"{name} cannot be looked at", seen=seen, fixes=[look])
    if _led_astray(context, name):
        return _wrong_architecture(context, name, seen)
    return failed(f"{name} is missing", seen=seen, fixes=_repairs(context, name))


def _led_astray(context: Context, name: str) -> bool:
    """ARCH of the environment is a part of the path, and not the makefile's own."""
    given = context.project.setting("ARCH")
    return given.origin == "environment" and given.value in name.split("/")


def _wrong_architecture(context: Context, name: str, seen: list[Evidence]) -> Finding:
    value = context.project.setting("ARCH").value
    place = posixpath.dirname(name)
    summary = (
        f"ARCH={value} of the environment makes the makefile look in {place}, which is not there"
    )
    unset = ByHand("unset ARCH", instead=Instead(without=("ARCH",)))
    return failed(summary, seen=seen, fixes=[unset])


def _content(context: Context, name: str, facts: files.PathFacts, seen: list[Evidence]) -> Finding:
    """It is there: a header as bpftool writes it, or something else of that name."""
    path = context.project.inside(name)
    question = files.Read(path, limit=1024)
    head = context.ask(question)
    if not isinstance(head, files.Text):
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
        return failed(why, seen=seen, fixes=_dump(context, path))
    return warned(f"{name} is not as bpftool writes it: the build decides", seen=seen)


def _behind(name: str, facts: files.PathFacts) -> str:
    """The file to write for a link inside the checkout: the one it points to."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), facts.target or name))
    honest = facts.target and not target.startswith(("/", "../"))
    return target if honest else name


def _repairs(context: Context, name: str) -> list[Fix]:
    """What brings the header back: git, where a submodule of it holds the file, else bpftool."""
    here = context.project
    answer = context.ask(git.AskSubmodules(here.path))
    for submodule in answer.found if isinstance(answer, git.Submodules) else ():
        if name.startswith(f"{submodule.path}/") and submodule.commit:
            words = ("git", "-C", here.inside(submodule.path), "checkout", "--")
            return [ByHand(tools.to_paste(*words, name.removeprefix(f"{submodule.path}/")))]
    return _dump(context, here.inside(name))


def _dump(context: Context, path: str) -> list[Fix]:
    """Write it from the running kernel, with the bpftool that is there."""
    fixes: list[Fix] = []
    directory = posixpath.dirname(path)
    facts = context.ask(files.LookAt(directory))
    if isinstance(facts, NoAnswer) and facts.absent:
        fixes.append(Run(("mkdir", "-p", directory), cwd=context.project.path))
    looks = {tool: context.ask(tools.Find(tool)) for tool in BPFTOOLS}
    if all(isinstance(answer, NoAnswer) and answer.absent for answer in looks.values()):
        fixes.append(Install(("bpftool",)))
    found = [tool for tool, answer in looks.items() if not isinstance(answer, NoAnswer)]
    argv = (*[*found, "bpftool"][:1], "btf", "dump", "file", "/sys/kernel/btf/vmlinux")
    dump = (*argv, "format", "c")
    return [*fixes, Run(dump, text="from the running kernel", output=path, undo=("rm", path))]
