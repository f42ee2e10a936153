"""The header with the kernel's types: whether the checkout has it, and how it comes back."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from msgspec.structs import replace

from bpfdoctor.api import Build, ByHand, Context, Evidence, Finding, Instead, Run, Status
from bpfdoctor.api import blocked, check, evidence, failed, passed, unknown
from bpfdoctor.api import files, git, kernel, machine, tools, vmlinux


ID = "checkout.vmlinux-h"


@check(
    ID,
    title="vmlinux.h",
    explained_by=("toolchain.commands",),  # without uname or sed the makefile names no architecture
    excused_by=("toolchain.make",),  # of which what the makefile computes is asked
)
def vmlinux_h(context: Context) -> Iterator[Finding]:
    """Whether the header with the kernel's types, for this architecture, is in the checkout.

    BPF code includes `vmlinux.h` in place of the kernel's own headers. libbpf-bootstrap keeps
    one for each architecture in the submodule vmlinux.h; before 2024 it had others. Which one a
    build takes, its makefile says, and ARCH where the environment sets that: unset it if it names
    none that is there. It need not be of the running kernel: CO-RE adapts the program when it is
    loaded. Where it is missing, `bpftool btf dump file /sys/kernel/btf/vmlinux format c` writes
    one. make wants the file for every program. What it holds matters to those that include it:
    clang compiles it, as the owner of the checkout, and one that was cut off, or that holds an
    error message or nothing but blanks in place of C, fails.
    """
    here, build = context.project, context.project.kind.build
    if build is None or not build.vmlinux_h or not here.path:
        return
    named = here.setting("VMLINUX")
    if named.computed:
        why = f"where it is, the makefile computes by {named.computed}"
        yield unknown(why, fixes=[Run(("bpfdoctor", "check"), text="asks make")])
    elif _is_named(context, build):
        yield from _placed(context, build)


def _placed(context: Context, build: Build) -> Iterator[Finding]:
    """What follows of the place where the build looks for it."""
    running = context.ask(kernel.AskKernel())
    if not isinstance(running, kernel.Kernel):
        yield unknown(f"the architecture is not known: {running.shown()}")
        return
    name = context.project.vmlinux_h(machine.target_architecture(running.architecture))
    if name.startswith("/"):
        look = Run(("ls", "-l", name))
        yield unknown(f"it is {name}, outside of the checkout", fixes=[look])
        return
    yield from _at(context, build, name)


def _at(context: Context, build: Build, name: str) -> Iterator[Finding]:
    question = files.LookAt(context.project.inside(name))
    facts = context.ask(question)
    seen = [evidence(question, facts)]
    if not isinstance(facts, files.PathFacts):
        yield _not_there(context, name, facts.absent, seen)
    elif not facts.target_kind:
        why = f"{name} is a broken link to {facts.target}"
        yield failed(why, seen=seen, fixes=vmlinux.repairs(context, name, facts))
    else:
        yield from _for_includers(context, build, name, _content(context, name, facts, seen))


def _for_includers(
    context: Context, build: Build, name: str, content: Finding
) -> Iterator[Finding]:
    """It is there, which is all that make wants; what it holds concerns who includes it."""
    if content.status is Status.PASS or content.blocked_by:
        yield content
        return
    found = replace(content, id=ID, about="content")
    yield found
    for program in vmlinux.includers(context, build, name):
        why = f"{program}.bpf.c includes {name}"
        yield blocked(why, by=[found.key], about=program)


def _is_named(context: Context, build: Build) -> bool:
    """The makefile, as far as it was read, speaks of such a header at all."""
    if not context.project.settings or context.project.setting("VMLINUX").value:
        return True
    text = context.ask(files.Read(context.project.inside(build.makefile)))
    return not isinstance(text, files.Text) or "vmlinux" in text.text


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
    return failed(f"{name} is missing", seen=seen, fixes=vmlinux.repairs(context, name))


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
    """It is there: C that compiles, or something else of that name."""
    if facts.target_kind != "file" or facts.size == 0:
        why = f"{name} is {'empty' if facts.target_kind == 'file' else 'not a file'}"
        return failed(why, seen=seen, fixes=vmlinux.repairs(context, name, facts))
    path = context.project.inside(name)
    question = files.Read(path, limit=1024)
    head = context.ask(question)
    if not isinstance(head, files.Text):
        look = Run(("head", "-1", path))
        why = f"{name} cannot be read: {head.shown()}"
        return unknown(why, seen=[*seen, evidence(question, head)], fixes=[look])
    if vmlinux.ERROR_TEXT.match(head.text):
        fixes = vmlinux.repairs(context, name, facts)
        return failed(f"{name} holds the error text of bpftool, not C", seen=seen, fixes=fixes)
    if vmlinux.is_lost_link(facts, head.text):
        seen = [*seen, evidence(question, head)]
        link = head.text.strip()
        why = f'{name} contains the text "{link}": a symlink was lost when copying'
        return failed(why, seen=seen, fixes=vmlinux.relinked(context, name, link))
    return _compiled(context, name, facts, seen, head.text)


def _compiled(
    context: Context, name: str, facts: files.PathFacts, seen: list[Evidence], head: str
) -> Finding:
    """By the word of the clang that the build takes, without a line of what it read."""
    clang = tools.chosen_clang(context.host, context.project.kind.clang, context.project.tools)
    if not clang.fit:
        return blocked(f"there is no clang to compile {name} with", by=["toolchain.clang-bpf"])
    question = vmlinux.compilation(context, name, clang.argv, head)
    answer = context.ask(question)
    if not isinstance(answer, tools.SourcesRead):
        why = f"could not determine whether {name} compiles: {answer.shown()}"
        return unknown(
            why, seen=[*seen, evidence(question, answer)], fixes=[vmlinux.by_hand(question)]
        )
    if answer.ok:
        target = f" (a link to {facts.target})" if facts.target else ""
        return passed(f"{name}{target}, {facts.size:,} bytes", seen=seen)
    why = f"{name} does not compile: {vmlinux.compile_error(context, name, answer.errors)}"
    fixes = vmlinux.repairs(context, name, facts)
    return failed(why, seen=[*seen, evidence(question, answer)], fixes=fixes)
