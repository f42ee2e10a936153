"""The repository behind a work tree, and those that it keeps for its submodules."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Iterator
from itertools import islice

from bpfdoctor.host.git.plumbing import Refusal
from bpfdoctor.host.reading import read_regular

MANY = 64
"""Repositories within repositories; bpftool's libbpf is the second."""
DIRECTORIES = 2_000
"""Directories of a repository that are looked through for one thing."""
MOST_SETTINGS = 1 << 20
"""Bytes of a repository's settings that are looked through."""
READ_BY_GIT = ("HEAD", "config", "index", "packed-refs", "commondir", "shallow")
"""Files that git reads whatever it is asked; a FIFO in the place of one keeps it for ever."""
POINTER = "gitdir: "
HEAD = re.compile(r"ref: refs/|[0-9a-f]{40}")
COMMIT = re.compile(r"([0-9a-f]{40})\n")


def repository_of(tree: str) -> str:
    """Where the repository of a work tree lies: `.git`, or where that file points; empty: nowhere.

    Only what git itself would read as one place is: nothing is guessed of a file that is odd.
    """
    path = f"{tree}/.git"
    if os.path.isdir(path):
        return path
    try:
        text = _text(path).rstrip("\r\n")
    except OSError:
        return ""
    if not text.startswith(POINTER) or not text.isprintable():
        return ""
    target = os.path.realpath(os.path.join(tree, text.removeprefix(POINTER)))
    return target if os.path.isdir(target) else ""


def index_of(tree: str) -> list[str]:
    """The files by which git tells what is in the index of a work tree, there or not.

    None where more than these decide: in the tree of another user (his settings and ours), where
    the repository is in two places (`git worktree`), and where its settings name others.
    """
    repository = repository_of(tree)
    own = os.geteuid()
    try:
        ours = all(os.stat(each).st_uid == own for each in (tree, repository))
        settings = read_regular(f"{repository}/config", MOST_SETTINGS)
    except OSError:
        return []
    if not ours or b"include" in settings.lower() or os.path.lexists(f"{repository}/commondir"):
        return []
    shared = glob.glob(f"{glob.escape(repository)}/sharedindex.*")
    names = (*READ_BY_GIT, "config.worktree", "objects", "refs")
    return [tree, f"{tree}/.git", repository, *shared, *(f"{repository}/{each}" for each in names)]


def kept_for(repository: str, name: str) -> str | Refusal:
    """The repository that is kept for the submodule `name`, fetched or not; empty: none.

    git keeps it when the submodule's directory is emptied or removed, and takes it up again.
    """
    place = f"{repository}/modules/{name}"
    if not repository or not name or not os.path.lexists(place):
        return ""
    if os.path.realpath(place) != f"{os.path.realpath(repository)}/modules/{name}":
        return Refusal("broken", f"{place} leads elsewhere by a link")
    return place


def with_those_below(repository: str) -> tuple[str, ...] | Refusal:
    """A repository and those that it keeps for nested submodules, which `--recursive` takes up."""
    try:
        found = tuple(islice(_with_those_below(repository), MANY + 1))
    except OSError as error:
        return Refusal("broken", str(error))
    links = [place for place in found[1:] if os.path.islink(place)]
    if links:
        return Refusal("broken", f"{links[0]} is a link")
    return Refusal("broken", f"{repository} nests without end") if len(found) > MANY else found


def _with_those_below(repository: str) -> Iterator[str]:
    """A submodule's name may hold slashes: what is no repository itself may hold some."""
    yield repository
    for entry in _entries_below(f"{repository}/modules"):
        if entry.is_symlink() or os.path.lexists(f"{entry.path}/HEAD"):
            yield entry.path


def _entries_below(modules: str) -> Iterator[os.DirEntry[str]]:
    """Links and directories, each before those in it; of a repository only those it keeps.

    Raises OSError where there are too many, or where one cannot be read.
    """
    left = [modules] if os.path.isdir(modules) else []
    for _ in range(DIRECTORIES):
        if not left:
            return
        with os.scandir(left.pop()) as entries:
            found = list(islice(entries, DIRECTORIES + 1))
        inner: list[str] = []
        for entry in sorted(found, key=lambda entry: entry.name):
            if entry.is_symlink() or entry.is_dir():
                yield entry
            if not entry.is_symlink() and entry.is_dir():
                whole = os.path.lexists(f"{entry.path}/HEAD")
                inner.append(f"{entry.path}/modules" if whole else entry.path)
        left += [each for each in reversed(inner) if os.path.isdir(each)]
        if len(found) > DIRECTORIES:
            break
    raise OSError(f"{modules} holds more than {DIRECTORIES:,} directories")


def looks_broken(repository: str) -> str:
    """Why git would not take a directory for a repository, though it is in the place of one."""
    try:
        head = _text(f"{repository}/HEAD")
    except (OSError, ValueError) as error:
        return str(error)
    return "" if HEAD.match(head) else f"{repository}/HEAD names neither a branch nor a commit"


def detached(repository: str) -> tuple[str, bool] | None:
    """The commit that is checked out, and whether the history is cut off there (a shallow clone).

    None where git has to be asked: HEAD names a branch or what is no SHA-1, or the repository is
    that of a work tree beside another. A submodule is as it is here unless somebody works on it.
    """
    head = f"{repository}/HEAD"
    if not repository or os.path.islink(head) or os.path.lexists(f"{repository}/commondir"):
        return None
    try:
        found = COMMIT.fullmatch(_text(head))
    except (OSError, ValueError):
        return None
    return (found[1], os.path.lexists(f"{repository}/shallow")) if found else None


def is_half(repository: str) -> bool:
    """Whether it is what a fetch that was cut off leaves, with nothing of anybody's in it.

    git takes it for a whole one ("Unable to find current revision"). Only what `git init` has
    written is there: a HEAD that names a branch, and no ref, loose or packed; nor an index, a log
    by which a lost commit could be found, or the repository of a nested submodule.
    """
    own = ("packed-refs", "index", "logs", "modules", "worktrees", "reftable")
    try:
        begun = _text(f"{repository}/HEAD").startswith("ref: ")
        empty = not any(os.path.lexists(f"{repository}/{name}") for name in own)
        return begun and empty and not _files_in(f"{repository}/refs")
    except OSError:
        return False


def _files_in(directory: str) -> bool:
    """Whether anything but directories is in it, or more of them than are looked through.

    Raises OSError where it cannot be looked at.
    """
    left = [directory]
    for _ in range(DIRECTORIES):
        if not left:
            return False
        with os.scandir(left.pop()) as entries:
            for entry in islice(entries, DIRECTORIES):
                if not entry.is_dir(follow_symlinks=False):
                    return True
                left.append(entry.path)
    return True  # so many are not what a fetch leaves


def not_to_be_read(repository: str) -> str:
    """Why git could not read a repository to its end; empty where nothing is seen."""
    for name in READ_BY_GIT if repository else ():
        path = f"{repository}/{name}"
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):
                return f"{path} is not a regular file"
        except OSError:  # absent, or git's to tell
            continue
    return ""


def _text(path: str) -> str:
    """The beginning of a file. Raises OSError where it is no regular one (a FIFO would block)."""
    return os.fsdecode(read_regular(path, 4096))
