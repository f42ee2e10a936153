"""All that a user asks of a run, as data."""

from __future__ import annotations

import msgspec

from bpfdoctor.api import Stage, Target
from bpfdoctor.errors import BpfDoctorError


class ObjectTarget(msgspec.Struct, frozen=True):
    """A compiled BPF object, and the last stage of its programs that matters."""

    path: str
    stage: Stage = Stage.ATTACH


class Options(msgspec.Struct, frozen=True):
    """All that the user asked of a run; recorded in a snapshot.

    `named`: the user named `directory` (`-C`). `everything` asks for every program of the project,
    not only the selected ones; `every_program` selects them all, but for those that disturb the
    rest of the machine. `table`: the row of every program is wanted. `proof`: only what a smoke
    sees counts. `object` is the path of a compiled
    BPF object to judge in place of a source tree; `objects` are any number of them, and `within`
    the programs of theirs, as `--for` names them (all, if none).
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
    named: bool = False
    proof: bool = False
    objects: tuple[ObjectTarget, ...] = ()
    within: tuple[str, ...] = ()
    table: bool = False

    @property
    def narrowed(self) -> bool:
        """The verdict is about chosen checks, not about programs."""
        return bool(self.only or self.skip)


def parse_target(text: str) -> Target:
    """`bootstrap:build`, or `bootstrap` for all of it. Raises BpfDoctorError on another stage."""
    program, colon, stage = text.partition(":")
    stages = [each.value for each in Stage]
    if colon and stage not in stages:
        raise BpfDoctorError(
            f"{text!r}: there is no stage {stage!r}", f"the stages are {', '.join(stages)}"
        )
    return Target(program, Stage(stage) if colon else Stage.FIRES)
