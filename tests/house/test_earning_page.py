"""The page of earning rules says what is so: its rulesets, names, codes and fields."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest
import yaml

from punchcard.earning.checking import check
from punchcard.earning.decisions import WhyNot
from punchcard.earning.documents import Earn, Rule, Ruleset
from punchcard.earning.rules.facts import FACTS

PAGE = Path(__file__).parent.parent.parent / "docs" / "reference" / "earning-rules.md"
TEXT = PAGE.read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def table(heading: str) -> list[tuple[str, str]]:
    section = TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| (`.*?) \| (.*) \|$", section, re.MULTILINE)


def names(cell: str) -> list[str]:
    return re.findall(r"`(\w[\w.]*)`", cell)


@pytest.mark.parametrize("block", BLOCKS)
def test_the_rulesets_of_the_page_are_fit(block: str) -> None:
    ruleset = msgspec.convert(yaml.safe_load(block), Ruleset)
    assert len(ruleset.rules) > 1
    assert check(ruleset=ruleset) == ()


def test_the_page_has_rulesets() -> None:
    assert len(BLOCKS) == 2


def test_every_reason_is_on_the_page_in_order() -> None:
    rows = table("Why a rule granted nothing, or less")
    assert [names(code) for code, _ in rows] == [[code] for code in get_args(WhyNot)]


def test_every_name_of_conditions_is_on_the_page() -> None:
    assert [names(name) for name, _ in table("Names in conditions")] == [
        [name] for name in FACTS
    ]


def test_every_field_of_a_rule_is_on_the_page() -> None:
    told = {name for row in table("When, for what, how much") for name in names(row[0])}
    fields = {field.encode_name for field in msgspec.structs.fields(Rule)}
    assert told == fields - {"id", "name", "active", "earn", "campaign"}


def test_every_kind_of_earning_is_on_the_page_with_its_fields() -> None:
    told = {names(kind)[0]: set(names(what)) for kind, what in table("What is earned")}
    kinds = {str(kind.__struct_config__.tag): kind for kind in get_args(Earn)}
    assert set(told) == set(kinds)
    for name, kind in kinds.items():
        fields = {field.encode_name for field in msgspec.structs.fields(kind)}
        assert fields <= told[name], name
