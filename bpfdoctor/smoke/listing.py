"""What a makefile computes is asked of make, once the user has asked for a build."""

from __future__ import annotations

import msgspec

from bpfdoctor.host.makefile_comments import without_comments
from bpfdoctor.host.question import Host, NoAnswer
from bpfdoctor.host.system.files import FileText, ReadFile
from bpfdoctor.projects.makefile import Reading
from bpfdoctor.projects.makefile_of import variables_of, with_values
from bpfdoctor.projects.model import Project
from bpfdoctor.smoke.ask_make import AskMake, MakeSays

_ORIGINS = {"command": "override"}
"""make's words of which the first alone is not to be used as it is (`command line`)."""


def as_make_says(host: Host, project: Project) -> Project:
    """The project with what its makefile computes, where that was not followed and make tells."""
    question = question_to_make(project)
    if question is None:
        return project
    answer = host.ask(question)
    if isinstance(answer, NoAnswer):
        listing = project.listing
        assert listing is not None
        if listing.how == "sources":
            listing = msgspec.structs.replace(listing, said=answer.shown())
        return msgspec.structs.replace(project, listing=listing)
    text = host.ask(ReadFile(question.path))
    values = {name: _reading(answer, name) for name in question.variables}
    words = without_comments(text.text) if isinstance(text, FileText) else ""
    asked = with_values(host, project, values, words, how="asked")
    return _where_unknown(project, asked)


def _where_unknown(read: Project, asked: Project) -> Project:
    """What was read, and of the rest what make said."""
    settings = tuple(
        asked.setting(each.variable) if each.computed else each for each in read.settings
    )
    project = msgspec.structs.replace(read, settings=settings)
    if read.listing is None or read.listing.how != "sources":
        return project
    return msgspec.structs.replace(project, programs=asked.programs, listing=asked.listing)


def question_to_make(project: Project) -> AskMake | None:
    """What make is to be asked of a checkout; None where everything is known."""
    build, listing = project.kind.build, project.listing
    if build is None or listing is None or listing.how == "kind":
        return None
    if listing.how != "sources" and not any(each.computed for each in project.settings):
        return None
    made = tuple(f"{build.directory}/{name}" for name in build.outputs)
    return AskMake(project.path, build.makefile, variables_of(project), (*made, *build.writes))


def _reading(answer: MakeSays, name: str) -> Reading:
    origin = answer.origins[name]
    return Reading(answer.values[name], _ORIGINS.get(origin, origin))
