"""Which makefiles link the objects of their programs, by the rule that makes these."""

from __future__ import annotations

import pytest

from bpfdoctor.projects.object_rule import links_objects

RULE = "$(OUTPUT)/%.bpf.o: %.bpf.c | $(OUTPUT)\n\t$(Q)$(CLANG) -c $< -o $@\n"
CALL = "\t$(Q)$(BPFTOOL) gen object $@ $(patsubst %.bpf.o,%.tmp.bpf.o,$@)\n"


@pytest.mark.parametrize(
    "text",
    [
        RULE + CALL,
        RULE + CALL.replace("gen object", "gen  object"),
        RULE + CALL.replace("gen object", "gen \\\n\t\tobject"),
        RULE + "\n# a comment between\n" + CALL,
        "%.bpf.o: %.bpf.c\n" + CALL,
    ],
)
def test_the_rule_of_the_objects_calls_bpftool(text: str) -> None:
    assert links_objects(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        RULE,
        RULE + CALL.replace("gen object", "gen skeleton"),
        RULE + CALL.replace("\t", "\t# "),
        f"{RULE}# {CALL}",
        RULE + "$(OUTPUT)/all.linked.o: $(OUTPUT)/minimal.bpf.o\n" + CALL,
        f"GEN = $(BPFTOOL) gen object\n{RULE}",
    ],
)
def test_what_another_line_says_links_none_of_them(text: str) -> None:
    assert not links_objects(text)
