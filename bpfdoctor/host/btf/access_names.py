"""What a CO-RE relocation names, in the words of C: a type, and a field or an enumerator of it."""

from __future__ import annotations

from bpfdoctor.host.btf.format import ENUMERATIONS, BtfKind
from bpfdoctor.host.btf.matching import in_c, plain_name
from bpfdoctor.host.btf.reader import Btf
from bpfdoctor.host.btf.relocations import Asked, steps_of


def access_name(local: Btf, asked: Asked) -> tuple[str, str]:
    """`struct task_struct` and `mm.start_code`; nothing behind a type of which it is the whole.

    Unnamed parts are left out, as in C; an element of an array is `comm[3]`.
    """
    steps = steps_of(local.string(asked.access))
    if local.kind(local.plain(asked.type)) in ENUMERATIONS:
        pair = local.enumerator(local.plain(asked.type), steps[0]) if steps else None
        return in_c(local, asked.type), plain_name(pair[0]) if pair else ""
    return in_c(local, asked.type), _field(local, asked.type, steps[1:])


def _field(local: Btf, here: int, steps: list[int]) -> str:
    """The names on the way, as far as there are such members."""
    path = ""
    for step in steps:
        here = local.plain(here)
        if local.kind(here) is BtfKind.ARRAY:
            here, path = local.element(here)[0], f"{path}[{step}]"
            continue
        member = local.member(here, step)
        if member is None:
            break
        here = member.type
        path += "." * bool(path and member.name) + member.name
    return path
