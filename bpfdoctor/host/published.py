"""A file of a tree, or why there is no answer about it."""

from __future__ import annotations

from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.reading import NotRegularError, PrivateError, read_published


def published(path: str, limit: int) -> bytes | NoAnswer:
    """The first `limit` bytes of a file whose text goes into reports (`read_published`)."""
    try:
        return read_published(path, limit)
    except (OSError, ValueError) as error:
        return not_read(error)


def not_read(error: OSError | ValueError) -> NoAnswer:
    """Why a file was not read, by what `bpfdoctor.host.reading` raised.

    ValueError is for a path with a NUL byte.
    """
    if isinstance(error, NotRegularError):
        return NoAnswer("refused", str(error.strerror))
    if isinstance(error, PrivateError):
        return NoAnswer("EACCES", str(error.strerror))
    if isinstance(error, OSError):
        return NoAnswer.from_error(error)
    return NoAnswer("refused", str(error))


def whole(path: str, largest: int) -> bytes | NoAnswer:
    """All of such a file; `too-large` where it has more bytes than that."""
    data = published(path, largest + 1)
    if isinstance(data, bytes) and len(data) > largest:
        return NoAnswer("too-large", f"more than {largest} bytes")
    return data
