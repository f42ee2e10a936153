"""Names that are imported when somebody asks for them, and not before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from types import ModuleType

_LISTED = re.compile(
    r"^    from (\S+) import (?:\(([^)]+)\)|(.+))|^    (\w+) = (\w+)$", re.MULTILINE
)


NOT_HANDED_ON = {"TYPE_CHECKING", "annotations", "late_names"}
"""Names in these modules that serve themselves alone."""


def late_names(module: str) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Make `__getattr__` and `__dir__` of a module that lists its names for a type checker.

    What stands below its `if TYPE_CHECKING:` is the only list there is: it is read off the source
    once, at the first name that is asked for.
    """
    places: dict[str, tuple[str, str]] = {}

    def find(name: str) -> object:
        places.update(places or listed(module))
        if name == "__all__":
            return names()
        if name not in places:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        place, original = places[name]
        value = getattr(import_module(place), original)
        setattr(import_module(module), name, value)  # found at once from now on
        return value

    def names() -> list[str]:
        places.update(places or listed(module))
        return sorted({*places, *_handed_on(module)})

    return find, names


def _handed_on(module: str) -> Iterator[str]:
    """What a module has imported from ours to hand it on, parts apart."""
    for name, value in vars(import_module(module)).items():
        if name[0] != "_" and name not in NOT_HANDED_ON and not isinstance(value, ModuleType):
            yield name


def take(parts: Iterable[str]) -> None:
    """Import all that these parts list, where it is known that most of it will be asked for.

    Threads that import while they run wait for each other more than they import.
    """
    for part in parts:
        for place, _ in listed(f"bpfdoctor.api.{part}").values():
            import_module(place)


def listed(module: str) -> dict[str, tuple[str, str]]:
    """Each name that a module lists, with the module it is imported from and its name there."""
    found: dict[str, tuple[str, str]] = {}
    with open(str(import_module(module).__file__), encoding="utf-8") as source:
        rows = _LISTED.findall(source.read())
    for place, several, one, short, name in rows:
        if short:
            found[short] = found[name]
        elif one.startswith("*"):
            found |= listed(place)
        else:
            names = re.findall(r"(\w+) as", several or one)
            found |= {each: (place, each) for each in names}
    return found
