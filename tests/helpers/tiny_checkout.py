"""A checkout in libbpf-bootstrap's shape that builds in a second: real make, compilers and ar.

Its bpftool is a small program of its own, which refuses what the real one refuses.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bpfdoctor.api import Finding, Project, Selection, Status, Target
from bpfdoctor.host.hosts import LiveHost
from bpfdoctor.host.machine import Machine
from bpfdoctor.projects.model import Build, ProjectKind
from bpfdoctor.testing import run_check

MAKEFILE = """\
OUTPUT := .output
CLANG ?= clang
LIBBPF_SRC := $(abspath ../../libbpf/src)
LIBBPF_OBJ := $(abspath $(OUTPUT)/libbpf.a)
BPFTOOL_OUTPUT := $(abspath $(OUTPUT)/bpftool)
BPFTOOL ?= $(BPFTOOL_OUTPUT)/bootstrap/bpftool
APPS = demo other

all: $(APPS)

$(OUTPUT) $(OUTPUT)/libbpf $(BPFTOOL_OUTPUT)/bootstrap:
	mkdir -p $@

$(LIBBPF_OBJ): $(wildcard $(LIBBPF_SRC)/*.[ch]) | $(OUTPUT)/libbpf
	$(MAKE) -C $(LIBBPF_SRC) OBJDIR=$(dir $@)libbpf
	install -m 644 $(OUTPUT)/libbpf/libbpf.a $@

$(BPFTOOL): | $(BPFTOOL_OUTPUT)/bootstrap
	$(MAKE) -C ../../bpftool/src $@

$(OUTPUT)/%.bpf.o: %.bpf.c $(LIBBPF_OBJ) $(wildcard %.h) | $(OUTPUT) $(BPFTOOL)
	$(CLANG) -g -O2 -target bpf -c $(filter %.c,$^) -o $(patsubst %.bpf.o,%.tmp.bpf.o,$@)
	$(BPFTOOL) gen object $@ $(patsubst %.bpf.o,%.tmp.bpf.o,$@)

$(OUTPUT)/%.skel.h: $(OUTPUT)/%.bpf.o | $(OUTPUT) $(BPFTOOL)
	$(BPFTOOL) gen skeleton $< > $@

$(patsubst %,$(OUTPUT)/%.o,$(APPS)): %.o: %.skel.h

$(OUTPUT)/%.o: %.c $(wildcard %.h) | $(OUTPUT)
	$(CC) -I$(OUTPUT) -c $(filter %.c,$^) -o $@

$(APPS): %: $(OUTPUT)/%.o $(LIBBPF_OBJ) | $(OUTPUT)
	$(CC) $^ -o $@

.DELETE_ON_ERROR:
.SECONDARY:
"""

LIBRARY_MAKEFILE = """\
$(OBJDIR)/libbpf.a: $(OBJDIR)/btf.o
	$(AR) rcs $@ $^

$(OBJDIR)/%.o: %.c
	$(CC) -c $< -o $@
"""

TOOL_MAKEFILE = """\
HOSTCC ?= cc

all:

%/bpftool: main.c
	$(HOSTCC) $< -o $@
"""

BPFTOOL = r"""
#include <elf.h>
#include <stdio.h>
#include <string.h>

static char data[1 << 16];

int main(int argc, char **argv)
{
	if (argc == 2)
		return puts("bpftool v7.0.0") < 0;
	FILE *from = fopen(argv[argc - 1], "r"), *to = stdout;
	size_t size = from ? fread(data, 1, sizeof(data), from) : 0;
	Elf64_Ehdr *head = (void *)data;
	size_t end = head->e_shoff + head->e_shnum * head->e_shentsize;
	if (size < sizeof(*head) || head->e_machine != EM_BPF || end > size)
		return fprintf(stderr, "no BPF object\n"), 1;
	if (!strcmp(argv[2], "skeleton"))
		return puts("#ifndef SKEL_H\n#define SKEL_H\n#endif /* SKEL_H */") < 0;
	to = fopen(argv[3], "w");
	return !to || fwrite(data, 1, size, to) != size || fclose(to);
}
"""

PROGRAM = """\
#include "{name}.skel.h"
#ifndef SKEL_H
#error the skeleton is empty
#endif
int answer(void);
int main(void)
{{
	return !answer();
}}
"""

FILES = {
    "examples/c/Makefile": MAKEFILE,
    "examples/c/demo.bpf.c": "int first;\n",
    "examples/c/demo.c": PROGRAM.format(name="demo"),
    "examples/c/other.bpf.c": "int second;\n",
    "examples/c/other.c": PROGRAM.format(name="other"),
    "libbpf/src/Makefile": LIBRARY_MAKEFILE,
    "libbpf/src/btf.c": "int answer(void)\n{\n\treturn 42;\n}\n",
    "bpftool/src/Makefile": TOOL_MAKEFILE,
    "bpftool/src/main.c": BPFTOOL,
}
HERE = "examples/c"


def write_checkout(tree: Path) -> Path:
    """The sources, in a directory that there was not."""
    for name, text in FILES.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    return tree


def project(tree: Path, *, room: int = 4_000_000, files: int = 60) -> Project:
    """What bpfdoctor knows of it."""
    named = {"CLANG": "clang", "CC": "cc", "AR": "ar", "HOSTCC": "cc", "BPFTOOL": ""}
    build = Build(
        HERE, f"{HERE}/Makefile", tools=named, outputs=(".output",), room=room, files=files
    )
    return Project(ProjectKind("tiny", "tiny", "tiny", (), {}, build=build), str(tree), PROGRAMS)


PROGRAMS = ("demo", "other")


def found(
    tree: Path,
    *,
    may_build: bool = True,
    program: str = "demo",
    host: Callable[[Machine], LiveHost] = LiveHost,
) -> list[Finding]:
    """What the check finds for one program."""
    selection = Selection((Target(program),))
    machine = Machine()
    try:
        name, about = "checkout.build-directory", project(tree)
        return list(run_check(name, host(machine), about, selection, may_build=may_build))
    finally:
        machine.close()


def worst(findings: list[Finding]) -> Finding:
    """The finding that decides."""
    order = (Status.FAIL, Status.UNKNOWN, Status.WARN, Status.PASS)
    return min(findings, key=lambda each: order.index(each.status))


def make(tree: Path, user: int | None = None, target: str = "demo") -> int:
    """What make says: the exit status of `make demo` in the makefile's directory."""
    groups = {"user": user, "group": user, "extra_groups": []} if user else {}
    argv = ["make", "-s", target]
    ended = subprocess.run(
        argv, cwd=tree / HERE, capture_output=True, check=False, timeout=60, **groups
    )  # type: ignore[call-overload]
    return int(ended.returncode)


if __name__ == "__main__":  # in a mount namespace: the check's word, then make's
    place = Path(sys.argv[1])
    one = worst(found(place))
    sys.stdout.write(json.dumps([one.status.value, one.summary, make(place)]))
