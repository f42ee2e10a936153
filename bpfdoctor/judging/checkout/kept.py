"""Which files of earlier builds the next make would use as they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from bpfdoctor.host.tools.build_place import BuildPlace
from bpfdoctor.host.tools.built_files import BPFTOOL, BuiltFile


class Outlook(msgspec.Struct, frozen=True):
    """Says what the next make does for one program.

    `complete`: nothing, for the program is there and newer than all it is made of. `uses` are its
    own files that it takes as they are, `rewrites` those that it opens to write them anew.
    `generates`: it runs bpftool. `archives`: those that it links.
    """

    program: str
    complete: bool
    uses: tuple[BuiltFile, ...]
    rewrites: tuple[BuiltFile, ...] = ()
    generates: bool = False
    archives: tuple[BuiltFile, ...] = ()


def outlook(place: BuildPlace, output: str, program: str) -> Outlook:
    """Follow a program's files as make does, by their times: source, object, skeleton, program."""
    files = {each.path: each for each in place.built}
    bpf, skeleton, made = (
        files.get(f"{output}/{program}{end}") for end in (".bpf.o", ".skel.h", ".o")
    )
    whole, source = files.get(program), dict(place.sources).get
    archives = tuple(_archives(place, output))
    library = _settled_all(archives, place.library)
    of_bpf = settled(bpf, source(f"{program}.bpf.c", 0), place.headers, library)
    of_skeleton = settled(skeleton, of_bpf)
    of_object = settled(made, source(f"{program}.c", 0), place.headers, of_skeleton)
    if whole and settled(whole, of_object, library) is not None:
        return Outlook(program, True, (whole,))
    kept = [
        each
        for each, time in ((made, of_object), (skeleton, of_skeleton), (bpf, of_bpf))
        if each is not None and time is not None
    ]
    generates = not any(each in kept for each in (made, skeleton))
    objects = () if bpf in kept else (bpf, files.get(f"{output}/{program}.tmp.bpf.o"))
    rewrites = tuple(each for each in (skeleton, *objects) if each) if generates else ()
    nearest = tuple(kept[:1])  # to the program
    links = archives if library is not None else ()
    return Outlook(program, False, nearest, rewrites, generates, links)


def settled(file: BuiltFile | None, *before: int | None) -> int | None:
    """When what a file stands for was last changed; None where make makes it anew.

    `before` are the times of what it is made of. A file that is not there stands for these: the
    makefiles of libbpf projects name all that is in between `.SECONDARY`.
    """
    newest = 0
    for time in before:
        if time is None:
            return None
        newest = max(newest, time)
    if file is None:
        return newest
    return file.changed if file.changed >= newest else None


def _settled_all(files: Sequence[BuiltFile], before: int) -> int | None:
    times = [settled(each, before) for each in files]
    return None if None in times else max([before, *(each or 0 for each in times)])


def _archives(place: BuildPlace, output: str) -> Iterable[BuiltFile]:
    """The archives at the top that are made of libbpf; cargo keeps its own times."""
    for each in place.built:
        top = each.path.startswith(f"{output}/") and each.path.count("/") == output.count("/") + 1
        if top and each.made == "archive" and "blazesym" not in each.path:
            yield each


def tool_of_the_build(place: BuildPlace) -> BuiltFile | None:
    """The bpftool that an earlier build made; make never makes it anew, whatever its age."""
    tools = (each for each in place.built if each.made == "executable" and "/" in each.path)
    return next((each for each in tools if each.path.endswith(f"/{BPFTOOL}")), None)


def for_the_tool(output: str, path: str) -> bool:
    """Whether a file or directory is one that the build of bpftool makes."""
    return f"{path}/".startswith(f"{output}/{BPFTOOL}/")


def shared_uses(
    place: BuildPlace, output: str, outlooks: Sequence[Outlook], makes_tool: bool
) -> tuple[BuiltFile, ...]:
    """Files that make uses as they are for several programs: archives, bpftool and their parts."""
    open_ones = [each for each in outlooks if not each.complete]
    used = [file for each in open_ones for file in each.archives]
    if open_ones and not used:
        used += _parts(place, output, tool=False)
    if makes_tool and any(each.generates for each in open_ones):
        tool = tool_of_the_build(place)
        used += [tool] if tool else _parts(place, output, tool=True)
    return tuple(dict.fromkeys(used))


def _parts(place: BuildPlace, output: str, *, tool: bool) -> list[BuiltFile]:
    """Files that an interrupted build left in subdirectories and that a later build uses."""
    top = output.count("/") + 1
    return [
        each
        for each in place.built
        if each.path.count("/") > top
        and for_the_tool(output, each.path) is tool
        and each.changed >= (each.source or place.library)
    ]
