"""What a run is about: a checkout, an object, a project without its sources, or the machine."""

from __future__ import annotations

from collections.abc import Sequence

from bpfdoctor.api import Host, Project, Target
from bpfdoctor.engine.object_file import project_in
from bpfdoctor.engine.options import Options
from bpfdoctor.projects.model import Tree
from bpfdoctor.projects.reader import kind_named, kinds
from bpfdoctor.projects.recognise import find_project

EMBEDDED = "embedded"
"""The project whose program stands for the machine."""

HOME_PROJECT = "libbpf-bootstrap"
"""The project that is meant by the name of a program where no project is known."""


def choose_project(host: Host, options: Options) -> Project:
    """The objects, the project named, the one that `options.directory` is in, or the machine.

    Raises BpfDoctorError for a project that nobody knows.
    """
    if options.object:
        return project_in(host, options.object)
    found = find_project(host, options.directory)
    if options.project:
        return _named(found, options)
    if found is not None:
        return found
    tree = Tree(options.directory, options.named)
    return _without_sources(_home_of(options.targets), tree)


def _named(found: Project | None, options: Options) -> Project:
    kind = kind_named(options.project)
    if found is not None and found.name == kind.name:
        return found
    return _without_sources(kind.name, Tree(options.directory, options.named))


def _without_sources(name: str, tree: Tree) -> Project:
    kind = kind_named(name)
    evidence = f"no project that is known at or above {tree.directory}"
    return Project(kind, "", tuple(kind.programs), evidence, tree=tree)


def _home_of(targets: Sequence[Target]) -> str:
    """The project that has all these programs: the machine's own, for none."""
    wanted = {target.program for target in targets}
    names = (EMBEDDED, HOME_PROJECT, *kinds())
    having = (name for name in names if wanted <= set(kind_named(name).programs))
    return next(having, HOME_PROJECT)
