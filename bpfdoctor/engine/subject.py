"""What a run is about: a checkout, an object, a project without its sources, or the machine."""

from __future__ import annotations

from collections.abc import Sequence

from bpfdoctor.api import Host, NoAnswer, Project, Target, objects
from bpfdoctor.engine.options import Options
from bpfdoctor.errors import BpfDoctorError
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
        return _project_of(host, options.object)
    found = _as_make_has_it(host, find_project(host, options.directory), options)
    if options.project:
        return _named(found, options)
    if found is not None:
        return found
    tree = Tree(options.directory, options.named)
    return _without_sources(_home_of(options.targets), tree)


def _as_make_has_it(host: Host, found: Project | None, options: Options) -> Project | None:
    """A checkout as make says it is, where the user asked for a build and more is to be known."""
    if found is None or not options.smoke:
        return found
    from bpfdoctor.smoke.listing import as_make_says

    return as_make_says(host, found)


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


def _project_of(host: Host, path: str) -> Project:
    from bpfdoctor.projects.object import project_of_object  # it takes all that reads ELF

    facts = host.ask(objects.AskBpfObject(path))
    if isinstance(facts, NoAnswer):
        hint = "--object takes what clang -g -O2 -target bpf -c made"
        raise BpfDoctorError(f"{path} is no BPF object to judge: {facts.shown()}", hint)
    return project_of_object(path, facts)
