"""All mistakes of structure are found: no other than msgspec finds, one by one."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from punchcard.journeys.configuration.checking import check_document
from punchcard.journeys.configuration.differences import compare
from punchcard.journeys.configuration.document import Document, parse_document, whole
from punchcard.journeys.configuration.errors import ConfigurationMalformed
from punchcard.journeys.configuration.exporting import lean
from punchcard.journeys.configuration.structure import Structure
from punchcard.journeys.configuration.templates import find_template, list_templates
from punchcard.journeys.configuration.texts import read_text, write_yaml

GOOD = [read_text(find_template(name=name) or "") for name in list_templates()]
SAID = [
    *(None, True, 0, 1, -1, 7, 10**16, 1.5, "", "x", "P1D", "1.5", "2026-03-01"),
    *([], {}, [1], ["x"], {"x": 1}, {"kind": "fixed"}, {"id": "x"}, [{}], [None]),
]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) of plain values."""
    found = []
    keys = value if isinstance(value, dict) else range(len(value))
    for key in keys:
        found.append((value, key))
        if isinstance(value[key], (dict, list)):
            found += places(value[key])
    return found


@st.composite
def harmed(draw: st.DrawFn) -> Any:
    """Return a good document with something else in a few of its places."""
    document = deepcopy(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(0, 4))):
        holder, key = draw(st.sampled_from(places(document)))
        match draw(st.sampled_from(["say", "leave", "add"])):
            case "say":
                holder[key] = deepcopy(draw(st.sampled_from(SAID)))
            case "leave":
                del holder[key]
            case "add" if isinstance(holder, dict):
                holder[draw(st.sampled_from(["colour", "id", "when"]))] = "x"
        if not document:
            break
    return document


def fits(value: Any) -> bool:
    try:
        msgspec.convert(value, Document)
    except msgspec.ValidationError:
        return False
    return True


@given(harmed())
def test_there_are_mistakes_where_msgspec_finds_one(value: Any) -> None:
    structure = Structure(value, Document)
    assert (structure.mistakes == []) == fits(value)
    assert fits(structure.sound), "what is left is sound"
    if fits(value):
        assert structure.sound == value


@given(harmed())
def test_whatever_is_wrong_is_told_with_a_place_that_is_there(value: Any) -> None:
    try:
        check_document(value)
    except ConfigurationMalformed as error:
        for mistake in error.mistakes:
            assert is_there(value, mistake.pointer) or mistake.code in {
                "missing_field",
                "overlap",
            }
            assert mistake.detail


def is_there(value: Any, pointer: str) -> bool:
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in map(str, value):
            value = next(one for key, one in value.items() if str(key) == name)
        elif isinstance(value, list) and int(name) < len(value):
            value = value[int(name)]
        else:
            return False
    return True


@given(harmed().filter(fits), harmed().filter(fits))
def test_two_documents_differ_somewhere_or_are_one(one: Any, other: Any) -> None:
    before, after = parse_document(one), parse_document(other)
    differences = compare(before=before, after=after)
    assert (differences == ()) == (before == after)
    places = [(each.pointer, each.kind) for each in differences]
    assert len(set(places)) == len(places)


@given(harmed().filter(fits))
def test_every_way_to_write_a_document_down_is_the_same_document(value: Any) -> None:
    document = parse_document(value)
    assert parse_document(whole(document)) == document
    assert parse_document(lean(document)) == document
    assert parse_document(read_text(write_yaml(lean(document)))) == document
    assert parse_document(
        msgspec.json.decode(msgspec.json.encode(whole(document)))
    ) == (document)


@pytest.mark.parametrize("name", list_templates())
def test_templates_are_written_without_what_is_so_by_default(name: str) -> None:
    said = read_text(find_template(name=name) or "")
    written = lean(parse_document(said))
    # What a template says all the same, it says to be read.
    for holder, key in places(written):
        assert holder[key] is not None
    assert parse_document(written) == parse_document(said)
