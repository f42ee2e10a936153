"""One compiled object of a program, and what it needs: the picture that a verdict is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from bpfdoctor.model import Stage

if TYPE_CHECKING:
    from bpfdoctor.host.c_source.libbpf_source import LibbpfSource
    from bpfdoctor.host.elf.bpf_object import BpfObject
else:  # what reads ELF and C takes time to import, and is where there is an object
    LibbpfSource = BpfObject = Any

Needs = dict[Stage, tuple[str, ...]]
"""The keys of findings that must pass, by stage."""

Origin = Literal["given", "built", "compiled", "recorded", "none"]
"""Where the facts of an object come from: `--object`; this run's build; the checkout's source,
which was compiled; a known commit; nowhere."""


class BpfPart(msgspec.Struct, frozen=True):
    """One BPF program of an object.

    `needs` hold wherever its loader loads it. `maybe` hold where the loader does what cannot be
    told: where one of them fails, the stage is unknown. `target` is what it attaches to, as in
    SEC(). `attach`: the project file says so, and not the object. `by_hand`: its loader attaches
    it, to what only the loader knows. `fired`: a probe of ours of its kind is attached and hit.
    """

    name: str
    section: str = ""
    target: str = ""
    attach: str = ""
    needs: Needs = {}
    maybe: Needs = {}
    by_hand: bool = False
    fired: bool = False


class JudgedObject(msgspec.Struct, frozen=True):
    """One object that is judged.

    `program` is the program of the project that it belongs to, empty for one that was given. `path`
    is the object's file, empty where its facts were recorded. `facts` are None where nothing is
    known of it; `said` is in words where they come from, and `doubt` why they may be another's.
    `needs` and `maybe` are those of the object as a whole.
    """

    program: str
    origin: Origin
    said: str = ""
    path: str = ""
    facts: BpfObject | None = None
    doubt: str = ""
    parts: tuple[BpfPart, ...] = ()
    needs: Needs = {}
    maybe: Needs = {}
    libbpf: LibbpfSource | None = None
    """What it is linked with, where that is known."""
    linked: bool = False
    """Its makefile links it with `bpftool gen object`."""
    own_btf: bool = False
    """Its loader may bring the kernel's types itself."""
    doubted: tuple[str, ...] = ()
    """The keys that are unknown because its source was not compiled: what keeps it from being built
    is told by others."""

    @property
    def here(self) -> str:
        """What stands before the name of each of its BPF programs and maps in a key."""
        return f"{self.program}/" if self.program else ""

    @property
    def takes_no_old_maps(self) -> bool:
        """Its libbpf reads no maps of SEC("maps"); one that is not known is believed to be new."""
        if self.origin == "given":
            return True
        return self.libbpf is not None and not self.libbpf.version.startswith("0.")

    @property
    def unread_kinds(self) -> tuple[str, ...]:
        """The kinds of its own BTF that its libbpf does not read, where that matters."""
        if self.facts is None or self.libbpf is None:
            return ()
        relocated = any(each.relocations for each in self.facts.programs)
        matters = self.facts.needs_btf or relocated
        return self.libbpf.unread(self.facts.btf_kinds) if matters else ()

    @property
    def unread_data(self) -> tuple[str, ...]:
        """The sections of data that its libbpf does not know."""
        if self.facts is None or self.libbpf is None or not self.libbpf.plain_data:
            return ()
        return self.facts.named_data

    @property
    def unlinkable(self) -> tuple[str, ...]:
        """Its sections that keep its makefile from linking it."""
        return self.facts.unlinkable if self.facts is not None and self.linked else ()

    @property
    def lacks_btf(self) -> bool:
        """It has no BTF, and something that libbpf reads by it."""
        return self.facts is not None and not self.facts.btf and self.facts.needs_btf

    def without_facts(self) -> JudgedObject:
        """The same for another process, which asks for the facts itself."""
        return msgspec.structs.replace(self, facts=None, libbpf=None)

    def part(self, name: str) -> BpfPart | None:
        """The BPF program of that name."""
        return next((each for each in self.parts if each.name == name), None)

    def keys(self, stage: Stage, *, maybe: bool = False, only: str = "") -> tuple[str, ...]:
        """What its BPF programs need for a stage, or may need; of one of them with `only`."""
        parts = [each for each in self.parts if only in ("", each.name)]
        own = (self.maybe if maybe else self.needs).get(stage, ())
        found = [
            key for each in parts for key in (each.maybe if maybe else each.needs).get(stage, ())
        ]
        return tuple(dict.fromkeys((*own, *found)))

    @property
    def fired(self) -> bool:
        """Each of its BPF programs is of a kind of which a probe of ours is hit."""
        return bool(self.parts) and all(each.fired for each in self.parts)
