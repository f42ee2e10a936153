"""A compiled BPF object as the project that is judged."""

from __future__ import annotations

import posixpath
import re

from bpfdoctor.api import Host, NoAnswer, Project, objects, tools
from bpfdoctor.errors import BpfDoctorError, UndeterminedError
from bpfdoctor.host.limited import CHECK_LIMIT, TooLongError, within

NO_MATCH = "a shell leaves a pattern as it is where no file matches it"


def project_in_time(host: Host, path: str, limit: float = CHECK_LIMIT) -> Project:
    """As `project_in`, within a time limit. Raises UndeterminedError when that is over."""
    try:
        return within(limit, lambda: project_in(host, path))
    except TooLongError as error:
        raise UndeterminedError(f"{path} could not be read: {error}") from None


def _loader(host: Host, path: str) -> tools.Loader | None:
    """What its loader does, where that lies beside the object or above the directory of builds."""
    stem = _stem(path)
    for source in loader_places(path):
        answer = host.ask(tools.AskLoader((source,)))
        if not isinstance(answer, NoAnswer) and set(_skeletons(stem)) & set(answer.opened):
            return answer
    return None


def loader_places(path: str) -> tuple[str, str]:
    """Where the loader of the object at a path is sought."""
    place, stem = path.rpartition("/")[0], _stem(path)
    beside = f"{place}/{stem}.c" if place else f"{stem}.c"
    return beside, posixpath.normpath(f"{place or '.'}/../{stem}.c")


def _stem(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".o").removesuffix(".bpf")


def _skeletons(stem: str) -> tuple[str, str]:
    """What bpftool and makefiles call the skeleton of an object (`gen skeleton`)."""
    plain = re.sub(r"\W", "_", stem)
    return plain, f"{plain}_bpf"


def project_in(host: Host, path: str) -> Project:
    """The object at a path as a project. Raises BpfDoctorError for what is no BPF object."""
    from bpfdoctor.projects.object import project_of_object  # it takes all that reads ELF

    facts = objects.read_object(host, path)
    if not isinstance(facts, NoAnswer):
        return project_of_object(path, facts, _loader(host, path))
    hint = "--object takes what clang -g -O2 -target bpf -c made"
    if facts.absent:
        pattern = any(each in path for each in "*?[")
        raise BpfDoctorError(f"there is no file {path}", NO_MATCH if pattern else hint)
    if facts.reason in ("EACCES", "EPERM"):
        raise BpfDoctorError(f"{path} cannot be read by this user")
    raise BpfDoctorError(f"{path} is no BPF object to judge: {facts.detail or facts.reason}", hint)
