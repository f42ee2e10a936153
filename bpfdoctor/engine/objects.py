"""Several compiled BPF objects on one machine: each is judged as a project, all in one report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from bpfdoctor.api import Host, Project, Target
from bpfdoctor.engine.merge import Part, merged
from bpfdoctor.engine.object_file import project_in_time
from bpfdoctor.engine.object_names import chosen, labels
from bpfdoctor.engine.options import ObjectTarget, Options
from bpfdoctor.model import Report

Examine = Callable[[Options], Report]
"""Examines one object: `Options.object`."""


def examine_objects(host: Host, options: Options, examine: Examine) -> Report:
    """One report on all objects that `options` name. Raises BpfDoctorError for what is none."""
    parts = [Part(label, project, examine(run)) for label, project, run in _runs(host, options)]
    whole = merged(parts, options) if len(parts) > 1 else parts[0].report
    selection = msgspec.structs.replace(whole.selection, explicit=bool(options.within))
    return msgspec.structs.replace(whole, selection=selection)


def _runs(host: Host, options: Options) -> Iterator[tuple[str, Project, Options]]:
    """Each object of which a program is asked for: what it is called, and its run."""
    named = _labelled(options.objects)
    projects = {label: project_in_time(host, each.path) for label, each in named.items()}
    programs = {label: project.programs for label, project in projects.items()}
    targets = chosen(options.within, programs, {label: named[label].stage for label in named})
    for label, each in named.items():
        if label in targets:
            yield label, projects[label], _run(options, each, targets[label])


def _labelled(targets: tuple[ObjectTarget, ...]) -> Mapping[str, ObjectTarget]:
    called = labels([each.path for each in targets])
    return {called[each.path]: each for each in targets}


def _run(options: Options, target: ObjectTarget, programs: list[Target]) -> Options:
    return msgspec.structs.replace(
        options, object=target.path, objects=(), within=(), targets=tuple(programs)
    )
