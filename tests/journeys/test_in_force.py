"""What is in force when: parsed, remembered, read in few statements."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import msgspec
import pytest

from punchcard.earning.documents import Ruleset
from punchcard.journeys.configuration.document import (
    EMPTY,
    Document,
    parse_document,
    whole,
)
from punchcard.journeys.configuration.in_force import in_force
from punchcard.kernel.transactions import transaction
from punchcard.programs.operations import save_configuration
from tests.builders import DAY, START, Ledger

EVERYTHING = {
    "wallets": [
        {"code": "points", "name": "Points", "validity": "P12M/month"},
        {"code": "miles", "name": "Miles", "scale": 2, "limit_per_day": 5},
    ],
    "earning": {
        "rules": [
            {
                "id": "base",
                "earn": {"kind": "per_spend", "points": 1, "per": 100, "tax": "after"},
                "dates": {"from": "2026-01-01"},
            }
        ],
        "segments": {"vips": "'vip' in member.tags"},
        "returns": "reevaluate",
    },
    "activities": {
        "review": {"facts": {"stars": "int", "product": "text"}, "required": ["stars"]}
    },
    "returns": {
        "shortfall": "deduct_from_refund",
        "value": {"points": 100, "amount": 50},
    },
}


def save(ledger: Ledger, document: Document, effective_from: datetime = START) -> int:
    with transaction():
        return save_configuration(
            program=ledger.program,
            document=whole(document),
            effective_from=effective_from,
            note="",
            actor="console",
            now=START,
        ).version


def shortfall(policy: str) -> Document:
    return parse_document({"returns": {"shortfall": policy}})


def test_a_document_comes_back_as_it_was_saved() -> None:
    document = parse_document(EVERYTHING)
    saved = whole(document)
    assert parse_document(saved) == document
    assert parse_document(msgspec.json.decode(msgspec.json.encode(saved))) == document
    assert saved["wallets"][0]["grace"] == "P30D"


def test_a_program_without_configuration_has_no_rules(ledger: Ledger) -> None:
    (found,) = in_force(program=ledger.program, instants=[START]).values()
    assert (found.version, found.document) == (None, EMPTY)
    assert found.document.earning == Ruleset()
    assert in_force(program=ledger.program, instants=[]) == {}


def test_each_instant_has_the_document_of_its_version(ledger: Ledger) -> None:
    save(ledger, shortfall("cap"), START + DAY)
    save(ledger, shortfall("refuse"), START + 3 * DAY)
    days = [START + day * DAY for day in range(5)]
    found = in_force(program=ledger.program, instants=days)
    assert [found[day].version for day in days] == [None, 1, 1, 2, 2]
    assert [found[day].document.returns.shortfall for day in days] == [
        None,
        "cap",
        "cap",
        "refuse",
        "refuse",
    ]


def test_an_instant_may_be_written_in_any_zone(ledger: Ledger) -> None:
    save(ledger, shortfall("cap"))
    there = START.astimezone(timezone(timedelta(hours=-5)))
    assert in_force(program=ledger.program, instants=[there])[there].version == 1


@pytest.mark.parametrize("instants", [1, 50])
def test_two_statements_the_first_time_and_then_one(
    ledger: Ledger, statements: list[str], instants: int
) -> None:
    for day in range(3):
        save(ledger, shortfall("cap"), START + day * DAY)
    asked = [START + n * DAY / 10 for n in range(instants)]
    for expected in (2, 1):
        statements.clear()
        in_force(program=ledger.program, instants=asked)
        assert len(statements) == expected
