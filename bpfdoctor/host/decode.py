"""What a machine says in bytes, as text."""

from __future__ import annotations


def decoded(data: bytes) -> str:
    """Bytes as text in which every byte survives, in ASCII escapes if need be."""
    return data.decode(errors="backslashreplace")
