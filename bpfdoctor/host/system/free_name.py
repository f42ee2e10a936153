"""A name for what is set aside: the first where nothing is."""

from __future__ import annotations

from itertools import count

from bpfdoctor.host.question import Host, NoAnswer
from bpfdoctor.host.system.files import LookAt


def free_name(host: Host, path: str) -> str:
    """Find the first of `path`, `path-2`, `path-3` … where nothing is."""
    names = (path if number == 1 else f"{path}-{number}" for number in count(1))
    return next(name for name in names if _absent(host, name))


def _absent(host: Host, path: str) -> bool:
    answer = host.ask(LookAt(path))
    return isinstance(answer, NoAnswer) and answer.absent
