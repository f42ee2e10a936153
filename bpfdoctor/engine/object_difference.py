"""In what the object that a build made differs from the one that was judged before."""

from __future__ import annotations

from bpfdoctor.api import Host, NoAnswer, objects
from bpfdoctor.projects.judged import JudgedObject


def difference(host: Host, judged: JudgedObject, built: JudgedObject) -> str:
    """In what an object that was built differs from the one that was judged; empty for nothing.

    No kernel is in it.
    """
    one, other = (_alone(host, each) for each in (judged, built))
    if one is None or other is None or one == other:
        return ""
    programs = {each.name: each for each in one.programs}
    lost = [each.name for each in other.programs if programs.get(each.name) != each]
    if not lost:
        return "its maps, or what it takes from the kernel"
    name = lost[0]
    if name not in programs:
        return f"it has {name}"
    theirs = next(each for each in other.programs if each.name == name)
    fields = [
        field
        for field in theirs.__struct_fields__
        if getattr(theirs, field) != getattr(programs[name], field)
    ]
    return f"{', '.join(fields)} of {name}"


def _alone(host: Host, judged: JudgedObject) -> objects.BpfObject | None:
    """What an object says without any kernel."""
    if not judged.path:
        return judged.facts
    read = host.ask(objects.ReadObject(judged.path))
    return None if isinstance(read, NoAnswer) else read
