"""What a run is about: a checkout, an object, a project without its sources, or the machine."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bpfdoctor.api import Host, Project, Selection, Target
from bpfdoctor.engine.object_file import project_in
from bpfdoctor.engine.options import Options
from bpfdoctor.engine.select import choose_selection
from bpfdoctor.errors import UndeterminedError
from bpfdoctor.host.limited import CHECK_LIMIT, TooLongError, within
from bpfdoctor.host.limited_hosts import Followed
from bpfdoctor.projects.model import Tree
from bpfdoctor.projects.reader import kind_named, kinds
from bpfdoctor.projects.surroundings import Surroundings, surroundings

EMBEDDED = "embedded"
"""The project whose program stands for the machine."""

HOME_PROJECT = "libbpf-bootstrap"
"""The project that is meant by the name of a program where no project is known."""


def recognised(
    host: Host, options: Options, limit: float = CHECK_LIMIT
) -> tuple[Project, Selection]:
    """What is judged, and which programs of it, found out within the time limit of a check.

    Raises UndeterminedError when that is over; BpfDoctorError for what cannot be meant.
    """
    followed = Followed(host)

    def choose() -> tuple[Project, Selection]:
        project = choose_project(followed, options)
        return project, choose_selection(followed, project, options)

    try:
        return within(limit, choose)
    except TooLongError:
        about = options.object or options.directory
        why = f"what {about} holds could not be recognised within {limit:g} seconds"
        hint = "nothing was judged: run the command elsewhere, or name another place with -C"
        raise UndeterminedError(f"{why}: {followed.place()}", hint) from None


def choose_project(host: Host, options: Options) -> Project:
    """The objects, the project named, the one that `options.directory` is in, or the machine.

    Raises BpfDoctorError for a project that nobody knows.
    """
    if options.object:
        return project_in(host, options.object)
    around = _as_make_has_it(host, surroundings(host, options.directory), options)
    if options.project:
        return _named(around, options)
    if around.project is not None:
        return around.project
    named = options.named and not around.file  # a file that says so makes it the machine's own
    signs = tuple(sign.shown() for sign in around.signs)
    unseen = around.unseen if named or not around.root else ()  # a shut directory, or a named one
    tree = Tree(around.directory, named, signs, unseen)
    return _without_sources(_home_of(options.targets), tree)


def _as_make_has_it(host: Host, around: Surroundings, options: Options) -> Surroundings:
    """Ask make about a checkout where the user asked for a build and reading was not enough."""
    if around.project is None or not options.smoke:
        return around
    from bpfdoctor.smoke.listing import as_make_says

    return msgspec.structs.replace(around, project=as_make_says(host, around.project))


def _named(around: Surroundings, options: Options) -> Project:
    """The project that was named, with its checkout where the directory lies in one."""
    kind, found = kind_named(options.project), around.project
    if found is not None and found.name == kind.name:
        return found
    return _without_sources(kind.name, Tree(around.directory, options.named))


def _without_sources(name: str, tree: Tree) -> Project:
    kind = kind_named(name)
    evidence = f"no project that is known at or above {tree.directory}"
    return Project(kind, "", tuple(kind.programs), evidence, tree=tree)


def _home_of(targets: Sequence[Target]) -> str:
    """The project that has all these programs; the embedded one where none are named."""
    wanted = {target.program for target in targets}
    names = (EMBEDDED, HOME_PROJECT, *kinds())
    having = (name for name in names if wanted <= set(kind_named(name).programs))
    return next(having, HOME_PROJECT)
