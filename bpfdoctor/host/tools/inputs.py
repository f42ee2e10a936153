"""What a compile rests on: the files that it read, the places that it searched, its tool's parts.

The answer to a compile may change when any of these does: a header goes, or one of the same name
appears earlier on the search path; the linker or a shared library of the compiler is replaced.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from bpfdoctor.host.credentials import owner_on_the_way
from bpfdoctor.host.decode import decoded
from bpfdoctor.host.question import NoAnswer

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine
    from bpfdoctor.host.tools.workdir import Workplace

LINKER_PLACES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64")
"""Where linkers look of their own accord (SEARCH_DIR of GNU ld's scripts)."""

_CONFIGURATION = ("/etc/clang", "/etc/ld.so.cache", "/etc/ld.so.preload")

_parts: WeakKeyDictionary[Machine, dict[tuple[str, bool], set[str]]] = WeakKeyDictionary()
_parts_lock = threading.Lock()


def search_list(log: str) -> list[str]:
    """The include directories that `cc -v -E` lists, as the makefiles' sed reads them."""
    rest = log.partition("<...> search starts here:\n")[2]
    listed, end, _ = f"\n{rest}".partition("\nEnd of search list")
    return re.findall(r"^ (/.*)$", listed, re.MULTILINE) if end else []


def searched_in_vain(log: str) -> list[str]:
    """The include directories that `cc -v -E` would have searched, had they existed."""
    return re.findall(r'^ignoring nonexistent directory "(.*)"$', log, re.MULTILINE)


def dependencies(rule: str) -> list[str]:
    """The prerequisites in a make rule, as written by `-MD`."""
    words = re.findall(r"(?:\\.|\$\$|[^\s\\])+", rule.replace("\\\n", " ").partition(": ")[2])
    return [re.sub(r"\\(.)", r"\1", word).replace("$$", "$") for word in words]


def traced(log: str) -> list[str]:
    """The files that `ld --trace` names: plain, `-lz (/path)`, or `(/path/lib.a)member.o`."""
    return re.findall(r"(?<![^\s(])/[^\s()]+", log)


def inputs_of(
    place: Workplace, compiler: tuple[str, ...], flags: tuple[str, ...], libraries: tuple[str, ...]
) -> set[str] | None:
    """All that the compile (and link) in `place` read and searched; None where it will not say."""
    read = [path for path in dependencies(place.text("probe.d")) if path != place.path("probe.c")]
    found = {path for path in (*read, *traced(place.linked)) if path != place.path("probe.o")}
    if not place.text("probe.d") or not all(os.path.isabs(path) for path in found):
        return None
    if read:
        log = _said(place, (*compiler, *flags, "-v", "-E", "-x", "c", "/dev/null"))
        places = [*search_list(log), *searched_in_vain(log)]
        if not places:
            return None
        found |= {f"{top}/{below}" for top in places for below in _below(read, places)}
    if place.linked:
        found |= {word[2:] for word in (*flags, *libraries) if word.startswith("-L/")}
        found |= _library_places(place, compiler)
    return found | place.searched


def _below(read: list[str], places: list[str]) -> set[str]:
    """The sub-directories of a search path in which headers were found (`sys`), and itself."""
    tops = sorted((f"{top}/" for top in places), key=len, reverse=True)
    tails = [next((path[len(top) :] for top in tops if path.startswith(top)), "") for path in read]
    return {"", *(os.path.dirname(tail) for tail in tails)}


def _library_places(place: Workplace, compiler: tuple[str, ...]) -> set[str]:
    listed = re.search(
        r"^libraries: =?(.*)$", _said(place, (*compiler, "-print-search-dirs")), re.MULTILINE
    )
    named = place.machine.environ.get("LIBRARY_PATH", "").split(":")
    own = listed.group(1).split(":") if listed else []
    return {path for path in (*own, *named, *LINKER_PLACES) if os.path.isabs(path)}


def _said(place: Workplace, argv: tuple[str, ...]) -> str:
    ended = place.run(argv, 20)
    return "" if isinstance(ended, NoAnswer) else decoded(ended.stdout + ended.stderr)


def parts_of(machine: Machine, tool: str, compiler: tuple[str, ...] = ()) -> set[str]:
    """The files that `tool` (resolved) works with: its shared libraries, and their loader's cache.

    With `compiler`, the argv that runs it, also the programs that it calls. Found once a run.
    """
    with _parts_lock:
        known = _parts.setdefault(machine, {})
        if (tool, bool(compiler)) not in known:
            known[tool, bool(compiler)] = _find_parts(machine, tool, compiler)
        return set(known[tool, bool(compiler)])


def _find_parts(machine: Machine, tool: str, compiler: tuple[str, ...]) -> set[str]:
    found = {*_CONFIGURATION, f"{os.path.dirname(tool)}/clang.cfg", *_libraries(machine, tool)}
    if not compiler:
        return found
    places = [p for p in machine.environ.get("PATH", os.defpath).split(":") if os.path.isabs(p)]
    for name in ("cc1", "as", "collect2", "ld"):
        part = _output(machine, (*compiler, f"-print-prog-name={name}")).strip()
        if not os.path.isabs(part):  # found on PATH: one that appears earlier there would be it
            found |= {f"{place}/{name}" for place in places}
            part = shutil.which(name, path=":".join(places)) or ""
        if part:
            found |= {part, *_libraries(machine, os.path.realpath(part))}
        if name == "cc1":  # beside it: gcc's specs and the linker's plugin
            found |= {os.path.dirname(part)} - {""}
    return found


def _libraries(machine: Machine, executable: str) -> set[str]:
    """The shared libraries of an executable, by its loader's own word, without running it."""
    said = _output(machine, (executable, "--version"), {"LD_TRACE_LOADED_OBJECTS": "1"})
    return set(re.findall(r"^\t(?:\S+ => )?(/.*) \(0x[0-9a-f]+\)$", said, re.MULTILINE))


def _output(machine: Machine, argv: tuple[str, ...], extra: dict[str, str] | None = None) -> str:
    try:
        identity = owner_on_the_way(argv[0]) if os.path.isabs(argv[0]) else None
        return decoded(machine.run(argv, cwd="/", extra=extra, identity=identity).stdout)
    except OSError:
        return ""
