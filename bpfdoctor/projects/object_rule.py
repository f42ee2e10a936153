"""Whether a makefile links the objects of its programs with bpftool."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

from bpfdoctor.projects.make_lines import collapsed, logical_lines, uncommented

TARGET = "%.bpf.o"
LINKS = ("gen", "object")
"""The words of `bpftool gen object`, as libbpf-bootstrap's makefile has them since 2022."""


@lru_cache(maxsize=4)  # it is asked for each program
def links_objects(makefile: str) -> bool:
    """Whether the recipe of every `%.bpf.o` calls it; what another rule does says nothing."""
    targets = ""
    for raw in logical_lines(makefile):
        line = uncommented(collapsed(raw))
        if not raw.startswith("\t"):
            targets = line.partition(":")[0].strip() if line.strip() else targets
        elif targets.endswith(TARGET) and LINKS in pairwise(line.split()):
            return True
    return False
