"""What a file called vmlinux.h holds: C that compiles, an error message, or a lost link."""

from __future__ import annotations

import re

from bpfdoctor.contract import Context
from bpfdoctor.host.architecture import target_architecture
from bpfdoctor.host.shell_words import to_paste
from bpfdoctor.host.system.facts import AskKernel, Kernel
from bpfdoctor.host.system.files import PathFacts
from bpfdoctor.host.tools.sources import ReadSources
from bpfdoctor.judging.tools.clang import BPF_FLAGS
from bpfdoctor.model import ByHand

ERROR_TEXT = re.compile(
    r"\s*(?:Error: |libbpf: |Usage: .*\bbpftool\b|WARNING: bpftool not found"
    r"|(?:[^:\s][^:\n]*: +)*\S*bpftool: (?:command )?not found)"
)
"""Messages of bpftool, or of a shell without one, in place of a header."""

ERROR = re.compile(r"(?P<file>.*?):(?P<line>\d+):(?:\d+:)? (?:fatal )?error: (?P<text>.*)")

TYPES = re.compile(r"\b(?:typedef|struct|union|enum)\b")
"""Words of which one is among the first of any header that bpftool writes."""

MUST_DECLARE = ("-Wno-everything", "-Werror=empty-translation-unit")
"""To clang blanks, NUL bytes and comments are a good header; ISO C wants a declaration."""

PATIENCE = 15.0
"""Seconds for a compilation, which takes a tenth of one."""


def is_lost_link(facts: PathFacts, text: str) -> bool:
    """Whether a symlink was copied as a text file that contains its target."""
    own = facts.kind == "file" and facts.size < 256
    return own and "\n" not in text.strip() and "#" not in text and not TYPES.match(text.strip())


def compilation(context: Context, name: str, clang: tuple[str, ...], head: str) -> ReadSources:
    """Make the question whether the header compiles, with the flags of the build.

    One whose `head` names no type must declare something, too.
    """
    here, build = context.project, context.project.kind.build
    running = context.ask(AskKernel())
    name_of = running.architecture if isinstance(running, Kernel) else ""
    architecture = target_architecture(name_of)
    include = [each.replace("{arch}", architecture) for each in (build.include if build else ())]
    flags = (f"-D__TARGET_ARCH_{architecture}", *(f"-I{here.inside(each)}" for each in include))
    return ReadSources(
        clang,
        (here.inside(name),),
        here.path,
        (*BPF_FLAGS, *flags, *(() if TYPES.search(head) else MUST_DECLARE)),
        syntax=True,
        host_includes=True,
        timeout=PATIENCE,
    )


def compile_error(context: Context, name: str, errors: tuple[str, ...]) -> str:
    """Say what is wrong and in which line; for another file, its name too."""
    found = ERROR.match(errors[0]) if errors else None
    if found is None:
        return "what is wrong lies in a file outside of the checkout"
    file = found["file"].removeprefix(context.project.inside(""))
    where = f"line {found['line']}" if file == name else f"{file}, line {found['line']}"
    return f"{found['text']} ({where})"


def by_hand(question: ReadSources) -> ByHand:
    words = (*question.compiler, *question.flags, "-fsyntax-only", "-x", "c", *question.sources)
    return ByHand(f"see what it does by hand: {to_paste(*words)}")
