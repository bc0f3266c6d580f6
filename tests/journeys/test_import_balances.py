"""Opening balances: a lot is what it was elsewhere, once, and nothing else changes."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from punchcard.journeys import import_balances as journey
from punchcard.journeys.create_program import create_program
from punchcard.journeys.create_wallet import create_wallet
from punchcard.journeys.enrol_members import enrol_members
from punchcard.journeys.import_balances import (
    Imported,
    Lot,
    Terms,
    import_balances,
)
from punchcard.journeys.list_balances import list_balances
from punchcard.journeys.post_commands import post_commands
from punchcard.kernel.audit import Author, list_changes
from punchcard.ledger.balances import Balance
from punchcard.ledger.commands import Redeem
from punchcard.ledger.queries import list_accounts, list_entries
from punchcard.members.queries import find_members
from punchcard.programs.queries import find_wallet_by_code

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def a_program(**policy: Any) -> Terms:
    created = create_program(
        slug=f"p{secrets.token_hex(6)}",
        name="Shop",
        mode="live",
        currency="EUR",
        now=NOW,
        **policy,
    )
    enrol_members(program=created.program.id, external_ids=["anna", "bo"], now=NOW)
    return Terms(
        author=Author(actor="console", program=created.program.id),
        program=created.program.id,
    )


@pytest.fixture
def terms() -> Terms:
    return a_program()


def lot(name: str, points: int = 100, member: str = "anna", **other: Any) -> Lot:
    said: dict[str, Any] = {
        "member": member,
        "wallet": "points",
        "points": points,
        "key": f"balance:lot:{name}",
        "external_id": name,
        "source": "admin",
        "reason": "Opening balance",
    }
    return Lot(**(said | other))


def put(terms: Terms, *lots: Lot, now: datetime = NOW) -> Imported:
    return import_balances(terms=terms, lots=lots, now=now)


def codes(imported: Imported) -> list[str]:
    return [
        "nothing"
        if outcome is None
        else outcome.code + (" again" if outcome.replayed else "")
        for outcome in imported.outcomes
    ]


def balances(
    terms: Terms, wallet: str = "points", as_of: datetime = NOW
) -> dict[str, Balance | None]:
    found = find_wallet_by_code(program=terms.program, code=wallet)
    assert found is not None
    return dict(list_balances(program=terms.program, wallet=found.id, as_of=as_of))


def available(terms: Terms, **which: Any) -> dict[str, int]:
    return {
        member: balance.available
        for member, balance in balances(terms, **which).items()
        if balance is not None
    }


def account_of(terms: Terms, member: str) -> UUID:
    holder = find_members(program=terms.program, external_ids=[member])[member]
    return list_accounts(holder_kind="member", holder=holder)[0].account


def test_a_lot_is_one_adjust_with_its_expiry(terms: Terms) -> None:
    put(terms, lot("a", 70, expires_at=NOW + 9 * DAY), lot("b", 30, source="topup"))
    entries = list_entries(
        account=account_of(terms, "anna"), limit=9, newest_first=False
    )
    assert [
        (e.type, e.amount, e.available, e.expires_at, e.source) for e in entries
    ] == [
        ("adjust", 70, 70, NOW + 9 * DAY, "admin"),
        ("adjust", 30, 30, None, "topup"),
    ]
    assert {e.actor for e in entries} == {"import"}
    assert entries[0].key == "balance:lot:a"
    assert (entries[0].reference_type, entries[0].reference_id) == ("lot", "a")
    assert entries[0].description == "Opening balance"
    anna = balances(terms)["anna"]
    assert anna is not None
    assert (anna.next_expiry_points, anna.next_expires_at) == (70, NOW + 9 * DAY)
    assert anna.lifetime == 0, "it was earned elsewhere"


def test_what_lapses_lapses_alone(terms: Terms) -> None:
    put(terms, lot("a", 70, expires_at=NOW + 9 * DAY), lot("b", 30))
    assert available(terms, as_of=NOW + 9 * DAY - DAY / 9)["anna"] == 100
    assert available(terms, as_of=NOW + 9 * DAY)["anna"] == 30


def test_without_an_expiry_it_lives_as_the_wallet_has_it() -> None:
    terms = a_program(validity="P10D")
    put(terms, lot("a", 50))
    assert available(terms, as_of=NOW + 9 * DAY)["anna"] == 50
    assert available(terms, as_of=NOW + 10 * DAY)["anna"] == 0


def test_held_at_an_earlier_instant_time_has_passed_since(terms: Terms) -> None:
    then = Terms(author=terms.author, program=terms.program, at=NOW - 20 * DAY)
    put(then, lot("a", 70, expires_at=NOW - 10 * DAY), lot("b", 30))
    assert available(terms, as_of=NOW - 11 * DAY)["anna"] == 100
    assert available(terms)["anna"] == 30
    post_commands(
        commands=[Redeem(account=account_of(terms, "anna"), points=1, key="1")], now=NOW
    )
    types = [
        (entry.type, entry.effective_at)
        for entry in list_entries(
            account=account_of(terms, "anna"), limit=9, newest_first=False
        )
    ]
    assert types == [
        ("adjust", NOW - 20 * DAY),
        ("adjust", NOW - 20 * DAY),
        ("expire", NOW - 10 * DAY),
        ("redeem", NOW),
    ]


def test_a_debt_comes_along_and_is_repaid(terms: Terms) -> None:
    assert codes(put(terms, lot("a", -30))) == ["applied"]
    assert available(terms) == {"anna": -30, "bo": 0}
    put(terms, lot("b", 50))
    assert available(terms)["anna"] == 20


def test_each_lot_goes_to_its_wallet() -> None:
    terms = a_program()
    create_wallet(
        program=terms.program,
        code="miles",
        name="Miles",
        scale=2,
        author=terms.author,
        now=NOW,
    )
    put(terms, lot("a", 70), lot("a", 7, wallet="miles"), lot("x", 5, wallet="gold"))
    assert available(terms) == {"anna": 70, "bo": 0}
    assert available(terms, wallet="miles") == {"anna": 7, "bo": 0}


@pytest.mark.parametrize("enrol", [False, True])
def test_who_is_not_there_is_said_or_enrolled(terms: Terms, enrol: bool) -> None:
    asked = Terms(author=terms.author, program=terms.program, enrol=enrol)
    imported = put(asked, lot("a"), lot("b", member="zoe"), lot("c", 0, member="yan"))
    missing = "member_not_found"
    expected = (
        ["applied", "applied", "nothing"] if enrol else ["applied", missing, missing]
    )
    assert codes(imported) == expected
    assert imported.members_created == (2 if enrol else 0)
    assert ("zoe" in balances(terms)) is enrol


def test_nothing_is_said_in_silence_of_a_wallet_that_is_not_there(terms: Terms) -> None:
    assert codes(put(terms, lot("a", wallet="gold"), lot("b"))) == [
        "wallet_not_found",
        "applied",
    ]


def test_again_is_known_and_changes_nothing(terms: Terms) -> None:
    lots = [
        lot(str(n), n + 1, member=["anna", "bo"][n % 2], expires_at=NOW + (n + 1) * DAY)
        for n in range(40)
    ]
    put(terms, *lots)
    before = balances(terms)
    # Also when some of them have lapsed meanwhile.
    assert set(codes(put(terms, *lots, now=NOW + 20 * DAY))) == {"applied again"}
    assert balances(terms) == before
    assert len(list_changes(program=terms.program, limit=9)) == 1


@pytest.mark.parametrize(
    "other", [{"points": 101}, {"expires_at": NOW + 8 * DAY}, {"source": "topup"}]
)
def test_a_known_lot_with_other_contents_is_refused(
    terms: Terms, other: dict[str, Any]
) -> None:
    put(terms, lot("a", expires_at=NOW + 9 * DAY))
    again = lot("a", **({"expires_at": NOW + 9 * DAY} | other))
    assert codes(put(terms, again)) == ["key_reused"]
    assert available(terms)["anna"] == 100


def test_what_has_lapsed_before_it_came_is_refused(terms: Terms) -> None:
    imported = put(terms, lot("a", expires_at=NOW), lot("b", 1))
    assert codes(imported) == ["malformed", "applied"]
    assert imported.outcomes[0] is not None
    assert imported.outcomes[0].details["field"] == "expires_at"
    assert available(terms)["anna"] == 1


def test_what_the_database_refuses_fails_alone(
    terms: Terms, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = journey.post

    def choking(*, commands: Any, **options: Any) -> Any:
        outcomes = post(commands=commands, **options)
        if any(command.reference_id == "5" for command in commands):
            raise psycopg.DataError("poison")
        return outcomes

    monkeypatch.setattr(journey, "post", choking)
    got = codes(put(terms, *(lot(str(n), 10) for n in range(8))))
    assert got == ["applied"] * 5 + ["unexpected"] + ["applied"] * 2
    assert available(terms)["anna"] == 70


def test_a_lost_connection_is_tried_again_and_counts_once(
    terms: Terms, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = journey.post
    cuts = iter([True, False])

    def cut(**options: Any) -> Any:
        outcomes = post(**options)
        if next(cuts):
            raise psycopg.OperationalError("server closed the connection")
        return outcomes

    monkeypatch.setattr(journey, "post", cut)
    assert codes(put(terms, lot("a"))) == ["applied"]
    assert available(terms)["anna"] == 100


def test_the_audit_has_the_sums_and_the_import_s_author(terms: Terms) -> None:
    put(terms, lot("a", 70), lot("b", -20, member="bo"), lot("c", member="nobody"))
    (change,) = list_changes(program=terms.program, limit=9)
    assert (change.actor, change.action) == ("console", "balances.imported")
    assert change.target.startswith("wal_")
    assert change.fields == {"lots": 2, "points": 50}


def test_a_batch_costs_the_same_however_many_lots(
    terms: Terms, statements: list[str]
) -> None:
    costs = []
    for size in (2, 1_000):
        asked = Terms(author=terms.author, program=terms.program, enrol=True)
        lots = [lot(f"{size}-{n}", member=f"{size}-m{n % 300}") for n in range(size)]
        statements.clear()
        put(asked, *lots)
        costs.append(len(statements))
    assert costs[0] == costs[1] < 20, statements
