"""Whether what an object reads of the kernel at fixed offsets lies there on the judged kernel.

Wrong is only what is certain: the kernel says what the pointer points to, the source names the
member, and nothing in the object speaks against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from bpfdoctor.contract import Context
from bpfdoctor.host.question import evidence
from bpfdoctor.model import Evidence

if TYPE_CHECKING:
    from bpfdoctor.host.btf.field_places import FieldPlace
    from bpfdoctor.host.elf.fixed_reads import FixedRead, ProgramReads

KEPT = {
    *("pt_regs", "user_pt_regs", "user_regs_struct", "__sk_buff", "xdp_md", "xdp_buff"),
    *("ethhdr", "iphdr", "ipv6hdr", "tcphdr", "udphdr", "icmphdr", "icmp6hdr", "arphdr", "sctphdr"),
    *("vlan_hdr", "vlan_ethhdr", "ipv6_opt_hdr", "frag_hdr", "in_addr", "in6_addr", "iovec"),
    *("sockaddr", "sockaddr_in", "sockaddr_in6", "sockaddr_un", "sockaddr_storage", "sockaddr_nl"),
    *("list_head", "hlist_head", "hlist_node", "rb_node", "siginfo", "kernel_siginfo", "stat"),
    *("timespec", "timespec64", "timeval", "utsname", "new_utsname", "nlmsghdr", "nlattr"),
    *("msghdr", "user_msghdr", "iocb", "rlimit", "rusage", "sched_attr", "sched_param"),
}
"""Structs whose layout the kernel keeps: those of its interface, of packets, and of lists."""

KEPT_BEGINNINGS = ("bpf_", "trace_event_raw_", "trace_entry", "__kernel_", "btf_")
"""How the names of further ones begin: BPF's own, and what tracepoints give."""

WORD = 8
"""Bytes of the longest number: more of a struct is a copy of it."""

Verdict = Literal["right", "wrong", "unknown"]


class JudgedRead(msgspec.Struct, frozen=True):
    """A read of a struct's member, and where that lies; `why`: why that cannot be told."""

    read: FixedRead
    verdict: Verdict
    struct: str = ""
    member: str = ""
    place: int | None = None
    why: str = ""


class _Kernel:
    """What was asked of the kernel's types."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.seen: list[Evidence] = []
        self.unanswered = ""
        self._places: dict[tuple[str, str], FieldPlace] = {}

    def look_up(self, fields: Iterable[tuple[str, str]]) -> None:
        """Ask for the places of these members, in one question."""
        from bpfdoctor.host.btf.field_places import AskFieldPlaces, FieldPlaces

        new = tuple(sorted(set(fields) - set(self._places)))
        if not new:
            return
        question = AskFieldPlaces(new)
        answer = self.context.ask(question)
        self.seen.append(evidence(question, answer))
        if isinstance(answer, FieldPlaces):
            self._places.update(zip(new, answer.places, strict=True))
        else:
            self.unanswered = answer.shown()

    def place(self, struct: str, member: str) -> FieldPlace | None:
        """Where a member lies that was asked for; None where the kernel did not answer."""
        return self._places.get((struct, member))

    def given(self, name: str, number: int) -> str | None:
        """The struct that a parameter of a function points to (empty: none); None: not told."""
        from bpfdoctor.host.btf.field_places import AskParameterStructs, ParameterStructs
        from bpfdoctor.host.elf.fixed_reads import RETURNED

        question = AskParameterStructs(name)
        answer = self.context.ask(question)
        if not isinstance(answer, ParameterStructs) or not answer.found:
            return None
        if number in (RETURNED, len(answer.parameters)):
            return answer.returned
        return answer.parameters[number] if number < len(answer.parameters) else None


def judged_reads(
    context: Context, programs: Sequence[ProgramReads]
) -> tuple[dict[str, list[JudgedRead]], list[Evidence]]:
    """By program, each read that is one of a struct which the kernel may change."""
    kernel = _Kernel(context)
    reads = [(program, read) for program in programs for read in program.reads]
    structs = _structs(kernel, reads)
    both = [(*each, struct) for each, struct in zip(reads, structs, strict=True)]
    kernel.look_up(
        (struct, _member(read, struct)) for _, read, struct in both if struct and not _kept(struct)
    )
    found: dict[str, list[JudgedRead]] = {}
    for program, read, struct in both:
        judged = _judged(kernel, read, struct)
        if judged:
            found.setdefault(program.program, []).append(judged)
    return found, kernel.seen


def _structs(kernel: _Kernel, reads: Sequence[tuple[ProgramReads, FixedRead]]) -> list[str | None]:
    """What each read is of: a struct; empty where it is of none, None where that is not told."""
    found: list[str | None] = [_beginning(kernel, *each) for each in reads]
    for depth in range(max((len(read.members) for _, read in reads), default=0)):
        deeper = [
            (at, struct, read.members[depth])
            for at, ((_, read), struct) in enumerate(zip(reads, found, strict=True))
            if struct and len(read.members) > depth
        ]
        kernel.look_up((struct, member) for _, struct, member in deeper if member)
        for at, struct, member in deeper:
            place = kernel.place(struct, member) if member else None
            found[at] = place.target if place and place.offset is not None else None
    return [
        struct if struct is not None or len(read.declared) != 1 else read.declared[0]
        for struct, (_, read) in zip(found, reads, strict=True)
    ]


def _beginning(kernel: _Kernel, program: ProgramReads, read: FixedRead) -> str | None:
    if read.parameter is None:
        return read.struct or None
    return kernel.given(program.attached, read.parameter) if program.attached else None


def _member(read: FixedRead, struct: str) -> str:
    """The name of what is read: the source's, else the one that the object's types have there."""
    laid = dict(read.laid).get(struct, ())
    return read.member or (laid[0] if len(laid) == 1 else "")


def _kept(struct: str) -> bool:
    return struct in KEPT or struct.startswith(KEPT_BEGINNINGS)


def _judged(kernel: _Kernel, read: FixedRead, struct: str | None) -> JudgedRead | None:
    if struct is not None and (not struct or _kept(struct)):
        return None
    if struct is None:
        why = "of which struct is not told"
        return JudgedRead(read, "unknown", member=read.member, why=why) if read.member else None
    member = _member(read, struct)
    if not member:
        return _untold(kernel, read, struct)
    place = kernel.place(struct, member)
    if place is None:
        return JudgedRead(read, "unknown", struct, member, why=kernel.unanswered)
    return _held_against(read, struct, member, place) if place.struct else None


def _untold(kernel: _Kernel, read: FixedRead, struct: str) -> JudgedRead | None:
    """A member that no name tells, or a copy of the whole: both move with the struct."""
    place = kernel.place(struct, "")
    if not (read.offset > 0 or read.size > WORD) or (place and not place.struct):
        return None
    why = "which member is not told" if read.offset else f"{read.size} bytes of the whole"
    return JudgedRead(read, "unknown", struct, why=why)


def _held_against(
    read: FixedRead, struct: str, member: str, place: FieldPlace
) -> JudgedRead | None:
    if place.offset is None:
        why = f"this kernel's struct {struct} has no such member"
        return JudgedRead(read, "unknown", struct, member, why=why)
    if _lies_there(read, place):
        return JudgedRead(read, "right", struct, member, place.offset)
    why = _doubt(read, struct, member, place)
    return JudgedRead(read, "unknown" if why else "wrong", struct, member, place.offset, why)


def _lies_there(read: FixedRead, place: FieldPlace) -> bool:
    """The read begins there; a part of it may be enough for a load."""
    assert place.offset is not None
    within = read.direct and 0 <= read.offset - place.offset < max(place.size, 1)
    return within or read.offset == place.offset


def _doubt(read: FixedRead, struct: str, member: str, place: FieldPlace) -> str:
    """Why another place need not be wrong; empty where it is."""
    declared, laid = set(read.declared), dict(read.laid)
    if (declared and struct not in declared) or member not in laid.get(struct, (member,)):
        return f"it may be of another struct than {struct}"
    sure = declared == {struct}
    if not sure and (place.shared or 0 < place.size < read.size):
        return f"it may be of another struct than {struct}"
    if place.bits[1]:
        return "it is a bit-field"
    if read.doubtful:
        return "it is not seen where the pointer comes from"
    return "whether it is reached depends on what the loader fills in" if read.guarded else ""
