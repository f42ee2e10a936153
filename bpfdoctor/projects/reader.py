"""Read the project kinds and recognise a checkout."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from bpfdoctor.errors import BpfDoctorError, near_miss
from bpfdoctor.projects.model import ProjectKind
from bpfdoctor.projects.sound import mistakes
from bpfdoctor.typed import from_toml

HERE = Path(__file__).parent


@cache
def kinds() -> dict[str, ProjectKind]:
    """Every project kind by name. Raises BpfDoctorError naming the file and field of a mistake."""
    found = [read_kind(path) for path in sorted(HERE.glob("*.toml"))]
    return {kind.name: kind for kind in found}


def read_kind(path: Path) -> ProjectKind:
    """One project file. Raises BpfDoctorError naming it and its first mistake."""
    try:
        kind = from_toml(path.read_bytes(), ProjectKind)
    except (OSError, ValueError) as error:
        raise BpfDoctorError(f"project file {path}: {error}") from None
    for mistake in mistakes(kind):
        raise BpfDoctorError(f"project file {path}: {mistake}")
    return kind


def kind_named(name: str) -> ProjectKind:
    """The kind of that name. Raises BpfDoctorError with the near miss."""
    known = kinds()
    if name in known:
        return known[name]
    hint = near_miss(name, known, "known are " + ", ".join(known))
    raise BpfDoctorError(f"no project is called {name!r}", hint)
