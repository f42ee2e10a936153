"""A C source of a tree as text, or why there is none."""

from __future__ import annotations

from bpfdoctor.host.question import NoAnswer
from bpfdoctor.host.reading import NotRegularError, PrivateError, read_published


def file_text(path: str, largest: int) -> str | NoAnswer:
    """The text of a file of at most so many bytes."""
    try:
        data = read_published(path, largest + 1)
    except NotRegularError as error:
        return NoAnswer("refused", str(error.strerror))
    except PrivateError as error:
        return NoAnswer("EACCES", str(error.strerror))
    except OSError as error:
        return NoAnswer.from_error(error)
    except ValueError as error:  # a path with a NUL byte
        return NoAnswer("refused", str(error))
    if len(data) > largest:
        return NoAnswer("too-large", f"more than {largest} bytes")
    return data.decode(errors="replace")
