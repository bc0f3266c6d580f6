"""Returns of the past, told at the time they happened."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from punchcard.journeys.import_returns import Brought, import_returns
from punchcard.journeys.orders.answers import ReturnAnswer
from punchcard.kernel.transactions import require_transaction
from punchcard.ledger.commands import Redeem
from tests.builders import DAY, START, rows
from tests.journeys.store import NOW, PER_EURO, Store, a_store


@pytest.fixture
def store() -> Store:
    made = a_store("bo")
    made.configure({"id": "base", "earn": PER_EURO})
    return made


def brought(external_id: str, order: str = "o-1", **said: Any) -> Brought:
    about = {"occurred_at": START + DAY} | said
    return Brought(external_id=external_id, order=order, **about)


def put(store: Store, *returns: Brought, **options: Any) -> list[ReturnAnswer]:
    return import_returns(
        program=store.program, returns=returns, now=store.now, **options
    )


def told(answers: list[ReturnAnswer]) -> list[str]:
    """Return what became of each: what it took, or why not."""
    return [
        str(getattr(answer.refusal, "code", answer.refusal))
        if answer.refusal
        else ("" if answer.created else "known ")
        + str(sum(taken.points for taken in answer.taken))
        for answer in answers
    ]


def test_what_a_row_leaves_out_is_the_only_line_or_all_that_is_left(
    store: Store,
) -> None:
    store.bought("o-1", "3x1000")
    store.bought("o-2", "1x1000, 1x500")
    assert told(
        put(
            store,
            brought("r-1", amount=500),
            brought("r-2", quantity=1),
            brought("r-3"),
            brought("r-4", "o-2", quantity=1),
            brought("r-5", "o-2", line=2, amount=250),
            brought("r-6", "o-2"),
        )
    ) == ["5", "9", "16", "malformed", "3", "12"]
    assert store.balance() == 0


def test_each_refusal_stops_nobody_else(store: Store) -> None:
    store.bought("o-1", "2x1000")
    store.bought("open", status="open")
    answers = put(
        store,
        brought("r-1", amount=100),
        brought("r-2", "nobody's", amount=100),
        brought("r-1", amount=200),
        brought("r-3", amount=1901),
        brought("r-4", line=2, amount=1),
        brought("r-5", "open", amount=1),
        brought("r-6", occurred_at=NOW + timedelta(seconds=1)),
        brought("r-7", "\0", amount=1),
        brought("r-8", amount=1900),
        brought("r-9", amount=1),
    )
    assert told(answers) == [
        "1",
        "order_not_found",
        "return_reused",
        "exceeds_order",
        "line_not_found",
        "order_cannot_move",
        "malformed",
        "order_not_found",
        "19",
        "order_cannot_move",
    ]
    count = "SELECT count(*) FROM orders_return WHERE program_id = %s"
    assert rows(count, (store.program,)) == [(2,)]
    assert store.balance() == 0


def test_told_again_it_is_known_and_takes_nothing(store: Store) -> None:
    store.bought("o-1", "1x1999")
    returns = [brought(f"r-{n}", amount=333) for n in range(6)]
    first = put(store, *returns)
    again = put(store, *returns)
    assert [f"known {points}" for points in told(first)] == told(again)
    assert store.balance() == 0
    assert sum(int(points) for points in told(first)) == 19


def test_what_is_done_along_is_done_in_the_transaction_of_it(store: Store) -> None:
    store.bought("o-1", "1x1000")
    seen: list[list[str]] = []

    def along(answers: list[ReturnAnswer]) -> None:
        require_transaction()
        seen.append(told(answers))

    asked = [brought("r-1", "nobody's"), brought("r-2", amount=100)]
    answers = put(store, *asked, along=along)
    assert seen == [told(answers)] == [["order_not_found", "1"]]

    def fail(_: list[ReturnAnswer]) -> None:
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError):
        put(store, brought("r-3", amount=100), along=fail)
    assert store.balance() == 9
    assert told(put(store, brought("r-3", amount=100))) == ["1"]
    assert put(store) == []


def test_who_takes_nothing_of_what_is_spent_is_asked_for_the_rest(
    store: Store,
) -> None:
    policy = {"returns": {"shortfall": "refuse"}}
    store.configure({"id": "base", "earn": PER_EURO}, document=policy)
    store.bought("o-1", "1x1000")
    store.bought("o-2", "1x1000", by="bo")
    account = store.account("bo").account
    assert store.post(Redeem(account=account, points=5, key="spent"))[0].applied
    seen: list[list[str]] = []
    asked = [brought("r-1", "o-2"), brought("r-2", "o-1", amount=100)]
    answers = put(store, *asked, along=lambda found: seen.append(told(found)))
    assert told(answers) == ["points_spent", "1"]
    assert seen == [told(answers)]
    assert (store.balance("bo"), store.balance()) == (5, 9)
