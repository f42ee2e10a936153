"""Names that are imported when somebody asks for them, and not before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from importlib import import_module

_LISTED = re.compile(
    r"^    from (\S+) import (?:\(([^)]+)\)|(.+))|^    (\w+) = (\w+)$", re.MULTILINE
)


def late_names(module: str) -> Callable[[str], object]:
    """Make the `__getattr__` of a module that lists its names as imports for a type checker.

    What stands below its `if TYPE_CHECKING:` is the only list there is: it is read off the source
    once, at the first name that is asked for.
    """
    places: dict[str, tuple[str, str]] = {}

    def find(name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        places.update(places or listed(module))
        if name not in places:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        place, original = places[name]
        value = getattr(import_module(place), original)
        setattr(import_module(module), name, value)  # found at once from now on
        return value

    return find


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
