"""Whether a file that make would use as it is can be used."""

from __future__ import annotations

from bpfdoctor.contract import Context
from bpfdoctor.host.elf.object import AskExecutable
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.tools.built_files import BuiltFile
from bpfdoctor.host.tools.compile import Compiled
from bpfdoctor.host.tools.emulated import TryExecutable
from bpfdoctor.host.tools.version import AskVersion
from bpfdoctor.judging.checkout.kept import for_the_tool
from bpfdoctor.judging.checkout.own_place import OwnPlace
from bpfdoctor.judging.tools.compilers import chosen_compilers, compile_c
from bpfdoctor.judging.tools.tool_verdict import misbehaving

_NAMES = {
    "object": "object file",
    "executable": "executable",
    "archive": "archive",
    "skeleton": "header",
}


def stale_trouble(file: BuiltFile, machine: str) -> str:
    """Say why a file cannot be used; empty where it can. `machine` is empty where unknown."""
    if file.state == "other":
        return f"is no {_NAMES[file.made]}"
    if file.state != "whole":
        states = {"cut": "is cut off", "empty": "is empty"}
        return states.get(file.state, "cannot be read")
    if machine and file.machine and file.machine != machine:
        return f"is for {file.machine}, not for {machine}"
    if file.made == "executable" and not file.runs:
        return "may not be executed"
    return ""


def wanted_machine(context: Context, own: OwnPlace, file: BuiltFile) -> str:
    """Name the machine that a file must be for: BPF, or the compiler's; empty where unknown."""
    if file.path.endswith(".bpf.o"):
        return "EM_BPF"
    output = own.build.outputs[0] if own.build.outputs else ""
    variable = "HOSTCC" if for_the_tool(output, file.path) else "CC"
    for each in chosen_compilers(context.host, context.project.tools):
        if each.variable == variable and each.fit:
            compiled = context.ask(compile_c(each.argv))
            made = compiled.object if isinstance(compiled, Compiled) else None
            return made.machine if made else ""
    return ""


def tool_trouble(context: Context, own: OwnPlace, file: BuiltFile, where: str) -> tuple[str, str]:
    """Say why the bpftool of an earlier build does not run, and what could not be determined."""
    path, unusable = f"{where}/{file.path}", file.state in ("cut", "empty", "unreadable")
    if unusable or not file.runs:
        return ("" if own.seen.rooms[-1].noexec else stale_trouble(file, "")), ""
    if not context.may_build:
        foreign = stale_trouble(file, wanted_machine(context, own, file))
        return ("", f"{path} {foreign}") if foreign and _may_run(context, path) else (foreign, "")
    question = AskVersion((path, "version"), context.project.path)
    bad = misbehaving(question.argv, question, context.ask(question))
    if bad is None:
        return "", ""
    trouble = bad.trouble.removeprefix(f"{path} ")
    foreign = stale_trouble(file, wanted_machine(context, own, file))
    return ("", bad.trouble) if bad.state == "unclear" else (foreign or trouble, "")


def _may_run(context: Context, path: str) -> bool:
    """Whether it runs here, perhaps by emulation: an executable for its machine is tried."""
    kind = context.ask(AskExecutable(path))
    if isinstance(kind, NoAnswer):
        return False
    answer = context.ask(TryExecutable(kind.machine, kind.bits, kind.endian))
    return isinstance(answer, NoAnswer) or answer.accepted
