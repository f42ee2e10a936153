"""However --format and --json are combined: one document a place, or a usage error."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, NamedTuple, cast

import click
import pytest
from hypothesis import given, strategies as st

from bpfdoctor.cli import formats, parameters
from bpfdoctor.cli.destinations import Destination, Destinations
from bpfdoctor.cli.stdout import Stdout
from bpfdoctor.errors import BpfDoctorError
from bpfdoctor.report.documents import DocumentKind

NAMES = ("json", "text")


class Asked(NamedTuple):
    """What one option asks for, and how it is spelt."""

    name: str
    file: str
    spelling: str

    def words(self, place: str) -> list[str]:
        """The option on a command line."""
        if self.spelling == "flag":
            return ["--json"]
        value = f"{self.name}={place}/{self.file}" if self.file else self.name
        return ["--format", value] if self.spelling == "apart" else [f"--format={value}"]


FLAG = st.just(Asked("json", "", "flag"))
OPTION = st.builds(
    Asked,
    st.sampled_from(NAMES),
    st.sampled_from(["", "", "a", "b", "c"]),
    st.sampled_from(["apart", "joined"]),
)


@click.command(cls=parameters.Command)
@formats.option("it", DocumentKind.REPORT)
def command(**given: Any) -> dict[str, Any]:
    """What is left for a command."""
    return given


def chosen(words: list[str]) -> Destinations:
    """Where documents go by this command line."""
    destinations = Destinations(cast("Stdout", None))  # nothing is written
    command.make_context("it", words, obj=destinations)
    return destinations


@given(st.lists(FLAG | OPTION, max_size=5))
def test_each_place_gets_one_document_or_the_command_line_is_refused(asked: list[Asked]) -> None:
    printed = [each.name for each in asked if not each.file and each.spelling != "flag"]
    printed += ["json"] if any(each.spelling == "flag" for each in asked) else []
    files = {each.file: each.name for each in asked if each.file}
    two_to_a_file = len(files) < len([each for each in asked if each.file])
    with tempfile.TemporaryDirectory() as place:
        words = [word for each in asked for word in each.words(place)]
        if len(printed) > 1 or two_to_a_file:
            with pytest.raises(BpfDoctorError):
                chosen(words)
            return
        expected = {Destination(name, str(Path(place) / file)) for file, name in files.items()}
        expected.add(Destination(printed[0] if printed else "text"))
        waiting = chosen(words).waiting
        assert len(waiting) == len(expected)
        assert set(waiting) == expected
        assert waiting[-1].file == "", "the files are written first"


def test_a_command_sees_nothing_of_formats() -> None:
    context = command.make_context("it", ["--json"], obj=Destinations(cast("Stdout", None)))
    assert context.params == {}


def test_a_mistake_leaves_standard_output_as_it_was() -> None:
    destinations = Destinations(cast("Stdout", None))
    with pytest.raises(BpfDoctorError):
        command.make_context("it", ["--json", "--format", "json"], obj=destinations)
    assert not destinations.chosen
    assert destinations.waiting == [Destination("text")]


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ([], "text"),
        (["--json"], "json"),
        (["--format", "text", "--json"], "json"),
        (["--format", "json"], "json"),
        (["--format=json"], "json"),
        (["--format", "json=it"], "text"),
        (["--format=jsn"], "text"),
        (["--format=jsn", "--format=json"], "json"),
        (["--format"], "text"),
    ],
)
def test_of_a_command_line_with_a_mistake_it_is_told_what_standard_output_carries(
    arguments: list[str], name: str
) -> None:
    assert formats.format_in(["check", *arguments]) == name
