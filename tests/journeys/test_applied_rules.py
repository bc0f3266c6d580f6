"""What was applied is what orders earn: each by the version of its own time."""

from __future__ import annotations

from uuid import UUID

import pytest

from punchcard.journeys.configuration.apply_configuration import apply_configuration
from punchcard.journeys.configuration.templates import find_template
from punchcard.journeys.configuration.texts import read_text
from punchcard.kernel.audit import Author
from punchcard.ledger.queries import list_accounts
from punchcard.programs.queries import list_wallets
from tests.builders import DAY, START
from tests.journeys.store import Store, a_store

RATE = """
earning:
  rules:
    - {id: base, earn: {kind: per_spend, points: %s, per: 100, tax: after}}
"""


@pytest.fixture
def store() -> Store:
    return a_store()


def put(program: UUID, text: str, day: int = 0) -> int | None:
    at = START + day * DAY
    return apply_configuration(
        program=program,
        document=read_text(text),
        author=Author(actor="console", program=program),
        now=at,
        effective_from=at,
    ).version


def held(store: Store) -> dict[str, int]:
    codes = {one.id: one.code for one in list_wallets(program=store.program)}
    accounts = list_accounts(holder_kind="member", holder=store.members["anna"])
    return {codes[one.wallet]: one.available + one.pending for one in accounts}


def test_an_order_is_judged_by_the_version_of_its_own_time(store: Store) -> None:
    assert [put(store.program, RATE % 1), put(store.program, RATE % 3, 10)] == [1, 2]
    told = [(12, 2, 30), (5, 1, 10), (10, 2, 30), (0, 1, 10)]
    for number, (day, version, points) in enumerate(told):
        answer = store.bought(f"o-{number}", "1x1000", at=START + day * DAY)
        assert answer.decision is not None
        assert (answer.decision.version, answer.decision.points) == (version, points)
    early = store.bought("early", "1x1000", at=START - DAY)
    assert early.decision is None or early.decision.points == 0
    assert held(store) == {"points": 80}
    # Corrected since: what was decided stays, what is told from now on is another.
    put(store.program, RATE % 5, 3)
    assert held(store) == {"points": 80}
    late = store.bought("late", "1x1000", at=START + 5 * DAY)
    assert late.decision is not None
    assert (late.decision.version, late.decision.points) == (3, 50)


def test_rules_grant_in_wallets_that_the_same_document_made(store: Store) -> None:
    put(store.program, find_template(name="airline-miles") or "")
    answer = store.bought("flight", "1x10000", at=START)
    assert answer.decision is not None
    assert held(store) == {"points": 0, "miles": 500, "status": 20}
    granted = {one.award.rule: one.award.wallet for one in answer.decision.awards}
    assert granted == {"fare": None, "credits": "status"}
