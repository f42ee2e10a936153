"""What a run is about: which project, which programs and stages, and which checks that takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bpfdoctor.api import Check, Host, NoAnswer, Project, Selection, Target, machine
from bpfdoctor.engine.load import check_of
from bpfdoctor.engine.options import Options
from bpfdoctor.engine.readiness import asked_stages, maybe_of, needs_of
from bpfdoctor.errors import BpfDoctorError, near_miss
from bpfdoctor.judging.privilege import in_pid_namespace


def choose_selection(host: Host, project: Project, options: Options) -> Selection:
    """The targets that the user named, or the project's default ones."""
    if options.targets:
        for target in options.targets:
            _listed(target.program, project)
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


def _listed(name: str, project: Project) -> None:
    """Raise BpfDoctorError for a program that has its source there and that the makefile lacks."""
    listing = project.listing
    if listing is not None and name in listing.unlisted:
        list_of = f"{listing.variable} in {listing.makefile}"
        why = f"{list_of} does not name {name!r}, though {name}.bpf.c is there"
        raise BpfDoctorError(why, f"make does not build it: add it to {listing.variable}")


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
    elif _selective(selection, options):
        wanted = _needed_ids(project, selection) | {check.id for check in checks if check.gates}
    else:
        wanted = frozenset(ids)
    wanted |= (
        {check.id for check in checks if wanted & {*check.beside}} if not options.only else set()
    )
    wanted = _with_required(checks, wanted - dropped) - dropped
    return [check for check in checks if check.id in wanted]


def _selective(selection: Selection, options: Options) -> bool:
    """Only what the selected programs need is examined."""
    named = selection.explicit or bool(options.object) or options.proof
    return named and not options.everything


def _needed_ids(project: Project, selection: Selection) -> frozenset[str]:
    keys = set(project.kind.always)
    for target in selection.targets:
        for stage in asked_stages(project, target):
            keys.update(needs_of(project, target.program, stage))
            keys.update(maybe_of(project, target.program, stage))
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
