"""Several compiled BPF objects on one machine: each is judged as a project, all in one report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from bpfdoctor.api import Host, NoAnswer, Project, Target, objects
from bpfdoctor.engine.merge import Part, merged
from bpfdoctor.engine.object_names import chosen, labels
from bpfdoctor.engine.select import ObjectTarget, Options
from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.model import Report

Examine = Callable[[Options], Report]
"""Examines one object: `Options.object`."""


def examine_objects(host: Host, options: Options, examine: Examine) -> Report:
    """One report on all objects that `options` name. Raises BpfDoctorError for what is none."""
    runs = dict(_runs(host, options))
    parts = [Part(label, examine(run)) for label, run in runs.items()]
    whole = merged(parts) if len(parts) > 1 else parts[0].report
    selection = msgspec.structs.replace(whole.selection, explicit=bool(options.within))
    return msgspec.structs.replace(whole, selection=selection)


def _runs(host: Host, options: Options) -> Iterator[tuple[str, Options]]:
    """By label, the run of each object of which a program is asked for."""
    named = _labelled(options.objects)
    programs = {label: read(host, each.path).programs for label, each in named.items()}
    targets = chosen(options.within, programs, {label: named[label].stage for label in named})
    for label, each in named.items():
        if label in targets:
            yield label, _run(options, each, targets[label])


def _labelled(targets: tuple[ObjectTarget, ...]) -> Mapping[str, ObjectTarget]:
    called = labels([each.path for each in targets])
    return {called[each.path]: each for each in targets}


def _run(options: Options, target: ObjectTarget, programs: list[Target]) -> Options:
    return msgspec.structs.replace(
        options, object=target.path, objects=(), within=(), targets=tuple(programs)
    )


def read(host: Host, path: str) -> Project:
    """The object at a path as a project. Raises BpfDoctorError for what is no BPF object."""
    from bpfdoctor.projects.object import project_of_object  # it takes all that reads ELF

    facts = host.ask(objects.AskBpfObject(path))
    if not isinstance(facts, NoAnswer):
        return project_of_object(path, facts)
    hint = "--object takes what clang -g -O2 -target bpf -c made"
    if facts.absent:
        raise BpfDoctorError(f"there is no file {path}", hint)
    if facts.reason == "EACCES":
        raise BpfDoctorError(f"{path} cannot be read by this user")
    raise BpfDoctorError(f"{path} is no BPF object to judge: {facts.detail or facts.reason}", hint)
