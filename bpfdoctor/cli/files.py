"""Files that a user names to be written."""

from __future__ import annotations

import os

from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.host.own_directory import refuse_links_of_others


def refuse_unwritable(file: str) -> None:
    """Say before a long run, not after it, that what it ends in has no place.

    Raises BpfDoctorError.
    """
    try:
        refuse_links_of_others(file)
    except OSError as error:
        raise BpfDoctorError(f"cannot write {file}: {error.strerror}") from None
    end = os.path.realpath(file) if os.path.islink(file) else file
    directory = os.path.dirname(end) or "."
    if os.path.isdir(file):
        raise BpfDoctorError(f"cannot write {file}: it is a directory")
    if not (os.path.exists(file) or os.path.isdir(directory)):
        raise BpfDoctorError(f"cannot write {file}: there is no directory {directory}")
    place = file if os.path.exists(file) and not os.path.isfile(file) else directory
    if not os.access(place, os.W_OK, effective_ids=True):
        raise BpfDoctorError(f"cannot write {file}: {place} is not open to this user")


def same_file(one: str, other: str) -> bool:
    """Whether two paths lead to one file, which need not exist."""
    return os.path.realpath(one) == os.path.realpath(other)
