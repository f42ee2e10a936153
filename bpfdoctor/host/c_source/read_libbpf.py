"""Read off the source of a libbpf what it can do."""

from __future__ import annotations

import re

from bpfdoctor.host.c_source.file_text import file_text
from bpfdoctor.host.c_source.libbpf_source import LibbpfSource
from bpfdoctor.host.c_source.text import uncommented
from bpfdoctor.host.question import NoAnswer

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


def read_libbpf(directory: str) -> LibbpfSource | NoAnswer:
    """What the libbpf at `directory` can do: its repository, or where its files are."""
    place = f"{directory}/src"
    core = file_text(f"{place}/libbpf.c", LARGEST)
    if isinstance(core, NoAnswer) and core.absent:
        place = directory  # tools/lib/bpf of Linux
        core = file_text(f"{place}/libbpf.c", LARGEST)
    if isinstance(core, NoAnswer):
        return core
    types = file_text(f"{place}/btf.c", LARGEST)
    if isinstance(types, NoAnswer):
        return types
    header, symbols = (
        file_text(f"{place}/libbpf_version.h", LARGEST),
        file_text(f"{place}/libbpf.map", LARGEST),
    )
    return LibbpfSource(
        version=_version(header, symbols),
        btf_kinds=_kinds(types),
        tracefs='"/sys/kernel/tracing' in core,
        sections=_sections(core),
        question_mark="[0] == '?'" in core,
        plain_data="RODATA_SEC" in core and 'RODATA_SEC "."' not in core,
    )


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
    if not found:  # a table that is made elsewhere
        return ()
    ends = [each.start() for each in found[1:]] + [len(table)]
    # By their length alone until 0.5; then where a section says so, until 1.0.
    always = f"{core[begin.start() : begin.start() + 13].rstrip('[]')}[i].len" in core
    rest = (table[each.end() : end] for each, end in zip(found, ends, strict=True))
    return tuple(
        f"{each[1]}*" if always or "SEC_SLOPPY_PFX" in said else each[1]
        for each, said in zip(found, rest, strict=True)
    )
