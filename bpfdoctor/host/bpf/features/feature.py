"""What is known of each program type, map type, attach type and helper of the kernel.

Names are those of the enumerators of linux/bpf.h, in lower case and without what all of one
enumeration begin with. Numbers are held to the kernel's own types, and releases to kernels that
are booted (`tests/vm/test_features.py`).
"""

from __future__ import annotations

import msgspec


class Feature(msgspec.Struct, frozen=True):
    """One of an enumeration of linux/bpf.h, and the release of Linux that brought it.

    `commit` is the change that did; `needs` an option without which a kernel lacks it all the same.
    """

    number: int
    since: str
    commit: str = ""
    needs: str = ""

    @property
    def release(self) -> tuple[int, int]:
        """`since`, to compare."""
        major, _, minor = self.since.partition(".")
        return int(major), int(minor)

    @property
    def origin(self) -> str:
        """Release and commit in words: `5.8, commit 457f44363a88`."""
        return f"{self.since}, commit {self.commit}" if self.commit else self.since


class ProgramType(Feature, frozen=True):
    """One of enum bpf_prog_type, and how the least program of it is loaded.

    `attach` names the attach type that the kernel asks for then. `targeted`: it is loaded for one
    target, by the id of that in the kernel's BTF, and does not load without.
    """

    attach: str = ""
    flags: int = 0
    targeted: bool = False


class MapType(Feature, frozen=True):
    """One of enum bpf_map_type, and the sizes and flags by which the least map of it is made.

    `typed`: BTF must say of what types key and value are. `of_maps`: another map is named, which
    those that it holds are like.
    """

    key_size: int = 4
    value_size: int = 4
    entries: int = 1
    flags: int = 0
    typed: bool = False
    of_maps: bool = False


class AttachType(Feature, frozen=True):
    """One of enum bpf_attach_type."""


class Helper(Feature, frozen=True):
    """One of enum bpf_func_id; `program` names a type of program that may call it.

    Empty where only programs for one target may.
    """

    program: str = ""
