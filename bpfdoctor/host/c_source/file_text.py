"""A C source of a tree as text, or why there is none."""

from __future__ import annotations

from bpfdoctor.host.published import whole
from bpfdoctor.host.question import NoAnswer


def file_text(path: str, largest: int) -> str | NoAnswer:
    """The text of a file of at most so many bytes."""
    data = whole(path, largest)
    return data if isinstance(data, NoAnswer) else data.decode(errors="replace")
