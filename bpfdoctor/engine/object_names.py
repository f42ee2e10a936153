"""Names of objects in a common report, and which program a name means."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from bpfdoctor.api import Stage, Target
from bpfdoctor.engine.options import parse_target
from bpfdoctor.errors import BpfDoctorError, near_miss


def labels(paths: Sequence[str]) -> dict[str, str]:
    """The shortest end of each path that no other of them has; a path itself if there is none."""
    parts = {path: os.path.normpath(path).split(os.sep) for path in paths}
    return {path: _label(path, parts) for path in paths}


def _label(path: str, parts: Mapping[str, Sequence[str]]) -> str:
    own = parts[path]
    others = [each for other, each in parts.items() if other != path]
    for length in range(1, len(own)):
        end = own[-length:]
        if all(each[-length:] != end for each in others):
            return os.sep.join(end)
    return os.path.normpath(path)


def chosen(
    texts: Sequence[str],
    programs: Mapping[str, Sequence[str]],
    stages: Mapping[str, Stage],
) -> dict[str, list[Target]]:
    """By label, the programs that `texts` (`PROGRAM[:STAGE]`) name; all of them, for no text.

    Without a stage of its own, a program is meant to that of its object. Raises BpfDoctorError for
    a name that none or several have, and for a stage that an object has not.
    """
    if not texts:
        return {
            label: [Target(name, stages[label]) for name in names]
            for label, names in programs.items()
        }
    found: dict[str, list[Target]] = {}
    for text in texts:
        target = parse_target(text)
        label, name = _meant(target.program, programs)
        stage = target.stage if ":" in text else stages[label]
        found.setdefault(label, []).append(Target(name, known_stage(text, stage)))
    return found


def known_stage(text: str, stage: Stage) -> Stage:
    """The stage, if an object has it. Raises BpfDoctorError."""
    if stage is Stage.BUILD:
        raise BpfDoctorError(
            f"{text}: an object is built already", "its stages are load, attach and fires"
        )
    return stage


def _meant(name: str, programs: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    """The label and the program that are meant by `PROGRAM` or `FILE/PROGRAM`."""
    label, slash, inside = name.rpartition("/")
    if slash:
        return _known(label, programs, "object"), _known(inside, programs[label], "program")
    having = [each for each, names in programs.items() if name in names]
    if len(having) > 1:
        which = ", ".join(f"{each}/{name}" for each in having)
        raise BpfDoctorError(f"{len(having)} objects have a program {name!r}", f"name one: {which}")
    if not having:
        _known(name, [each for names in programs.values() for each in names], "program")
    return having[0], name


def _known(name: str, names: Mapping[str, object] | Sequence[str], what: str) -> str:
    if name not in names:
        hint = near_miss(name, list(names), f"known: {', '.join(names)}")
        raise BpfDoctorError(f"there is no {what} called {name!r}", hint)
    return name
