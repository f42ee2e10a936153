"""What the user stands in: a known project, a tree that names BPF and is not known, or neither."""

from __future__ import annotations

import msgspec

from bpfdoctor.host.git.bpf_search import Sign
from bpfdoctor.host.git.bpf_signs import AskBpfSigns, BpfSigns
from bpfdoctor.host.git.gitmodules import entries_of
from bpfdoctor.host.question import NOT_RECORDED, Host, NoAnswer
from bpfdoctor.host.system.files import AskDirectory, Directory, FileText, ReadFile
from bpfdoctor.projects.model import Project, ProjectKind
from bpfdoctor.projects.project_file import nearest_kind
from bpfdoctor.projects.recognise import find_project, owners, project_at


class Surroundings(msgspec.Struct, frozen=True):
    """What a directory lies in.

    `project` is the known project. Without one, `signs` are what names BPF in a tree that is not
    known, their paths from `root` on; without signs either, there is nothing here but the machine.
    `directory` has its links resolved where it can be looked at. `root` is that of its git work
    tree, or of the project, or the directory; empty where that was not looked at. `file` is the
    project file that decided, or empty. `unseen` are files that could not be read and might have
    been signs, or why the directory itself could not be looked at.
    """

    directory: str
    root: str = ""
    project: Project | None = None
    signs: tuple[Sign, ...] = ()
    file: str = ""
    unseen: tuple[str, ...] = ()


def surroundings(host: Host, directory: str) -> Surroundings:
    """The nearest, upwards, of a project file, a known project and a file that names BPF.

    Where there is none of them, what lies below decides; so it does in a part of a known project
    that is not what its makefile builds. Raises BpfDoctorError where a project file is no good.
    """
    here = host.ask(AskDirectory(directory))
    if isinstance(here, NoAnswer):
        return Surroundings(directory, unseen=_why_unseen(here))
    named = _named(host, here)
    if named and _claims(host, named, here.path):
        return _settled(host, here, named)
    seen = host.ask(AskBpfSigns(here.path))
    if isinstance(seen, NoAnswer):
        seen = BpfSigns(here.path, unseen=_why_unseen(seen))
    if named and len(named.place) >= len(_nearest(seen)) and (named.file or not seen.below):
        return _settled(host, here, named, seen.base)
    return Surroundings(here.path, seen.base, None, seen.above or seen.below, unseen=seen.unseen)


def _nearest(seen: BpfSigns) -> str:
    """The nearest directory, all being above, at which another tree begins; empty for none.

    A repository within a checkout is no part of that checkout.
    """
    signed = [seen.place_of(sign) for sign in seen.above[:1]]
    return max([seen.root, *signed], key=len)


def _why_unseen(refused: NoAnswer) -> tuple[str, ...]:
    """Why a directory cannot be looked at; nothing where it is not there, or nobody ever asked."""
    return () if refused.absent or refused.reason == NOT_RECORDED else (refused.shown(),)


class _Named(msgspec.Struct, frozen=True):
    """A directory that is a project of a kind, by its project file or because it looks like one."""

    place: str
    kind: ProjectKind
    file: str = ""


def _named(host: Host, here: Directory) -> _Named | None:
    """The nearest such directory; where both say so of one, its file is believed."""
    owner = next(iter(owners(host, here.path, ("",))), None)
    told = nearest_kind(host, (here.path, *here.parents), owner)
    known = find_project(host, here.path)
    if told and (not known or len(told.place) >= len(known.path)):
        return _Named(told.place, told.kind, told.path)
    return _Named(known.path, known.kind) if known else None


def _claims(host: Host, named: _Named, directory: str) -> bool:
    """Whether a directory is the project's whatever lies nearer.

    So are those on the way to where it is built, those below there, and its submodules.
    """
    inside = directory.removeprefix(named.place.rstrip("/")).strip("/")
    build = named.kind.build.directory if named.kind.build else ""
    if not inside or f"{build}/".startswith(f"{inside}/"):
        return True
    modules = host.ask(ReadFile(f"{named.place.rstrip('/')}/.gitmodules"))
    entries = entries_of(modules.text) if isinstance(modules, FileText) else ()
    own = [build, *(entry.path for entry in entries)]
    return any(f"{inside}/".startswith(f"{path}/") for path in own)


def _settled(host: Host, here: Directory, named: _Named, root: str = "") -> Surroundings:
    """In a project; a kind that no directory looks like is the machine's own."""
    project = project_at(host, named.kind, named.place) if named.kind.recognise else None
    return Surroundings(here.path, root or named.place, project, file=named.file)
