"""Makefiles are read as real make reads them, or not followed; hostile ones in no time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from cpu_limit import within_cpu
from hypothesis import given, strategies as st
from real_make import NAMES, random_makefile, said_by_make

from bpfdoctor.host.makefile_comments import without_comments
from bpfdoctor.projects.make_budget import EACH, PATIENCE, Budget, steps_of
from bpfdoctor.projects.make_functions import FUNCTIONS
from bpfdoctor.projects.make_values import NotFollowed, Outside
from bpfdoctor.projects.makefile import Reading, read_makefile

FORMS = {
    "libbpf-bootstrap of today": """\
CLANG ?= clang
BPFTOOL_OUTPUT ?= $(abspath .output/bpftool)
BPFTOOL ?= $(BPFTOOL_OUTPUT)/bootstrap/bpftool
APPS = minimal \\
       bootstrap # and more
ifeq ($(V),1)
	Q =
	msg =
else
	Q = @
	msg = @printf '  %-8s %s%s\\n' "$(1)" "$(patsubst $(abspath .output)/%,%,$(2))"
	MAKEFLAGS += --no-print-directory
endif
define allow-override
  $(if $(or $(findstring environment,$(origin $(1))),\\
            $(findstring command line,$(origin $(1)))),,\\
    $(eval $(1) = $(2)))
endef
$(call allow-override,CC,$(CROSS_COMPILE)cc)
$(call allow-override,LD,$(CROSS_COMPILE)ld)
all: $(APPS)
.output/%.o: %.c $(wildcard %.h) | .output
	$(Q)$(CC) -c $(filter %.c,$^) -o $@
""",
    "rules made by eval": """\
APPS := a b
define rule
$(1): $(1).c
	cc -o $(1) $$<
$(1)_SOURCES := $(1).c
endef
$(foreach app,$(APPS),$(eval $(call rule,$(app))))
APPS += $(a_SOURCES:.c=)
""",
    "a list of lists": "C = x y\nGO = z\nL = C GO\nAPPS = $(foreach l,$(L),$($(l)))\nall:\n",
    "assignments behind a target": "APPS = a\na: APPS += b\n%.o: CC = no\na: ; APPS = no\n",
    "a recipe or not": "\tAPPS = a\nall: x\n\tAPPS = b\nCC = d\n\tAPPS += c\n",
    "comments": "APPS = a\\#b c # no \\\nd\n# APPS = no \\\nAPPS = no\nCC = c\\\\# no\n",
    "override and export": "override APPS = a\nexport APPS = no\nexport CC\nexport CLANG ?= c\n",
    "undefine": "APPS = a\nCLANG = c\nundefine APPS\nAPPS ?= b\n",
    "names of functions and words": "define = a\ninclude = b\nAPPS = $(define) $(include)\nall:\n",
    "spaces in conditions": "ifeq (a, a)\nAPPS = a\nendif\nifeq ( a,a)\nAPPS += b\nendif\nall:\n",
    "what make has itself": "APPS = $(CC)\nCC ?= no\nifdef RM\nCLANG = yes\nendif\nall:\n",
    "a define with others in it": "define APPS\na\ndefine x\nb\nendef\nendef\nall:\n",
    "skipped": "ifdef X\ndefine APPS\nelse\nendef\nAPPS = x\nelse ifndef X\nAPPS = b\nendif\n",
    "windows line ends": "APPS = a \\\r\n  b\r\nifeq (a,a)\r\nCC = c\r\nendif\r\nall:\r\n",
    "digits that number no argument": "f = $(1)$(01)$(²)$(٣)\nAPPS := $(call f,a,b,c)\nall:\n",
    "an empty value": "APPS :=\nAPPS ?= no\nAPPS += a\nall:\n",
    "dependencies of a compiler": "APPS = a\n-include $(APPS:=.d) .output/*.d\nall:\n",
}
NAMED = ("APPS", "CC", "LD", "CLANG", "BPFTOOL")


def read(
    text: str,
    directory: str = "/tree",
    names: tuple[str, ...] = NAMED,
    *,
    whole: bool = True,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Reading]:
    outside = Outside((environment or {}).get, lambda command: None, directory)
    makefile = read_makefile(text, outside, whole=whole)
    return {name: makefile.value(name) for name in names}


@pytest.mark.parametrize("environment", [{}, {"CC": "mycc", "CLANG": "myclang", "V": "1"}])
@pytest.mark.parametrize("form", FORMS)
def test_what_is_followed_is_what_make_says(
    tmp_path: Path, form: str, environment: dict[str, str]
) -> None:
    (tmp_path / "Makefile").write_text(FORMS[form], newline="")
    said = said_by_make(tmp_path, *NAMED, environment=environment)
    assert said is not None
    found = read(FORMS[form], str(tmp_path), environment=environment)
    assert {name: " ".join(found[name].words) for name in NAMED} == said
    assert not [found[name].computed for name in NAMED if found[name].computed]


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_makefiles_by_chance_are_never_misread(tmp_path: Path, first: int) -> None:
    followed = 0
    for seed in range(first, first + 50):
        text = random_makefile(seed)
        (tmp_path / "Makefile").write_text(text)
        environment = {"E": "$(A) env"} if seed % 2 else {}
        said = said_by_make(tmp_path, *NAMES, environment=environment)
        found = read(text, str(tmp_path), NAMES, environment=environment)
        for name in NAMES if said else ():
            if not found[name].computed:
                followed += 1
                assert said is not None
                assert " ".join(found[name].words) == said[name], f"seed {seed}, {name}:\n{text}"
    assert followed > 50


@pytest.mark.parametrize(
    ("text", "computed"),
    [
        ("APPS = a $(wildcard *.bpf.c)\n", "$(wildcard *.bpf.c)"),
        ("APPS := $(patsubst %.bpf.c,%,$(wildcard *.bpf.c))\n", "$(wildcard *.bpf.c)"),
        ("APPS := $(shell ls)\n", "$(shell ls)"),
        ("APPS != ls\n", "$(shell ls)"),
        ("APPS = a\ninclude more.mk\n", "include more.mk"),
        ("-include local.mk\nAPPS = a\n", "-include local.mk"),
        ("APPS = a\nifeq ($(shell uname),x)\nAPPS += b\nendif\n", "ifeq ($(shell uname),x)"),
        ("ifneq ($(wildcard x),)\nelse\nAPPS = b\nendif\n", "ifneq ($(wildcard x),)"),
        ("APPS = a\n$(eval $(shell cat x))\n", "$(shell cat x)"),
        ("APPS = a\n$(if $(wildcard x),$(eval APPS += b))\n", "$(wildcard x)"),
        ("N = $(shell cat x)\n$(N) = b\nAPPS = a\n", "$(shell cat x)"),
        ("APPS = $(APPS)\n", "$(APPS), which names itself"),
        ("MAKEFLAGS += -e\nAPPS = a\n", "MAKEFLAGS = -e"),
        ("APPS = $(MAKE_VERSION)\n", "$(MAKE_VERSION)"),
        ("APPS = a\nifdef X\n", "a condition without endif"),
        ("APPS = a\nendif\n", "endif without a condition"),
        ("APPS = a\nload x.so\n", "load x.so"),
        (".RECIPEPREFIX := $(shell echo)\nAPPS = a\n", ".RECIPEPREFIX = $(shell echo)"),
        (
            "APPS = a\nifeq ($(shell ls),)\nX = $(eval APPS = b)\nendif\nY := $(X)\n",
            "ifeq ($(shell ls),)",
        ),
        ("APPS = $(let a,b,$(a))\n", "$(let a,b,$(a))"),
        ("APPS = a\n$(error stop)\n", "$(error stop)"),
        ("APPS = a\n$(if $(APPS),$(error stop))\n", "$(error stop)"),
        ("APPS = a\n$(if $(APPS),,$(error stop))\n", ""),
        ("APPS = a\nifdef X\n$(error stop)\nendif\n", ""),
        ("APPS = a\n<<<<<<< HEAD\n", "<<<<<<< HEAD, which make does not take"),
        ("APPS = a\nall: x\n        cc -o x\n", "cc -o x, which make does not take"),
        ("APPS = a\nQ = @\nall: x\n    $(Q)rm x\n", "$(Q)rm x, which make does not take"),
        ("APPS = a\nifdef X\n<<<<<<< HEAD\nendif\n", ""),
        ("APPS = a\nR = all: x\n$(R)\n", ""),
    ],
)
def test_what_is_not_followed_is_told(text: str, computed: str) -> None:
    found = read(text)["APPS"]
    assert (found.computed, found.words) == (computed, ("a",) if not computed else ())


def test_a_rule_that_is_not_known_hides_no_program() -> None:
    text = "APPS = a\n$(eval x: $(wildcard *.h))\nout: $(shell ls) | $(wildcard y)\n\tcc\n"
    assert read(text)["APPS"].words == ("a",)


@pytest.mark.parametrize(
    ("line", "environment", "expected"),
    [
        ("CLANG := clang-15", {"CLANG": "mine"}, ("clang-15", "file")),
        ("CLANG ?= clang-15", {"CLANG": "mine"}, ("mine", "environment")),
        ("CLANG ?= clang-15", {}, ("clang-15", "file")),
        ("X = 1", {"CLANG": "mine"}, ("mine", "environment")),
        ("X = 1", {}, ("", "undefined")),
        ("override CLANG = clang-15", {"CLANG": "mine"}, ("clang-15", "override")),
        ("CLANG += -v", {"CLANG": "mine"}, ("mine -v", "file")),
    ],
)
def test_the_origin_says_whose_value_it_is(
    line: str, environment: dict[str, str], expected: tuple[str, str]
) -> None:
    found = read(f"{line}\n", environment=environment)["CLANG"]
    assert (found.text, found.origin) == expected
    assert read("X = 1\n")["CC"] == Reading("cc", "default")


def test_a_variable_that_is_withheld_is_computed_and_the_rest_is_known() -> None:
    outside = Outside(lambda name: None, lambda command: None, "", lambda name: name == "PLAIN")
    text = "X := $(PLAIN)\nAPPS = a $(X)\nCC = gcc\nPLAIN2 ?= $(OTHER)b\n"
    found = read_makefile(text, outside)
    assert found.value("APPS").computed == "$PLAIN of the environment"
    assert found.value("CC").text == "gcc"
    assert found.value("PLAIN2").text == "b"


@pytest.mark.parametrize("form", FORMS)
def test_comments_say_nothing_to_whoever_reads_a_makefile(form: str) -> None:
    assert read(without_comments(FORMS[form])) == read(FORMS[form])


def test_a_comment_ends_where_make_ends_it() -> None:
    text = "# a \\\n b\nA = b # c\n  # d\\\\\n\t# recipe\nB = \\\n# e\n#"
    assert without_comments(text) == "#\nA = b # c\n#\n\t# recipe\nB = \\\n#\n#"


def test_makefiles_of_the_environment_are_read_before_and_not_followed() -> None:
    assert read("APPS = a\n", environment={"MAKEFILES": "/etc/more.mk"})["APPS"].computed
    assert read("APPS = a\n", environment={"MAKEFILES": ""})["APPS"].words == ("a",)


@pytest.mark.parametrize("flags", ["CC=mine", "-j8 CC=mine", "e", "-rR", "n", "--dry-run"])
@pytest.mark.parametrize("name", ["MAKEFLAGS", "GNUMAKEFLAGS"])
def test_flags_of_the_environment_that_decide_what_is_built_are_not_followed(
    name: str, flags: str
) -> None:
    found = read("APPS = a\n", environment={name: flags})
    assert found["APPS"].computed == f"${name} of the environment"


@pytest.mark.parametrize(
    "flags", ["", "-j8 -Otarget", "kw", "-l2.5 --output-sync=line", "-s --no-print-directory"]
)
def test_flags_that_change_no_variable_are_of_no_matter(flags: str) -> None:
    assert read("APPS = a\n", environment={"MAKEFLAGS": flags})["APPS"].words == ("a",)
    assert read(f"MAKEFLAGS += {flags}\nAPPS = a\n")["APPS"].words == ("a",)


def test_of_a_makefile_that_is_longer_than_was_read_nothing_is_known() -> None:
    assert read("APPS = a\n", whole=False)["APPS"].computed == (
        "a makefile longer than bpfdoctor reads"
    )


MEGABYTE = 1 << 20
PILE = f"L := {'x' * 60000}\nT := " + "b\t" * 30000 + "\n"
HOSTILE = {
    "spaces": "APPS = a" + " " * MEGABYTE,
    "spaces before a line's end": "A = " + " " * MEGABYTE + "\\\nb",
    "lines": "A=b\n" * (MEGABYTE // 4),
    "rules": "a:b\n" * (MEGABYTE // 4),
    "brackets": "$(" * (MEGABYTE // 2),
    "brackets of conditions": "ifeq " + "(" * MEGABYTE,
    "references without end": "APPS = " + "$(A" * (MEGABYTE // 3),
    "modifiers": "export " * (MEGABYTE // 7),
    "number signs": "A = " + "\\#$(B)" * (MEGABYTE // 6),
    "backslashes": "A = " + "\\" * MEGABYTE,
    "continuations": "A = " + "b \\\n" * (MEGABYTE // 4),
    "doubling": "".join(f"V{n} = $(V{n + 1}) $(V{n + 1})\n" for n in range(30)) + "APPS = $(V0)",
    "loops": "L := " + "x " * 30000 + "\nAPPS = $(foreach a,$(L),$(foreach b,$(L),y))",
    "filters": "L := " + "x " * 16000 + "\nP := " + "a% " * 16000 + "\nAPPS = $(filter $(P),$(L))",
    "eval within itself": "define f\n$(eval $(call f))\nendef\n$(call f)\n",
    "appending itself": "APPS := x\n" + "APPS += $(APPS)\n" * 1000,
    "conditions": "ifeq (a,a)\n" * 60000 + "endif\n" * 60000,
    "long ways to an eval": "f = $(eval A = 1)\n"
    + "".join(f"v{n} = $(v{n + 1})\n" for n in range(20000))
    + "x: $(v0)\n" * 1000,
    "substitutions": "L := " + "x" * 60000 + "\nAPPS = $(subst x,$(L),$(L))",
    "functions in functions": "APPS = " + "$(strip " * 20000 + "x" + ")" * 20000,
    "marks": "\n".join(f"A{n} := $(shell {n})" for n in range(30000)),
    "names of names": "APPS = " + "$($(" * 20000 + "x" + "))" * 20000,
    "defines": "define x\n" * 60000,
    "defines that end": "define x\na\nendef\n" * 60000,
    "prefixes of words parted by tabs": f"{PILE}APPS = " + "$(addprefix $(L),$(T))" * 9000,
    "endings of words parted by tabs": f"{PILE}APPS = " + "$(addsuffix $(L),$(T))" * 9000,
    "filters parted by tabs": f"{PILE}P := {'%a	' * 16000}\nAPPS = "
    + "$(filter $(P),$(T))" * 900,
    "a reference that substitutes": f"{PILE}APPS = " + "$(T:%=$(L))" * 9000,
    "many signs of percent": f"{PILE}APPS = $(T:%={'%' * 60000})",
    "a function by call": f"{PILE}APPS = " + "$(call subst,x,$(L),$(L))" * 9000,
    "paths in a long directory": f"{PILE}CURDIR := {'/b' * 30000}\nAPPS = "
    + "$(abspath $(T))" * 999,
    "flavors of a long value": f"{PILE}APPS = " + "$(flavor L)" * 80000,
    "conditions on a long value": f"{PILE}" + "ifdef L\nendif\n" * 60000 + "APPS = a\n",
    "values that are not set again": f"{PILE}" + "L ?= a\n" * 100000 + "APPS = a\n",
    "nothing, nested": "V0 =\n"
    + "".join(f"V{n + 1} = " + f"$(V{n})" * 3 + "\n" for n in range(39))
    + "APPS = $(V39)\n",
    "calls of calls": "f = $(call f,$(1)$(1))$(call f,)\nAPPS = $(call f,a)\n",
    "names": "".join(f"V{n} =\n" for n in range(120000)),
    "names in use": "APPS := " + "".join(f"$(V{n})" for n in range(100000)) + "\n",
}


READ = """
import sys
from bpfdoctor.projects.make_values import Outside
from bpfdoctor.projects.makefile import read_makefile
makefile = read_makefile(sys.stdin.read(), Outside(lambda name: None, lambda command: None, "/t"))
found = makefile.value("APPS")
print(bool(found.computed), len(found.words))
"""


@pytest.mark.parametrize("form", HOSTILE)
def test_a_hostile_makefile_ends_and_is_not_misread(form: str) -> None:
    computed, words = within_cpu(READ, given=HOSTILE[form]).split()
    assert computed == "True" or int(words) < 2


def test_characters_that_stand_for_the_unknown_are_not_taken_from_a_makefile() -> None:
    assert read(f"APPS = {chr(0xF0000)}\n")["APPS"].computed
    assert read("APPS = $(X)\n", environment={"X": f"a{chr(0xF0000)}"})["APPS"].words == (
        "a\ufffd",
    )


@pytest.mark.parametrize(("steps", "left"), [(1, 0), (0, 1)])
def test_the_budget_ends_behind_its_last_step(steps: int, left: int) -> None:
    budget = Budget(EACH + 1)
    budget.spend(steps)
    assert budget.left == left
    with pytest.raises(NotFollowed):
        budget.spend(left)


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {"word"}))
@pytest.mark.parametrize("blank", [" ", "\t", "\n"])
def test_what_a_function_makes_is_counted_before_it_is_made(name: str, blank: str) -> None:
    many, long = f"a{blank}" * 100, "x" * 1000
    for each in ((many, many, many), (long, many, many), ("a", long, many), ("%", long, many)):
        arguments = list(each[: FUNCTIONS[name][0]])
        made = FUNCTIONS[name][1](*arguments)
        assert steps_of(name, arguments) >= len(made) // 2  # blanks between, and a `./`


def test_patterns_are_counted_for_each_word() -> None:
    assert steps_of("filter", ["a%\t" * 100, "b\t" * 100]) > 100 * 100


def test_a_makefile_of_today_takes_a_hundredth_of_the_budget() -> None:
    outside = Outside(lambda name: None, lambda command: None, "/tree")
    makefile = read_makefile(FORMS["libbpf-bootstrap of today"], outside)
    assert [makefile.value(name).computed for name in NAMED] == [""] * len(NAMED)
    assert makefile.expansion.budget.left > PATIENCE * 99 // 100


def test_a_reason_is_no_longer_than_is_read() -> None:
    assert len(read(f"APPS = $(word {'x' * 50000},a)\n")["APPS"].computed) <= 300


@given(st.text(alphabet="APS=+:?$(){} \n\t\\#ifeqndsl,\"'calev1²", max_size=120))
def test_no_makefile_breaks_the_reader(text: str) -> None:
    assert isinstance(read(text)["APPS"], Reading)
