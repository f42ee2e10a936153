"""What real make says that a variable of a makefile is worth, and makefiles by chance."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Mapping
from pathlib import Path

PRINTED = "bpfdoctor-test"


def said_by_make(
    directory: Path, *names: str, environment: Mapping[str, str] | None = None, make: str = "make"
) -> dict[str, str] | None:
    """The values of variables once all of `directory`/Makefile is read; None where make fails."""
    lines = [f"$(info {PRINTED} {name} $(strip $({name})))" for name in names]
    printer = directory / "printer.mk"
    printer.write_text("\n".join([*lines, f".PHONY: {PRINTED}", f"{PRINTED}: ;@:", ""]))
    environ = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", **(environment or {})}
    ended = subprocess.run(
        [make, "-f", "Makefile", "-f", printer.name, PRINTED],
        cwd=directory,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    if ended.returncode != 0:
        return None
    found: dict[str, str] = {}
    for line in ended.stdout.splitlines():
        word, _, rest = line.partition(" ")
        if word == PRINTED:
            name, _, value = rest.partition(" ")
            found[name] = value
    return found


NAMES = ("APPS", "A", "B", "C", "CC", "E", "F")
VALUES = (
    "one",
    "two three",
    "",
    "$(A)",
    "$(B) x",
    "${C}",
    "$(A:%=p-%)",
    "$(B:.c=.o)",
    "$(wildcard *.mk)",
    "$(shell echo s)",
    "$(strip  a   b )",
    "$(filter one%,$(A) oneself)",
    "$(patsubst %.c,%,a.c b)",
    "$(subst o,0,$(A))",
    "$(if $(B),yes,no)",
    "$(or $(A),$(B),z)",
    "$(and $(A),$(B))",
    "$$x",
    "$(addprefix p/,$(A))",
    "$(foreach v,$(A) q,<$v>)",
    "$(call twice,$(A))",
    "$(sort b a b)",
    "$(origin A)",
    "$(origin E)",
    "$(flavor B)",
    "$(value B)",
    "a # b",
    r"a \# b",
    "$(words $(A))",
    "$(firstword $(A)) $(lastword $(B))",
    "x\\\n  y",
    "$(notdir a/b) $(dir a/b)",
    "$(join a b,c)",
    "$(word 2,$(A))",
    "$(basename a.b c) $(suffix a.b)",
    "$($(F))",
    "$(findstring e,$(A))",
    "$E",
    "$(eval B := evaled)",
    "$(call set,C,by-call)",
    "$(abspath x/../y)",
    "$(A)$(B)",
    "$(undefined)",
)
CONDITIONS = (
    "ifeq ($(A),one)",
    "ifneq ($(A),$(B))",
    "ifdef B",
    "ifndef C",
    'ifeq "$(A)" "one"',
    "ifdef E",
    "ifeq ($(shell echo s),s)",
    "ifeq ($(wildcard no),)",
    "ifneq (,$(findstring n,$(A)))",
    "ifdef CC",
    "ifeq ( one,one)",
    "ifeq (one, one )",
    "ifeq ($(F),A)",
)
OTHERS = (
    "all: $(APPS)",
    "\techo recipe",
    "\tAPPS = no",
    "# comment \\",
    "export A",
    "unexport B",
    "x: APPS += y",
    "%.o: A = pattern",
    "$(call set,A,called)",
    "$(call set,APPS,$(A) more)",
    "$(eval APPS += evaluated)",
    "$(eval $(call twice,A = t))",
    "x y: z ; APPS = no",
    "undefine B",
    "$(foreach v,A B,$(eval $v += loop))",
    "override B = over",
    "override B += more",
    "vpath %.c src",
    "$(if $(shell echo s),$(eval C = perhaps))",
    "out: $(wildcard *.mk)",
    "-include none.d",
    "$(and $(A),$(eval C := and))",
    "  APPS += indented",
    "private F = A",
    "F = A",
    "F := B",
    "define C\nbody $(1)\nendef",
    "define APPS :=\none\ntwo\nendef",
    "override undefine A",
    "$(info said)",
    "A := $(A) again",
    "$(eval $(wildcard *.mk): x)",
    "B ?= perhaps",
    "E += appended",
)
BEGIN = "define set\n$(eval $(1) = $(2))\nendef\ntwice = $(1) $(1)\nall:\n"


def random_makefile(seed: int) -> str:
    """A makefile of a few lines, some of them in conditions."""
    chance = random.Random(seed)
    lines = [BEGIN] if chance.random() < 0.7 else []
    lines += _lines(chance, chance.randrange(3, 14), 0)
    return "\n".join([*lines, ""])


def _lines(chance: random.Random, count: int, depth: int) -> list[str]:
    lines: list[str] = []
    for _ in range(count):
        kind = chance.random()
        if kind < 0.15 and depth < 3:
            lines.append(chance.choice(CONDITIONS))
            lines += _lines(chance, chance.randrange(0, 4), depth + 1)
            if chance.random() < 0.3:
                lines.append(f"else {chance.choice(CONDITIONS)}")
                lines += _lines(chance, chance.randrange(0, 3), depth + 1)
            if chance.random() < 0.5:
                lines.append("else")
                lines += _lines(chance, chance.randrange(0, 3), depth + 1)
            lines.append("endif")
        elif kind < 0.45:
            lines.append(chance.choice(OTHERS))
        else:
            operator = chance.choice(("=", ":=", "+=", "?=", "=", "::="))
            lines.append(f"{chance.choice(NAMES)} {operator} {chance.choice(VALUES)}")
    return lines
