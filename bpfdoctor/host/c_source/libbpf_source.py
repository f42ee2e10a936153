"""What a libbpf can do, read off its own source: no table of releases, no build.

A program that is linked with an old libbpf fails by it on a kernel that has all it takes: btf.c
refuses BTF that holds a kind which it does not know, and libbpf.c a section whose name it does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from bpfdoctor.host.question import Answer


class LibbpfSource(Answer, frozen=True):
    """A libbpf by its source.

    `version` is that of its source: a release, or the one that it was going to be; empty where it
    does not say. `btf_kinds` are the kinds of BTF that it reads (`ENUM64`). `tracefs`: it looks for
    tracefs at /sys/kernel/tracing; else below debugfs alone. `sections` are the names of sections
    that it knows: `tc` is one, `kprobe+` also begins one (`kprobe/do_unlinkat`), `kprobe/` begins
    one, and of `xdp*` the beginning is enough. `question_mark`: it takes `?kprobe/…` for a program
    that is not loaded unless it is asked for. `plain_data`: of global data it takes .data, .bss and
    .rodata alone, and no section such as .rodata.str1.1 (before libbpf 0.6).
    """

    version: str = ""
    btf_kinds: tuple[str, ...] = ()
    tracefs: bool = False
    sections: tuple[str, ...] = ()
    question_mark: bool = False
    plain_data: bool = False

    def knows(self, section: str) -> bool:
        """Whether it knows a program by the name of its section, as in SEC().

        Where its own list was not found, it is taken to know any.
        """
        if section.startswith("?"):
            return self.question_mark and self.knows(section[1:])
        return not self.sections or any(_matches(each, section) for each in self.sections)

    def unread(self, kinds: Iterable[str]) -> tuple[str, ...]:
        """Those of some kinds of BTF that it does not read; none where its own are not known."""
        known = self.btf_kinds
        return tuple(kind for kind in kinds if known and kind not in known)

    def shown(self) -> str:
        places = "/sys/kernel/tracing" if self.tracefs else "/sys/kernel/debug/tracing alone"
        kinds = ", ".join(self.btf_kinds) or "(not found)"
        sections = f"{len(self.sections)} names of sections"
        return f"libbpf {self.version}\nreads BTF of {kinds}\nseeks {places}\nknows {sections}"


SINCE = {"FLOAT": (0, 4), "DECL_TAG": (0, 6), "TYPE_TAG": (0, 6), "ENUM64": (1, 0)}
"""The releases of libbpf since which it reads a kind of BTF that its first ones did not."""

NAMED_DATA = (0, 6)
"""The release since which it reads sections of data with names of their own."""
_OF_CODE = ("FUNC", "FUNC_PROTO", "VAR", "DATASEC")
_CHANGED = ("TYPEDEF", "VOLATILE", "CONST", "RESTRICT")
_FIRST = ("INT", "PTR", "ARRAY", "STRUCT", "UNION", "ENUM", "FWD", *_CHANGED, *_OF_CODE)
_RELEASE = re.compile(r"(\d{1,4})\.(\d{1,4})(?:\.\d{1,4})?\s*")


def of_release(version: str) -> LibbpfSource | None:
    """A libbpf of which only the release is known, as it is installed; None for another word.

    Since 1.0 it looks for tracefs at its own place (commit 1fe0248c in libbpf's repository,
    2022-07). Which sections it knows is not told.
    """
    found = _RELEASE.fullmatch(version)
    if found is None:
        return None
    release = int(found[1]), int(found[2])
    kinds = (*_FIRST, *(kind for kind, since in SINCE.items() if release >= since))
    new = release >= (1, 0)
    old = release < NAMED_DATA
    name = f"{release[0]}.{release[1]}"
    return LibbpfSource(name, kinds, new, question_mark=True, plain_data=old)


def _matches(known: str, section: str) -> bool:
    """As `sec_def_matches` of libbpf.c has it."""
    if known.endswith("*"):
        return section.startswith(known[:-1])
    if known.endswith("+"):
        return section == known[:-1] or section.startswith(f"{known[:-1]}/")
    return section.startswith(known) if known.endswith("/") else section == known
