"""Read the project kinds and recognise a checkout."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.projects.model import Kind

HERE = Path(__file__).parent


@cache
def kinds() -> dict[str, Kind]:
    """Every project kind by name. Raises BpfDoctorError naming the file and field of a mistake."""
    found = [read_kind(path) for path in sorted(HERE.glob("*.toml"))]
    return {kind.name: kind for kind in found}


def read_kind(path: Path) -> Kind:
    """One project file."""
    try:
        kind = msgspec.toml.decode(path.read_bytes(), type=Kind)
    except (OSError, ValueError) as error:
        raise BpfDoctorError(f"project file {path}: {error}") from None
    for mistake in _mistakes(kind):
        raise BpfDoctorError(f"project file {path}: {mistake}")
    return kind


def _mistakes(kind: Kind) -> Iterator[str]:
    """What no type can say: names of programs that there are not, patterns that are none."""
    named = [*kind.default, *(each.substitute for each in kind.programs.values())]
    for name in named:
        if name and name not in kind.programs:
            yield f"there is no program {name!r}"
    for name, program in kind.programs.items():
        try:
            re.compile(program.proof.pattern if program.proof else "")
        except re.error as error:
            yield f"the pattern that proves {name} is none: {error}"


def kind_named(name: str) -> Kind:
    """The kind of that name. Raises BpfDoctorError with the near miss."""
    import difflib

    known = kinds()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}?" if near else "known are " + ", ".join(known)
    raise BpfDoctorError(f"no project is called {name!r}", hint)
