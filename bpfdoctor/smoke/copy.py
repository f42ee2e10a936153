"""The copy of a built program that is run: nobody else's to change, and gone afterwards."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bpfdoctor.host.scratch import Scratch
from bpfdoctor.smoke.build_cache import copy_program, runs_programs

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine

OTHER_PLACES = (Path("/run"), Path("/var/tmp"))  # noqa: S108  (mkdtemp makes our own in it)


@contextlib.contextmanager
def own_copy(machine: Machine, binary: str, sha256: str) -> Iterator[Path]:
    """A copy of the program that nobody else can change, in a directory that allows execution.

    Raises ValueError where its hash is not `sha256`, OSError where it cannot be read or written.
    """
    scratch = Scratch(_executable_place(machine))
    try:
        copy = scratch.path / Path(binary).name
        if copy_program(Path(binary), copy) != sha256:
            raise ValueError("the program is not the one that was built: its hash differs")
        yield copy
    finally:
        scratch.remove()


def _executable_place(machine: Machine) -> Path:
    """Our scratch directory; where /tmp is mounted noexec, another of the usual places."""
    places = [machine.scratch, *([machine.cache] if machine.cache else []), *OTHER_PLACES]
    for place in places:
        with contextlib.suppress(OSError):
            if runs_programs(place) and os.access(place, os.W_OK):
                return place
    return machine.scratch
