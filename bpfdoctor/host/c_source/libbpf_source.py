"""What a libbpf can do, read off its own source: no table of releases, no build.

A program that is linked with an old libbpf fails by it on a kernel that has all it takes: btf.c
refuses BTF that holds a kind which it does not know, and libbpf.c a section whose name it does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from bpfdoctor.host.c_source.text import uncommented
from bpfdoctor.host.question import Answer, NoAnswer, Question
from bpfdoctor.host.reading import NotRegularError, PrivateError, read_published

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

LARGEST = 4 << 20
"""Bytes of one file of its source: libbpf.c has half a megabyte."""
MOST_SECTIONS = 512

_KIND = re.compile(r"\bcase\s+BTF_KIND_(\w+)\s*:")
_SIZES = re.compile(r"^static int btf_type_size\([^()\n]*\)\n?\{", re.MULTILINE)
_TABLE = re.compile(r"\b(?:section_defs|section_names)\[\]\s*=\s*\{")
_NAME = re.compile(r'\(\s*"([^"\\\n]{1,64})"')
_MAJOR = re.compile(
    r"^[ \t]*#[ \t]*define[ \t]+LIBBPF_MAJOR_VERSION[ \t]+(\d{1,4})\b", re.MULTILINE
)
_MINOR = re.compile(
    r"^[ \t]*#[ \t]*define[ \t]+LIBBPF_MINOR_VERSION[ \t]+(\d{1,4})\b", re.MULTILINE
)
_MAPPED = re.compile(r"^LIBBPF_(\d{1,4})\.(\d{1,4})\.\d{1,4}\b", re.MULTILINE)


class LibbpfSource(Answer, frozen=True):
    """A libbpf by its source.

    `version` is that of its source: a release, or the one that it was going to be; empty where it
    does not say. `btf_kinds` are the kinds of BTF that it reads (`ENUM64`). `tracefs`: it looks for
    tracefs at /sys/kernel/tracing; else below debugfs alone. `sections` are the names of sections
    that it knows: `tc` is one, `kprobe+` also begins one (`kprobe/do_unlinkat`), `kprobe/` begins
    one, and of `xdp*` the beginning is enough. `question_mark`: it takes `?kprobe/…` for a program
    that is not loaded unless it is asked for.
    """

    version: str = ""
    btf_kinds: tuple[str, ...] = ()
    tracefs: bool = False
    sections: tuple[str, ...] = ()
    question_mark: bool = False

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
    return LibbpfSource(f"{release[0]}.{release[1]}", kinds, new, question_mark=True)


def _matches(known: str, section: str) -> bool:
    """As `sec_def_matches` of libbpf.c has it."""
    if known.endswith("*"):
        return section.startswith(known[:-1])
    if known.endswith("+"):
        return section == known[:-1] or section.startswith(f"{known[:-1]}/")
    return section.startswith(known) if known.endswith("/") else section == known


class AskLibbpf(Question[LibbpfSource], frozen=True):
    """Read the source of a libbpf: `directory` is that of its repository, or of its files."""

    directory: str

    asks = "tree"

    def put(self, machine: Machine) -> LibbpfSource | NoAnswer:
        if not self.directory:
            return NoAnswer("refused", "there is no directory to read")
        place = f"{self.directory}/src"
        core = _text(f"{place}/libbpf.c")
        if isinstance(core, NoAnswer) and core.absent:
            place = self.directory  # tools/lib/bpf of Linux
            core = _text(f"{place}/libbpf.c")
        if isinstance(core, NoAnswer):
            return core
        types = _text(f"{place}/btf.c")
        if isinstance(types, NoAnswer):
            return types
        header, symbols = _text(f"{place}/libbpf_version.h"), _text(f"{place}/libbpf.map")
        return LibbpfSource(
            version=_version(header, symbols),
            btf_kinds=_kinds(types),
            tracefs='"/sys/kernel/tracing' in core,
            sections=_sections(core),
            question_mark="[0] == '?'" in core,
        )

    def source(self) -> str:
        return f"btf.c, libbpf.c, libbpf_version.h and libbpf.map in {self.directory}"


def _text(path: str) -> str | NoAnswer:
    try:
        data = read_published(path, LARGEST + 1)
    except NotRegularError as error:
        return NoAnswer("refused", str(error.strerror))
    except PrivateError as error:
        return NoAnswer("EACCES", str(error.strerror))
    except OSError as error:
        return NoAnswer.from_error(error)
    except ValueError as error:  # a path with a NUL byte
        return NoAnswer("refused", str(error))
    if len(data) > LARGEST:
        return NoAnswer("too-large", f"more than {LARGEST} bytes")
    return data.decode(errors="replace")


def _version(header: str | NoAnswer, symbols: str | NoAnswer) -> str:
    """By its header (since 0.6), else the newest of the symbols that it exports."""
    if isinstance(header, str):
        major, minor = _MAJOR.search(header), _MINOR.search(header)
        if major and minor:
            return f"{major[1]}.{minor[1]}"
    found = _MAPPED.findall(symbols) if isinstance(symbols, str) else []
    newest = max(((int(major), int(minor)) for major, minor in found), default=None)
    return f"{newest[0]}.{newest[1]}" if newest else ""


def _kinds(types: str) -> tuple[str, ...]:
    """The kinds whose size it knows: over any other it cannot go on to the next type."""
    begin = _SIZES.search(types)
    body = types[begin.start() : types.find("\n}", begin.end())] if begin else types
    return tuple(sorted(set(_KIND.findall(uncommented(body))))[:MOST_SECTIONS])


def _sections(core: str) -> tuple[str, ...]:
    """The table of sections, with a mark where the beginning of a name is enough."""
    begin = _TABLE.search(core)
    if begin is None:
        return ()
    table = uncommented(core[begin.end() : core.find("\n};", begin.end())])
    found = list(_NAME.finditer(table))[:MOST_SECTIONS]
    ends = [each.start() for each in found[1:]] + [len(table)]
    # By their length alone until 0.5; then where a section says so, until 1.0.
    always = f"{core[begin.start() : begin.start() + 13].rstrip('[]')}[i].len" in core
    rest = (table[each.end() : end] for each, end in zip(found, ends, strict=True))
    return tuple(
        f"{each[1]}*" if always or "SEC_SLOPPY_PFX" in said else each[1]
        for each, said in zip(found, rest, strict=True)
    )
