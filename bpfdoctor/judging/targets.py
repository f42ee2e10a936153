"""How what an object's program attaches to is tried for real: with a program that does nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from bpfdoctor.host.bpf.attach import AttachKprobe, AttachRawTracepoint, AttachTracepoint
from bpfdoctor.host.bpf.attach_btf import AttachBtfTracepoint, AttachIterator, AttachTrampoline
from bpfdoctor.host.bpf.attach_lsm import LoadLsm
from bpfdoctor.host.bpf.calls import Attempt
from bpfdoctor.host.bpf.probes import LoadProgram
from bpfdoctor.host.question import Question

KPROBE: Mapping[str, str] = {
    "EADDRNOTAVAIL": "several functions have this name",  # Linux 6.7, commit b022f0c7e404
    "EINVAL": "no kprobe may be put there: see kprobes/blacklist in debugfs",
    "EILSEQ": "no instruction begins there",
    "EBUSY": "something else has changed this place",
}
TRAMPOLINE: Mapping[str, str] = {
    "EBUSY": "it is not traced: see available_filter_functions in tracefs",
    "EINVAL": "the kernel does not allow such a program there",
}


class Trial(msgspec.Struct, frozen=True):
    """A target as a question. `first` must work for it to say anything. `loading`: a program is
    loaded for this very target, so that what is refused may be its loading. `means` says what an
    errno stands for.
    """

    question: Question[Attempt]
    first: Question[Attempt]
    loading: bool = False
    means: Mapping[str, str] = {}


def trial_of(target: str, function: str = "", reads: int = 0) -> Trial | None:
    """The trial of a target as in SEC() (`kprobe/vfs_unlink`); None for what is not tried.

    `function` is the one that stands behind the target, where that has another name. `reads` are
    the bytes that a program of a tracepoint reads of what it is given.
    """
    head, _, name = target.partition("/")
    kind = head.removesuffix(".s")
    if kind in ("kprobe", "kretprobe", "ksyscall", "kretsyscall"):
        return _kprobe(kind, function or name)
    if kind in ("fentry", "fexit", "fmod_ret", "iter", "lsm", "tp_btf"):
        return _by_btf_id(kind, name, head != kind)
    if kind == "tp":
        category, _, event = name.partition("/")
        first = AttachTracepoint("sched", "sched_process_exec")
        return Trial(AttachTracepoint(category, event, reads), first)
    return _raw_tracepoint(kind, name, reads) if kind in ("raw_tp", "raw_tp.w") else None


def _raw_tracepoint(kind: str, name: str, reads: int) -> Trial:
    writable = kind == "raw_tp.w"
    first = LoadProgram("raw_tracepoint" + "_writable" * writable)
    return Trial(AttachRawTracepoint(name, reads, writable), first)


class Place(NamedTuple):
    """Where a kprobe goes: a function, and bytes from its beginning."""

    function: str
    offset: int = 0


def kprobe_place(where: str) -> Place | None:
    """As attach_kprobe of libbpf reads it, by `%m[a-zA-Z0-9_.]+%li`; None where no name begins it.

    What follows is left unread: the name alone counts where no number follows its `+`.
    """
    found = _PLACE.match(where)
    if found is None:
        return None
    digits = (found[3] or "0").lower()
    base = 16 if digits.startswith("0x") else 8 if digits.startswith("0") else 10
    # Python refuses to read thousands of decimal digits; twenty are more than _MOST already.
    size = min(int(digits[:20] if base == 10 else digits, base), _MOST)
    return Place(found[1], (-size if found[2] == "-" else size) % (1 << 64))


_PLACE = re.compile(
    r"([\w.]+)(?:\+[ \t-\r]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*))?", re.ASCII
)
_MOST = (1 << 63) - 1


def _kprobe(kind: str, where: str) -> Trial | None:
    place = kprobe_place(where)
    if place is None:
        return None
    question = AttachKprobe("ret" in kind, (place.function,), place.offset)
    return Trial(question, AttachKprobe(returns=True), means=KPROBE)


def _by_btf_id(kind: str, name: str, sleepable: bool) -> Trial | None:
    question: Question[Attempt]
    first: Question[Attempt]
    if kind == "iter":
        question, first = AttachIterator(name, sleepable), AttachIterator()
        return Trial(question, first, loading=True)
    if kind == "lsm":
        question, first = LoadLsm(name, sleepable), LoadLsm("bpf")
        return Trial(question, first, loading=True)
    if kind == "tp_btf":
        question, first = AttachBtfTracepoint(name), LoadProgram("raw_tracepoint")
        return Trial(question, first, loading=True)
    trampoline = _TRAMPOLINES[kind]
    question = msgspec.structs.replace(trampoline, functions=(name,), sleepable=sleepable)
    first = _TRAMPOLINES["fexit" if kind == "fmod_ret" else kind]
    return Trial(question, first, loading=True, means=TRAMPOLINE)


_TRAMPOLINES = {
    "fentry": AttachTrampoline("fentry"),
    "fexit": AttachTrampoline("fexit"),
    "fmod_ret": AttachTrampoline("fmod_ret"),
}
