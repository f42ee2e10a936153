"""What a build broke at: the same for two programs where one thing broke both."""

from __future__ import annotations

import re

_TARGET = re.compile(r"^make[^*\n]*: \*\*\* (\[.+\].*)$", re.MULTILINE)
"""What make says where a recipe fails: `make[1]: *** [Makefile:150: libbpf.a] Error 2`."""

_TROUBLE = re.compile(r"^.*\b(?:error|undefined reference)\b.*$", re.MULTILINE | re.IGNORECASE)
"""What compilers, linkers and bpftool say of their trouble; make says it of its target."""

_ABSENT = re.compile(
    r"error: '?([\w./+-]+\.h)'?(?:: No such file or directory| file not found)", re.MULTILINE
)
"""A header that gcc, or clang, does not find."""


def stopped_at(log: str, program: str) -> frozenset[str]:
    """What a build of `program` broke at, by what make said; empty where that is not told.

    What the programs share (libbpf, bpftool) are the same targets for all of them. A step of a
    program's own has its name, which is left out: a tool that breaks in it says the same of each.
    Where the program's own source is at fault, it is kept, and so is that of this program alone.
    A header that is not found is the one fault of all that include it.
    """
    absent = _ABSENT.findall(log)
    if absent:
        return frozenset(f"{name} is not found" for name in absent)
    targets = frozenset(_TARGET.findall(log))
    own = re.compile(rf"(?<![\w.-]){re.escape(program)}(?=[.\]: ']|$)", re.MULTILINE)
    fault = rf"^(?:\S*/)?{re.escape(program)}(?:\.bpf)?\.[ch]:\d+:.*\berror\b"
    if not any(own.search(each) for each in targets) or re.search(fault, log, re.MULTILINE):
        return targets
    return frozenset(own.sub("PROGRAM", each) for each in (*targets, *_TROUBLE.findall(log)))
