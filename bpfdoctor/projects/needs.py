"""What a compiled object needs to load, attach and fire, derived from what it says of itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from bpfdoctor.host.bpf.features.program_types import LOADABLE
from bpfdoctor.host.c_source.libbpf_source import LibbpfSource
from bpfdoctor.host.c_source.loader import Loader
from bpfdoctor.host.elf.bpf_object import BpfObject, ObjectProgram, target_of
from bpfdoctor.host.elf.maps import ObjectMap
from bpfdoctor.host.elf.section_names import named
from bpfdoctor.model import Stage
from bpfdoctor.projects.judged import BpfPart, JudgedObject, Needs, Origin
from bpfdoctor.projects.model import BpfWords, Program
from bpfdoctor.projects.rules import filled, rules


class AroundObject(msgspec.Struct, frozen=True):
    """What is known of an object beside its own facts.

    `known` is what the project file says of the program; `loader` what its source does; `libbpf`
    what it is linked with. None where that is not known. `linked`: its makefile makes the object
    with `bpftool gen object`.
    """

    program: str = ""
    known: Program | None = None
    loader: Loader | None = None
    libbpf: LibbpfSource | None = None
    linked: bool = False


def judged_object(  # noqa: PLR0913  (each is a part of what is judged)
    facts: BpfObject,
    around: AroundObject,
    origin: Origin,
    said: str,
    *,
    path: str = "",
    doubt: str = "",
) -> JudgedObject:
    """An object with the needs of each of its BPF programs."""
    derived = _Derived(facts, around)
    parts = tuple(derived.part(each) for each in facts.programs)
    needs, maybe = derived.whole()
    return JudgedObject(
        around.program,
        origin,
        said,
        path,
        facts,
        doubt,
        parts,
        needs,
        maybe,
        libbpf=around.libbpf,
        linked=around.linked,
        own_btf=around.loader is not None and around.loader.own_btf,
        doubted=_doubted(around.program) if doubt else (),
    )


def judged_nothing(around: AroundObject, said: str) -> JudgedObject:
    """A program of whose object nothing is known: `said` is the reason."""
    needs, maybe = _of_whole(around)
    doubted = _doubted(around.program)
    return JudgedObject(around.program, "none", said, needs=needs, maybe=maybe, doubted=doubted)


def uncompiled(judged: JudgedObject) -> JudgedObject:
    """The program whose source does not compile: whether make builds it is unknown."""
    doubted = {Stage.BUILD: _doubted(judged.program)}
    return msgspec.structs.replace(judged, maybe=_joined(judged.maybe, doubted))


def _doubted(program: str) -> tuple[str, ...]:
    """The keys that a source which was not compiled leaves unknown."""
    return filled([rules().uncompiled], {"object": program})[Stage.BUILD]


def _of_whole(around: AroundObject, more: Iterable[Needs] = ()) -> tuple[Needs, Needs]:
    """What it needs as a whole, and what it may need: a limit that its loader may insist on."""
    parts, words = [rules().whole, *more], {"object": around.program, "memlock": _memlock(around)}
    unsure = around.loader is not None and around.loader.may_carry_on

    def certain(_: Stage, key: str) -> bool:
        return not (unsure and "{memlock}" in key)

    return filled(parts, words, certain), filled(parts, words, lambda *it: not certain(*it))


def _memlock(around: AroundObject) -> str:
    """To what its loader raises RLIMIT_MEMLOCK, where it may insist on that."""
    limit = around.loader.memlock if around.loader else None
    return "" if limit is None else "infinity" if limit < 0 else str(limit)


ATTACHED_VARIOUSLY = ("kprobe", "sched_cls")
"""Types of programs that a loader may attach in several ways, whatever their section is named: to a
kprobe, a uprobe (SEC("kprobe/handle_entry") of bcc's gethostlatency until 2024) or a USDT probe; to
a qdisc, or by a link (tcx since Linux 6.6, e420bed02507)."""


class _Doubts(NamedTuple):
    """Which needs of a BPF program do not hold for sure, by what its loader does with it."""

    type: str
    by_hand: bool
    retargeted: bool
    own_btf: bool

    def doubted(self, stage: Stage, key: str) -> bool:
        """Those of the very place; of its target, and of the way in which it attaches."""
        if "{target}" in key or "{category}" in key or key in rules().every[Stage.ATTACH]:
            return self.by_hand or self.retargeted
        if key in rules().alike[Stage.LOAD]:
            return self.retargeted
        if key in rules().own_btf[Stage.LOAD]:
            return self.own_btf
        attaching = stage in (Stage.ATTACH, Stage.FIRES)
        return self.by_hand and attaching and self.type in ATTACHED_VARIOUSLY

    def certain(self, stage: Stage, key: str) -> bool:
        """The others."""
        return not self.doubted(stage, key)


class _Derived:
    """The needs of one object."""

    def __init__(self, facts: BpfObject, around: AroundObject) -> None:
        self.facts, self.around = facts, around
        self.loader = around.loader or Loader()
        self.said: Mapping[str, BpfWords] = around.known.bpf if around.known else {}
        self.here = f"{around.program}/" if around.program else ""

    def whole(self) -> tuple[Needs, Needs]:
        """What it needs as a whole, and what it may need."""
        linked, libbpf = rules().linked, self.around.libbpf
        refused = self.around.linked and self.facts.unlinkable
        needs, maybe = _of_whole(self.around, (*self._shown(), *([linked] if refused else ())))
        if libbpf and libbpf.plain_data and self.facts.named_data:
            # bpftool in such a tree is as old, mostly: `gen skeleton` opens the object
            maybe = _joined(maybe, filled([linked], {"object": self.around.program}))
        return needs, maybe

    def _shown(self) -> Iterator[Needs]:
        """What is needed to see that it fired, by the words of the project file."""
        known = self.around.known
        if known is None:
            return
        if known.proof is not None and known.proof.source == "trace":
            yield rules().trace
        if known.trigger == "packet":
            yield rules().packet
        if known.own_pid:
            yield rules().own_pid
        if known.also:
            yield {Stage.ATTACH: known.also}

    def part(self, program: ObjectProgram) -> BpfPart:
        """One BPF program: what it needs, by what its loader does with it."""
        said = self.said.get(program.name, BpfWords())
        attached = as_attached(program, said.attach)
        load = said.load or self._load(program)
        if load == "no":
            return BpfPart(program.name, program.section)
        by_hand = self.loader.attaches(program.name) and not said.attach
        retargeted = self.loader.retargets(program.name) and not said.attach
        doubts = _Doubts(program.type, by_hand, retargeted, self.loader.own_btf)
        needs, maybe = self._needs(attached, doubts)
        if load == "maybe":
            needs, maybe = {}, _joined(maybe, needs)
        return BpfPart(
            program.name,
            program.section,
            target_of(attached),
            said.attach,
            needs,
            maybe,
            by_hand,
            any(Stage.FIRES in each and each[Stage.FIRES] for each in self._kinds(attached)),
        )

    def _load(self, program: ObjectProgram) -> str:
        """Whether its loader loads it as it is, by its section and the loader's source."""
        optional = self.loader.may_leave_out(program.name) or self.loader.changes(program.name)
        loaded = bool(self.around.program) or self.around.loader is not None
        asked_for = loaded and program.section.startswith("?")
        return "maybe" if optional or asked_for else "yes"

    def _needs(self, program: ObjectProgram, doubts: _Doubts) -> tuple[Needs, Needs]:
        """What it needs, and what it may need: of a map that its loader sizes, of a place that its
        loader chooses, of maps that another BPF program of the object uses."""
        words = self._words(program)
        parts = list(self._parts(program))
        needs, maybe = (filled(parts, words, each) for each in (doubts.certain, doubts.doubted))
        if program.conditional:
            maybe = _joined(maybe, filled(self._called(program), words))
        for each in self.facts.maps:
            used = each.name in program.maps and not self.loader.sizes(each.name)
            of_map = filled(self._of_map(each), {**words, "map": each.name})
            needs, maybe = (
                (_joined(needs, of_map), maybe) if used else (needs, _joined(maybe, of_map))
            )
        return needs, maybe

    def _words(self, program: ObjectProgram) -> dict[str, str]:
        category = program.target.partition("/")[0] if program.kind == "tp" else ""
        return {
            "object": self.around.program,
            "here": self.here,
            "program": program.name,
            "type": program.type,
            "target": target_of(program),
            "category": category,
        }

    def _parts(self, program: ObjectProgram) -> Iterator[Needs]:
        known = rules()
        yield known.every
        yield known.alike
        yield from self._kinds(program)
        yield known.typed if program.type in LOADABLE else {}
        yield known.unnamed if self._is_unnamed(program) else {}
        yield known.relocated if program.relocations else {}
        yield known.data if program.data else {}
        if not program.conditional:
            yield from self._called(program)
        libbpf = self.around.libbpf
        yield known.debugfs if program.kind == "tp" and libbpf and not libbpf.tracefs else {}

    def _called(self, program: ObjectProgram) -> Iterator[Needs]:
        """What the helpers that it calls need; of conditional code they may never be called."""
        known = rules().helpers
        yield from (known[name] for name in program.helpers if name in known)

    def _is_unnamed(self, program: ObjectProgram) -> bool:
        """Its own libbpf knows no such section, or none does that is loaded by itself."""
        if self.around.libbpf and not self.around.libbpf.knows(program.section):
            return True
        return program.type not in LOADABLE and not program.target

    def _kinds(self, program: ObjectProgram) -> Iterator[Needs]:
        yield rules().kinds.get(program.kind, {})

    def _of_map(self, each: ObjectMap) -> Iterator[Needs]:
        yield rules().map
        yield rules().maps.get(each.type, {})
        yield rules().pinned if each.pinned else {}


def as_attached(program: ObjectProgram, words: str) -> ObjectProgram:
    """The program as its loader attaches it, where the project file says to what."""
    meant = named(words) if words else None
    if meant is None:
        return program
    return msgspec.structs.replace(
        program, kind=meant.kind, target=meant.target, sleepable=meant.sleepable
    )


def _joined(one: Needs, other: Needs) -> Needs:
    return {
        stage: tuple(dict.fromkeys((*one.get(stage, ()), *other.get(stage, ())))) for stage in Stage
    }
