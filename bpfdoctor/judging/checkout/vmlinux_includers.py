"""Which programs include vmlinux.h: for the others its content does not matter."""

from __future__ import annotations

import posixpath
import re

from bpfdoctor.contract import Context
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.system.files import FileText, ReadFile
from bpfdoctor.projects.model import Build

_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include\b[ \t]*(.*)$", re.MULTILINE)
_NAMED = re.compile(r'"([^"\n]+)"|<([^>\n]+)>')

MOST_FILES = 64
"""Files that are read for one program; one with more is taken for one that includes it."""


def includers(context: Context, build: Build, header: str) -> tuple[str, ...]:
    """Name the programs whose BPF source includes the header, or may: what is not seen may."""
    wanted = posixpath.basename(header)
    return tuple(
        name
        for name in context.project.programs
        if _includes(context, build.directory, f"{name}.bpf.c", wanted)
    )


def _includes(context: Context, directory: str, source: str, wanted: str) -> bool:
    """Follow the files beside the makefile; where other headers lie, none is the checkout's own."""
    todo, seen = [source], {source}
    while todo:
        name = todo.pop()
        text = context.ask(ReadFile(context.project.inside(directory, name)))
        if isinstance(text, NoAnswer) and text.absent and name != source:
            continue  # of libbpf, or of the system
        if not isinstance(text, FileText) or text.truncated or len(seen) > MOST_FILES:
            return True
        for words in _INCLUDE.findall(text.text):
            named = _NAMED.match(words)
            if named is None:
                return True  # the preprocessor computes it
            path = posixpath.normpath(named[1] or named[2])
            if posixpath.basename(path) == wanted:
                return True
            if path not in seen and not path.startswith(("/", "../")):
                seen.add(path)
                todo.append(path)
    return False
