"""What a run is about: which project, which programs and stages, and which checks that takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from bpfdoctor.api import (
    Check,
    Host,
    NoAnswer,
    Project,
    Selection,
    Stage,
    Target,
    machine,
    objects,
)
from bpfdoctor.engine.load import check_of
from bpfdoctor.engine.readiness import needs_of
from bpfdoctor.errors import BpfDoctorError, near_miss
from bpfdoctor.judging.privilege import in_pid_namespace
from bpfdoctor.projects.reader import kind_named
from bpfdoctor.projects.recognise import find_project

HOME_PROJECT = "libbpf-bootstrap"
"""The project that is judged outside any checkout."""

EMBEDDED = "embedded"
"""The project whose program is the smoke where there is no checkout to build."""


class ObjectTarget(msgspec.Struct, frozen=True):
    """A compiled BPF object, and the last stage of its programs that matters."""

    path: str
    stage: Stage = Stage.ATTACH


class Options(msgspec.Struct, frozen=True):
    """All that the user asked of a run; recorded in a snapshot.

    `everything` asks for every program of the project, not only the selected ones;
    `every_program` selects them all, but for those that disturb the rest of the machine. `object`
    is the path of a compiled BPF object to judge in place of a source tree; `objects` are any
    number of them, and `within` the programs of theirs, as `--for` names them (all, if none).
    """

    directory: str = "."
    project: str = ""
    targets: tuple[Target, ...] = ()
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    smoke: bool = True
    everything: bool = False
    every_program: bool = False
    object: str = ""
    objects: tuple[ObjectTarget, ...] = ()
    within: tuple[str, ...] = ()


def parse_target(text: str) -> Target:
    """`bootstrap:build`, or `bootstrap` for all of it. Raises BpfDoctorError on another stage."""
    program, colon, stage = text.partition(":")
    stages = [each.value for each in Stage]
    if colon and stage not in stages:
        raise BpfDoctorError(
            f"{text!r}: there is no stage {stage!r}", f"the stages are {', '.join(stages)}"
        )
    return Target(program, Stage(stage) if colon else Stage.FIRES)


def choose_project(host: Host, options: Options) -> Project:
    """The project named, the one that `options.directory` is in, or libbpf-bootstrap's needs."""
    if options.object:
        return _project_of(host, options.object)
    found = find_project(host, options.directory)
    if options.project:
        kind = kind_named(options.project)
        if found is not None and found.name == kind.name:
            return found
        return Project(kind, "", tuple(kind.programs), "named on the command line")
    if found is not None:
        return found
    kind = kind_named(HOME_PROJECT)
    return Project(kind, "", tuple(kind.programs), f"no checkout at or above {options.directory}")


def _project_of(host: Host, path: str) -> Project:
    from bpfdoctor.projects.object import project_of_object  # it takes all that reads ELF

    facts = host.ask(objects.AskBpfObject(path))
    if isinstance(facts, NoAnswer):
        hint = "--object takes what clang -g -O2 -target bpf -c made"
        raise BpfDoctorError(f"{path} is no BPF object to judge: {facts.shown()}", hint)
    return project_of_object(path, facts)


def choose_selection(host: Host, project: Project, options: Options) -> Selection:
    """The targets that the user named, or the project's default ones."""
    if options.targets:
        for target in options.targets:
            _known(target.program, project.programs, "program")
        return Selection(options.targets, explicit=True)
    if options.every_program:
        return _calm_programs(project)
    targets: list[Target] = []
    notes: list[str] = []
    contained = _in_pid_namespace(host)
    for name in _defaults(project):
        program = project.program(name)
        other = program.substitute if program and contained else ""
        if other in project.programs:
            notes.append(f"{other} in place of {name}: this is a PID namespace")
        targets.append(Target(other if other in project.programs else name))
    return Selection(tuple(targets), note="; ".join(notes))


def _calm_programs(project: Project) -> Selection:
    """Every program, but for those that disturb the rest of the machine."""
    programs = {name: project.program(name) for name in project.programs}
    loud = [name for name, program in programs.items() if program and program.disturbs]
    note = f"left out, for they disturb the machine: {', '.join(loud)}" if loud else ""
    return Selection(tuple(Target(name) for name in programs if name not in loud), note=note)


def _defaults(project: Project) -> tuple[str, ...]:
    """The kind's defaults that this checkout has; failing those, its first program."""
    wanted = tuple(name for name in project.kind.default if name in project.programs)
    return wanted or project.programs[:1]


def _in_pid_namespace(host: Host) -> bool:
    identity = host.ask(machine.AskIdentity())
    return not isinstance(identity, NoAnswer) and in_pid_namespace(identity)


def _known(name: str, known: Iterable[str], what: str) -> None:
    """Raise BpfDoctorError with the near miss when `name` is not among `known`."""
    names = list(known)
    if name in names:
        return
    hint = near_miss(name, names, f"known: {', '.join(names)}")
    raise BpfDoctorError(f"there is no {what} called {name!r}", hint)


def expand(names: Sequence[str], ids: Sequence[str]) -> frozenset[str]:
    """Check ids for names that are ids or subjects. Raises BpfDoctorError with the near miss."""
    subjects = list(dict.fromkeys(each.partition(".")[0] for each in ids))
    found: set[str] = set()
    for name in names:
        _known(check_of(name), [*ids, *subjects], "check")
        found.update(each for each in ids if check_of(name) in (each, each.partition(".")[0]))
    return frozenset(found)


def choose_checks(
    checks: Sequence[Check], project: Project, selection: Selection, options: Options
) -> list[Check]:
    """The checks to run, with those that they require; chosen before any of them runs."""
    ids = [check.id for check in checks]
    dropped = expand(options.skip, ids)
    if options.only:
        wanted = expand(options.only, ids)
    elif (selection.explicit or options.object) and not options.everything:
        wanted = _needed_ids(project, selection) | {check.id for check in checks if check.gates}
    else:
        wanted = frozenset(ids)
    wanted = _with_required(checks, wanted - dropped) - dropped
    return [check for check in checks if check.id in wanted]


def _needed_ids(project: Project, selection: Selection) -> frozenset[str]:
    keys: set[str] = set()
    for target in selection.targets:
        for stage in Stage:
            if stage.order <= target.stage.order:
                keys.update(needs_of(project, target.program, stage))
    return frozenset(check_of(key) for key in keys)


def _with_required(checks: Sequence[Check], wanted: frozenset[str]) -> frozenset[str]:
    by_id = {check.id: check for check in checks}
    found: set[str] = set()
    todo = list(wanted)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += [check_of(key) for key in by_id[name].waits_for] if name in by_id else []
    return frozenset(found)
