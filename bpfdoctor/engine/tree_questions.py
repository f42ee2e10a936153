"""What is asked of a checkout about one program: how it is compiled, its loader, its libbpf."""

from __future__ import annotations

from bpfdoctor.api import AskKernel, Host, Kernel, NoAnswer, Project, files, tools
from bpfdoctor.host.architecture import target_architecture
from bpfdoctor.projects.model import Build
from bpfdoctor.projects.needs import AroundObject
from bpfdoctor.projects.object_rule import links_objects

HOSTS_INCLUDES = ("SYS_INCLUDES", "-idirafter")
"""By which a makefile has clang look in the directories of headers that it searches for the host.
"""


def surroundings_of(host: Host, project: Project, name: str) -> AroundObject:
    """What is known of a program beside its object: its project file, its loader, its libbpf."""
    known, build = project.program(name), project.kind.build
    if not project.path or build is None:
        return AroundObject(name, known)
    loader = host.ask(loader_question(project, name))
    libbpf = host.ask(tools.AskLibbpf(project.inside(build.libbpf) if build.libbpf else ""))
    return AroundObject(
        name,
        known,
        tools.ANYTHING if isinstance(loader, NoAnswer) else loader,
        None if isinstance(libbpf, NoAnswer) else libbpf,
        linked=links_objects(_makefile(host, project, build)),
    )


def loader_question(project: Project, name: str) -> tools.AskLoader:
    """What the user space part of a program does."""
    build = project.kind.build
    return tools.AskLoader(
        tuple(inside(project, each, name) for each in (build.loader if build else ()))
    )


def compile_question(host: Host, project: Project, name: str) -> tools.CompileSource | str:
    """How the BPF source of a program is compiled, or why it cannot be."""
    build = project.kind.build
    clang = tools.chosen_clang(host, project.kind.clang, project.tools)
    if build is None or not clang.fit or len(clang.argv) != 1:
        return "there is no clang to compile it with"
    return tools.CompileSource(
        inside(project, build.source, name),
        clang.argv[0],
        project.path,
        include=_include(host, project, build),
        libbpf=project.inside(build.libbpf) if build.libbpf else "",
        host_includes=_looks_in_the_hosts(host, project, build),
    )


def _looks_in_the_hosts(host: Host, project: Project, build: Build) -> bool:
    """Whether the makefile has clang look in the host's directories: not before 2020-12."""
    text = _makefile(host, project, build)
    return not text or any(each in text for each in HOSTS_INCLUDES)


def _makefile(host: Host, project: Project, build: Build) -> str:
    """The text of its makefile; empty where it cannot be read."""
    answer = host.ask(files.Read(project.inside(build.makefile)))
    return answer.text if isinstance(answer, files.Text) else ""


def _include(host: Host, project: Project, build: Build) -> tuple[str, ...]:
    """The directories of headers, that of vmlinux.h among them, wherever this makefile has it."""
    running = host.ask(AskKernel())
    arch = target_architecture(running.architecture if isinstance(running, Kernel) else "")
    types = project.vmlinux_h(arch).rpartition("/")[0]
    places = (*(each.replace("{arch}", arch) for each in build.include), types)
    return tuple(project.inside(each) for each in dict.fromkeys(places) if each)


def inside(project: Project, pattern: str, name: str) -> str:
    """A path of a program's, from the makefile's directory."""
    directory = project.kind.build.directory if project.kind.build else ""
    return project.inside(directory, pattern.replace("{program}", name))
