"""Orders of the past, replayed at the time they happened."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest

from punchcard.earning.queries import find_decisions
from punchcard.journeys.configuration.document import Document, whole
from punchcard.journeys.create_program import create_program
from punchcard.journeys.import_orders import Order, Terms, import_orders
from punchcard.journeys.imported import Imported
from punchcard.journeys.list_balances import list_balances
from punchcard.journeys.orders import posting
from punchcard.journeys.orders.return_orders import return_orders
from punchcard.kernel.audit import Author, list_changes
from punchcard.kernel.transactions import transaction
from punchcard.ledger.balances import Balance
from punchcard.ledger.commands import Earn
from punchcard.ledger.operations import post
from punchcard.ledger.queries import list_accounts, list_entries
from punchcard.members.queries import find_members
from punchcard.orders.operations import NewReturn, ReturnedPart
from punchcard.orders.queries import find_orders
from punchcard.programs.operations import create_wallet, save_configuration

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def terms() -> Terms:
    created = create_program(
        slug=f"p{secrets.token_hex(6)}",
        name="Shop",
        mode="live",
        currency="USD",
        now=NOW,
    )
    return Terms(
        program=created.program.id,
        wallet=created.wallet.id,
        rate=Fraction(1),
        pending="P3D",
        validity="P365D",
    )


def order(number: int, member: str = "anna", **other: Any) -> Order:
    said: dict[str, Any] = {
        "external_id": f"o{number}",
        "occurred_at": NOW - (1_000 - number) * DAY,
        "member": member,
        "amount_minor": 1_099,
        "points": 10,
    }
    return Order(**(said | other))


def put(terms: Terms, *orders: Order) -> Imported:
    return import_orders(terms=terms, orders=orders, now=NOW)


def codes(imported: Imported) -> list[str]:
    return [
        "nothing"
        if outcome is None
        else outcome.code + (" again" if outcome.replayed else "")
        for outcome in imported.outcomes
    ]


def balances(terms: Terms, as_of: datetime = NOW) -> dict[str, Balance | None]:
    found = list_balances(program=terms.program, wallet=terms.wallet, as_of=as_of)
    return dict(found)


def account_of(terms: Terms, member: str) -> UUID:
    holder = find_members(program=terms.program, external_ids=[member])[member]
    accounts = list_accounts(holder_kind="member", holder=holder)
    return next(a.account for a in accounts if a.wallet == terms.wallet)


def test_releases_and_expiries_fall_where_they_would_have_fallen(terms: Terms) -> None:
    put(terms, order(0), order(500))
    entries = list_entries(
        account=account_of(terms, "anna"), limit=9, newest_first=False
    )
    start = NOW - 1_000 * DAY
    assert [(e.type, e.effective_at - start) for e in entries] == [
        ("earn", 0 * DAY),
        ("release", 3 * DAY),
        ("expire", 368 * DAY),
        ("earn", 500 * DAY),
    ]
    assert entries[0].reference_type == "order"
    assert entries[0].key == "earn:order:o0"
    assert entries[0].metadata == '{"order_amount":1099,"rules":["points-per-unit"]}'


def test_members_appear_with_accounts_in_every_wallet(terms: Terms) -> None:
    with transaction():
        create_wallet(program=terms.program, code="miles", name="Miles", now=NOW)
    imported = put(terms, order(0), order(1, "bo", points=0, amount_minor=99))
    assert codes(imported) == ["applied", "nothing"]
    assert imported.members_created == 2
    bo = balances(terms)["bo"]
    assert bo is not None
    assert (bo.available, bo.pending, bo.lifetime) == (0, 0, 0)
    holder = find_members(program=terms.program, external_ids=["bo"])["bo"]
    assert len(list_accounts(holder_kind="member", holder=holder)) == 2


def test_again_is_known_and_changes_nothing(terms: Terms) -> None:
    orders = [order(n, f"m{n % 7}") for n in range(40)]
    put(terms, *orders)
    before = balances(terms)
    again = put(terms, *orders)
    assert set(codes(again)) == {"applied again"}
    assert again.members_created == 0
    assert balances(terms) == before


def test_the_same_order_twice_in_a_batch_counts_once(terms: Terms) -> None:
    assert codes(put(terms, order(0), order(0))) == ["applied", "applied again"]
    anna = balances(terms)["anna"]
    assert anna is not None
    assert anna.lifetime == 10


@pytest.mark.parametrize(
    "other",
    [
        {"points": 11},
        {"amount_minor": 1_098},
        {"occurred_at": NOW - 999 * DAY},
    ],
)
def test_a_known_order_with_other_contents_is_refused(
    terms: Terms, other: dict[str, Any]
) -> None:
    put(terms, order(0))
    assert codes(put(terms, order(0, **other))) == ["key_reused"]


def test_the_audit_has_the_sum_of_what_a_person_imports(terms: Terms) -> None:
    put(terms, order(0))
    assert list_changes(program=terms.program, limit=9) == []
    author = Author(actor="console", program=terms.program)
    by_hand = msgspec.structs.replace(terms, author=author)
    for _ in range(2):
        put(by_hand, order(0), order(1), order(2, points=0, amount_minor=99))
    (change,) = list_changes(program=terms.program, limit=9)
    assert (change.actor, change.action) == ("console", "orders.imported")
    assert change.fields == {"orders": 1, "points": 10}


def test_what_happens_later_than_now_is_refused_alone(terms: Terms) -> None:
    late = order(1, occurred_at=NOW + DAY)
    assert codes(put(terms, order(0), late)) == ["applied", "malformed"]


def test_what_the_database_refuses_fails_alone(
    terms: Terms, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = posting.post

    def choking(*, commands: Any, **options: Any) -> Any:
        outcomes = post(commands=commands, **options)
        if any(command.reference_id == "o5" for command in commands):
            raise psycopg.DataError("poison")
        return outcomes

    monkeypatch.setattr(posting, "post", choking)
    got = codes(put(terms, *(order(n, f"m{n}") for n in range(8))))
    assert got == ["applied"] * 5 + ["unexpected"] + ["applied"] * 2
    assert "m5" not in balances(terms)


def test_a_lost_connection_is_tried_again_and_counts_once(
    terms: Terms, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = posting.post
    cuts = iter([True, False])

    def cut(**options: Any) -> Any:
        outcomes = post(**options)
        if next(cuts):
            raise psycopg.OperationalError("server closed the connection")
        return outcomes

    monkeypatch.setattr(posting, "post", cut)
    assert codes(put(terms, order(0))) == ["applied"]
    anna = balances(terms)["anna"]
    assert anna is not None
    assert anna.lifetime == 10


def test_balances_are_listed_by_external_id_as_text(terms: Terms) -> None:
    names = ["b", "Z", "a", "10", "9", "é", "_"]
    put(terms, *(order(n, name) for n, name in enumerate(names)))
    assert list(balances(terms)) == sorted(names)


def test_a_balance_as_of_then_knows_nothing_of_later(terms: Terms) -> None:
    put(terms, order(0), order(500))
    then = balances(terms, NOW - 998 * DAY)["anna"]
    assert then is not None
    assert (then.available, then.pending, then.lifetime) == (0, 10, 10)
    before = balances(terms, NOW - 1_001 * DAY)["anna"]
    assert before is not None
    assert before.lifetime == 0


def test_an_imported_order_can_come_back(terms: Terms) -> None:
    put(terms, order(0, amount_minor=2_000, points=20))
    found = find_orders(program=terms.program, external_ids=["o0"])
    said = NewReturn(
        order=found["o0"],
        external_id="r",
        occurred_at=NOW,
        lines=(ReturnedPart(line=1, amount=501),),
    )
    (back,) = return_orders(program=terms.program, returns=[said], now=NOW)
    assert [(one.rule, one.points) for one in back.taken] == [("points-per-unit", 6)]


def test_what_was_imported_before_orders_were_kept_is_known(terms: Terms) -> None:
    put(terms, order(9, "anna", points=0, amount_minor=0))
    earned = Earn(
        account=account_of(terms, "anna"),
        points=10,
        reference_type="order",
        reference_id="o0",
        pending="P3D",
        validity="P365D",
        at=order(0).occurred_at,
        actor="import",
        metadata={"order_amount": 1_099},
    )
    with transaction():
        post(commands=[earned], now=NOW)
    before = balances(terms)
    for other in ({"amount_minor": 1_098}, {"points": 11, "amount_minor": 1_199}):
        assert codes(put(terms, order(0, **other))) == ["key_reused"]
    assert find_orders(program=terms.program, external_ids=["o0"]) == {}
    assert codes(put(terms, order(0))) == ["applied again"]
    assert codes(put(terms, order(0))) == ["applied again"]
    assert balances(terms) == before
    found = find_orders(program=terms.program, external_ids=["o0"])["o0"]
    (decision,) = find_decisions(program=terms.program, orders=[found])[found]
    assert [one.sequence for one in decision.awards] == [1]


def test_without_a_rate_the_rules_in_force_decide(terms: Terms) -> None:
    rules = {
        "rules": [{"id": "each", "earn": {"kind": "fixed", "points": 5}}],
    }
    with transaction():
        save_configuration(
            program=terms.program,
            document=whole(msgspec.convert({"earning": rules}, Document)),
            effective_from=NOW - 999 * DAY,
            note="",
            actor="console",
            now=NOW,
        )
    by_rules = msgspec.structs.replace(terms, rate=None)
    told = [order(0, points=None), order(1, points=None), order(1, points=None)]
    assert codes(put(by_rules, *told)) == ["nothing", "applied", "applied again"]
    anna = balances(terms)["anna"]
    assert anna is not None
    assert anna.lifetime == 5
