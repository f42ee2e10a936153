"""Record the facts of a commit's programs.

    python -m bpfdoctor.engine.record_facts NAME CHECKOUT COMMIT
    python -m bpfdoctor.engine.record_facts embedded

What is written to `bpfdoctor/projects/facts/NAME.json` is what the objects say that the checkout's
sources compile to here; no kernel is in it. A test holds the file to a fresh compile.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import msgspec

import bpfdoctor
from bpfdoctor.api import NoAnswer, Project, tools
from bpfdoctor.engine.tree_questions import compile_question, loader_question
from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.host.elf.ask_object import ReadObject
from bpfdoctor.host.elf.bpf_object import BpfObject
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.host.question import Host
from bpfdoctor.projects.reader import kind_named
from bpfdoctor.projects.recognise import project_at
from bpfdoctor.projects.recorded import PLACE, RecordedFacts, RecordedProgram

EMBEDDED = Path(bpfdoctor.__file__).parent / "smoke" / "embedded" / "minimal.bpf.c"


def facts_of(host: Host, project: Project, commit: str) -> RecordedFacts:
    """The facts of a checkout's programs. Raises BpfDoctorError where one does not compile."""
    build = project.kind.build
    assert build is not None
    libbpf = host.ask(tools.AskLibbpf(project.inside(build.libbpf)))
    programs = {name: _program(host, project, name) for name in sorted(project.programs)}
    return RecordedFacts(commit, None if isinstance(libbpf, NoAnswer) else libbpf, programs)


def _program(host: Host, project: Project, name: str) -> RecordedProgram:
    question = compile_question(host, project, name)
    if isinstance(question, str):
        raise BpfDoctorError(question)
    loader = host.ask(loader_question(project, name))
    return RecordedProgram(
        hashlib.sha256(Path(question.file).read_bytes()).hexdigest(),
        compiled_facts(host, question),
        tools.Loader() if isinstance(loader, NoAnswer) else loader,
    )


def compiled_facts(host: Host, question: tools.CompileSource) -> BpfObject:
    """The facts of what a source compiles to. Raises BpfDoctorError where there are none."""
    made = host.ask(question)
    if isinstance(made, NoAnswer) or not made.object:
        raise BpfDoctorError(f"{question.file}: {made.shown()}")
    facts = host.ask(ReadObject(made.object))
    if isinstance(facts, NoAnswer):
        raise BpfDoctorError(f"{question.file}: {facts.shown()}")
    return facts


def embedded_question() -> tools.CompileSource:
    """How bpfdoctor's own program is compiled."""
    return tools.CompileSource(str(EMBEDDED), "clang", str(EMBEDDED.parent))


def embedded_facts(host: Host) -> RecordedFacts:
    """The facts of bpfdoctor's own program, which no libbpf loads."""
    question = embedded_question()
    digest = hashlib.sha256(EMBEDDED.read_bytes()).hexdigest()
    program = RecordedProgram(digest, compiled_facts(host, question), tools.Loader())
    return RecordedFacts("", None, {"embedded": program})


def main(name: str, checkout: str = "", commit: str = "") -> None:
    """Write the file of one kind of project."""
    host = LiveHost(Machine(dict(os.environ)))
    try:
        facts = (
            facts_of(
                host, project_at(host, kind_named(name), str(Path(checkout).resolve())), commit
            )
            if checkout
            else embedded_facts(host)
        )
    finally:
        host.close()
    PLACE.mkdir(exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(facts), indent=1)
    (PLACE / f"{name}.json").write_bytes(text + b"\n")


if __name__ == "__main__":
    main(*sys.argv[1:4])
