"""Text of a configuration: YAML or JSON that can mean one thing only."""

from __future__ import annotations

from datetime import date

import pytest

from punchcard.journeys.configuration.errors import ConfigurationUnreadable
from punchcard.journeys.configuration.texts import (
    TEXT_MAX,
    line_of,
    read_text,
    write_yaml,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # What YAML 1.1 would take for a truth value, a number of minutes or an octal.
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("22:00", "22:00"),
        ("0123", "0123"),
        ("1_000", "1_000"),
        ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z"),
        ("<<", "<<"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-12", -12),
        ("1000000000000000", 10**15),
        ("1.5", 1.5),
        ('"1.5"', "1.5"),
        ("2026-03-01", date(2026, 3, 1)),
        ("P12M/month", "P12M/month"),
        ("order.channel == 'web'", "order.channel == 'web'"),
    ],
)
def test_a_bare_word_is_what_it_looks_like(text: str, value: object) -> None:
    found = read_text(f"it: {text}")["it"]
    assert found == value
    assert type(found) is type(value)


def test_json_is_read_too() -> None:
    assert read_text('\n {"a": [1, "x", null]}') == {"a": [1, "x", None]}
    assert read_text('{\n\t"a": "\\ud83d\\ude00"}') == {"a": "\N{GRINNING FACE}"}
    assert read_text("{a: [x, 22:00]}") == {"a": ["x", "22:00"]}


@pytest.mark.parametrize(
    ("text", "reason", "line", "column"),
    [
        ("a: 1\nb: [1, 2\nc: 3", "expected ',' or ']'", 3, 2),
        ("a: 1\n b: 2", "mapping values are not allowed", 2, 3),
        ("a:\n\t- b", "cannot start any token", 2, 1),
        ("a: 1\nb: 2\na: 3", "'a' is said twice", 3, 1),
        ("a:\n  - {b: 1, b: 1}", "'b' is said twice", 2, 12),
        ("a: &x [1]\nb: *x", "anchors and aliases are not read", 1, 4),
        ("a: *x", "anchors and aliases are not read", 1, 4),
        ("a: !!float x", "tags are not read", 1, 4),
        ("a: !!set {x}", "tags are not read", 1, 4),
        ("a: !mine [1]", "tags are not read", 1, 4),
        ("a: 2026-02-30", "there is no day 2026-02-30", 1, 4),
        (f"a: {'9' * 5000}", "the number is too long", 1, 4),
        ("? [a, b]\n: 1", "a name is text", 1, 3),
        ("a: !!python/object:os.system {}", "tags are not read", 1, 4),
        ("a: 1\n---\nb: 2", "expected a single document", 2, 1),
        ("a: 1\nb: \x07", "#x0007 is not allowed", 2, 1),
        ("[" * 3000, "nested too deeply", 1, 1),
        ('{"a": 1,\n "b" 2}', "expected ',' or '}'", 2, 6),
        ('{"a": 1,\n\t"b" 2}', "Expecting ':' delimiter", 2, 6),
        ('{"a": 1, "a": 2}', "'a' is said twice", 1, 1),
        (f'{{"a": {"9" * 5000}}}', "a number is too long", 1, 1),
        ('{"a": ' * 3000, "nested too deeply", 1, 1),
        ("a: " + "x" * TEXT_MAX, "more than 1000000 characters", 1, 1),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(
    text: str, reason: str, line: int, column: int
) -> None:
    with pytest.raises(ConfigurationUnreadable) as refused:
        read_text(text)
    assert reason in str(refused.value)
    assert (refused.value.line, refused.value.column) == (line, column)


def test_what_is_written_is_read_back() -> None:
    said = {
        "rules": [{"id": "no", "from": date(2026, 3, 1), "hours": "22:00", "n": "007"}],
        "name": "Café — 5 €",
        "when": "a == 'b' &&\n  c",
        "none": None,
    }
    text = write_yaml(said)
    assert read_text(text) == said
    assert "Café — 5 €" in text
    assert list(read_text(text)) == list(said)


PLACES = """\
# A comment.
wallets:
  - code: points

    name: Points
earning: {rules: [{id: a},
  {id: b, a/b: 1}]}
"""


@pytest.mark.parametrize(
    ("pointer", "line"),
    [
        ("", 2),
        ("/wallets", 2),
        ("/wallets/0", 3),
        ("/wallets/0/name", 5),
        ("/wallets/0/scale", 3),
        ("/wallets/7", 2),
        ("/earning/rules/1/id", 7),
        ("/earning/rules/1/a~1b", 7),
        ("/earning/rules/1/id/deeper", 7),
        ("/nothing", 2),
    ],
)
def test_a_place_has_a_line_or_that_of_what_is_around_it(
    pointer: str, line: int
) -> None:
    assert line_of(PLACES, pointer) == line


def test_places_of_json_have_lines_too() -> None:
    assert line_of('{\n\t"a": [\n\t\t1,\n\t\t{"b": 2}]}', "/a/1/b") == 4
    assert line_of('{"a": ' * 500 + "1" + "}" * 500, "/a/a") is None
