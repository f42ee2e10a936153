"""A file of a tree, or why there is no answer about it."""

from __future__ import annotations

from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.reading import NotRegularError, PrivateError, read_published


def published(path: str, limit: int) -> bytes | NoAnswer:
    """The first `limit` bytes of a file whose text goes into reports (`read_published`)."""
    try:
        return read_published(path, limit)
    except NotRegularError as error:
        return NoAnswer("refused", str(error.strerror))
    except PrivateError as error:
        return NoAnswer("EACCES", str(error.strerror))
    except OSError as error:
        return NoAnswer.from_error(error)
    except ValueError as error:  # a path with a NUL byte
        return NoAnswer("refused", str(error))


def whole(path: str, largest: int) -> bytes | NoAnswer:
    """All of such a file; `too-large` where it has more bytes than that."""
    data = published(path, largest + 1)
    if isinstance(data, bytes) and len(data) > largest:
        return NoAnswer("too-large", f"more than {largest} bytes")
    return data
