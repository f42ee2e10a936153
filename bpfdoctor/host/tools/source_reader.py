"""Who may compile a tree's source, and with which compiler."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from bpfdoctor.host.credentials import Credentials, owner_on_the_way, owner_to_become
from bpfdoctor.host.own_directory import owner_name
from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.reading import real_path
from bpfdoctor.host.tools.source_words import NotMadeError, Source, refused

if TYPE_CHECKING:
    from bpfdoctor.host.machine import Machine


def compiler_outside(machine: Machine, source: Source) -> str:
    """The compiler's path, as found; one of the tree would be code of the tree.

    Raises NotMadeError for such a one, and where there is none.
    """
    found = shutil.which(source.compiler, path=machine.environ.get("PATH", os.defpath))
    if found is None:
        raise NotMadeError(NoAnswer("ENOENT", f"{source.compiler} is not on PATH"))
    if not os.path.isabs(found):
        raise refused(f"{found}: the directory that PATH names for it is not absolute")
    trees = (os.path.normpath(source.root), real_path(source.root))
    if any(_is_below(place, tree) for place in _ways(found) for tree in trees):
        raise refused(f"{found} lies in the tree, and nothing of the tree is run to look at it")
    return found


def _ways(path: str) -> list[str]:
    """A path, what each link on the way to it leads to, and where it ends."""
    ways = [os.path.normpath(path), real_path(os.path.dirname(path))]
    while os.path.islink(path) and len(ways) < 40:
        path = os.path.join(os.path.dirname(path), os.readlink(path))
        ways.append(os.path.normpath(path))
    return [*ways, real_path(path)]


def _is_below(path: str, tree: str) -> bool:
    return path == tree or path.startswith(f"{tree.rstrip('/')}/")


def reader_of(source: Source, compiler: str) -> Credentials | None:
    """As whom the compiler reads: the owner of the tree, or None, who we are.

    Raises NotMadeError where the tree is neither root's nor ours, or of several users; OSError
    where one of the paths cannot be looked at.
    """
    named = (source.file, *source.include, *filter(None, [source.libbpf]))
    if os.geteuid() != 0:
        _refuse_others((source.root, os.path.dirname(source.file), source.file))
        return None
    owners = {owner_to_become(source.root), *map(owner_on_the_way, named)} - {None}
    if len(owners) > 1:
        raise refused(f"{source.root} and what its sources include belong to several users")
    owner = next(iter(owners), None)
    if owner_on_the_way(compiler) not in (None, owner):
        raise refused(f"{compiler} belongs to another user than {source.root}")
    return owner


def _refuse_others(paths: tuple[str, ...]) -> None:
    for path in paths:
        uid = os.stat(path).st_uid
        if uid not in (0, os.geteuid()):
            whose = f"{path} belongs to {owner_name(uid)}"
            raise refused(f"{whose}; only that user and root may have it compiled")
